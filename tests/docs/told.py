"""What prints take, told ahead against sliced: ``make told`` slices a fixed set and writes tests/data/samples/TOLD.md.

Scales, printers and layers are others than those that the rules of telling ahead were found on; nothing in them is
fitted to these prints.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from printprep.files import write_text
from printprep.profiles.load import Profiles, load_profiles
from printprep.progress import SILENT
from printprep.run import Request, prepare_parts, run_case, slice_plates
from printprep.slicers.ahead import range_s
from printprep.slicers.own_time import times_on
from printprep.variants import told_ahead

SAMPLES: Final = Path(__file__).parent.parent / "data" / "samples"
PAGE: Final = SAMPLES / "TOLD.md"
AORTA, KIDNEY = "case_aortic_dissection", "case_kidney_left_female"
HEAD: Final = """# Told ahead, and sliced

Written by `make told`; do not edit. Each print is told from sections of 24 of its layers, then sliced by PrusaSlicer;
the time of the file is our own. "Held" says whether it lies in the range that is shown beside what is told; "material"
is what the file feeds for each mm3 that was told.

| sample | scale | printer | process | layer mm | supports | told | sliced | sliced / told | material | held |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """One print of the set."""

    file: str
    scale: float
    printer: str
    process: str
    layer_mm: float | None = None  # None: the process's
    supports: bool = True


SET: Final = (
    Print(file=f"{AORTA}/heart.ply", scale=0.3, printer="ender-3", process="standard"),
    Print(file=f"{AORTA}/heart.ply", scale=0.25, printer="prusa-xl", process="draft", layer_mm=0.24),
    Print(file=f"{AORTA}/pulmonary_artery.ply", scale=0.6, printer="voron-2.4", process="rush"),
    Print(file=f"{AORTA}/pulmonary_artery.ply", scale=0.5, printer="prusa-xl", process="standard", layer_mm=0.15),
    Print(file=f"{AORTA}/spine_ribs.ply", scale=0.2, printer="prusa-mk4-mmu3", process="standard"),
    Print(file=f"{AORTA}/spine_ribs.ply", scale=0.2, printer="ender-3", process="draft", supports=False),
    Print(file=f"{KIDNEY}/cortex.ply", scale=0.4, printer="prusa-xl", process="rush"),
    Print(file=f"{KIDNEY}/cortex.ply", scale=0.4, printer="voron-2.4", process="fine"),
    Print(file=f"{KIDNEY}/pyramids_columns.ply", scale=0.4, printer="prusa-mk4-mmu3", process="standard"),
    Print(file=f"{KIDNEY}/pyramids_columns.ply", scale=0.4, printer="prusa-xl", process="draft", supports=False),
    Print(file="pelvis_female.stl", scale=0.2, printer="ender-3", process="rush"),
    Print(file="pelvis_female.stl", scale=0.2, printer="prusa-xl", process="draft", layer_mm=0.24),
    Print(file="trachea_male.stl", scale=0.5, printer="prusa-mk4-mmu3", process="rush"),
    Print(file="trachea_male.stl", scale=0.5, printer="voron-2.4", process="standard"),
    Print(file="aorta_raw_voxel_surface.ply", scale=0.3, printer="prusa-xl", process="standard"),
    Print(file="aorta_raw_voxel_surface.ply", scale=0.3, printer="ender-3", process="draft"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table, and what it says."""

    text: str
    ratio: float  # as it is shown, so that the sum is that of the page
    held: bool


def with_layers(profiles: Profiles, wanted: Print) -> Profiles:
    """The profiles, with the height of layers that a print wishes."""
    if wanted.layer_mm is None:
        return profiles
    process = profiles.process(wanted.process)
    fdm = process.fdm.model_copy(update={"layer_height_mm": wanted.layer_mm})
    return replace(profiles, processes={**profiles.processes, wanted.process: process.model_copy(update={"fdm": fdm})})


def row(wanted: Print, profiles: Profiles, folder: Path) -> Row:
    """Tell a print, slice it, and set them side by side."""
    request = Request(
        sources=(SAMPLES / wanted.file,), printer=wanted.printer, process=wanted.process, out=folder, units="mm",
        scale=wanted.scale, synthetic=True, supports=wanted.supports,
    )  # fmt: skip
    prepared = prepare_parts(run_case(request, with_layers(profiles, wanted), "repair"), SILENT)
    told, layer_mm = told_ahead(prepared), prepared.process.fdm.layer_height_mm
    sliced = slice_plates(prepared, SILENT)
    own_s = sum(times_on(sliced.printer, plate.file).duration_s for plate in sliced.plates)
    used_mm3 = sum(use.mm3 for plate in sliced.plates for use in plate.estimate.material)
    low_s, high_s = range_s(told.duration_s, sliced.printer)
    ratio, material = round(own_s / told.duration_s, 2), used_mm3 / sum(use.mm3 for use in told.material)
    held = low_s <= own_s <= high_s
    cells = (
        Path(wanted.file).stem, f"{wanted.scale}", wanted.printer, wanted.process, f"{layer_mm:.2f}",
        "yes" if wanted.supports else "no", f"{told.duration_s / 60:.0f} min", f"{own_s / 60:.0f} min",
        f"{ratio:.2f}", f"{material:.2f}", "yes" if held else "no",
    )  # fmt: skip
    return Row(text=f"| {' | '.join(cells)} |\n", ratio=ratio, held=held)


def main() -> None:
    """Write the page."""
    profiles, rows = load_profiles(), []
    for wanted in SET:
        with tempfile.TemporaryDirectory(prefix="printprep-") as folder:
            rows.append(row(wanted, profiles, Path(folder)))
    write_text(PAGE, HEAD + "".join(one.text for one in rows) + summary(rows))


def is_near(ratio: float) -> bool:
    """Whether what a print took is within a tenth of what was told."""
    return abs(round(ratio - 1, 2)) <= 0.1


def summary(rows: Sequence[Row]) -> str:
    """What the table comes to."""
    ratios = [one.ratio for one in rows]
    near, held = sum(is_near(ratio) for ratio in ratios), sum(one.held for one in rows)
    return (
        f"\n{near} of {len(rows)} prints took within a tenth of what was told, all of them {min(ratios):.2f} to "
        f"{max(ratios):.2f} times that; {held} lie in their range.\n"
    )


if __name__ == "__main__":
    main()
