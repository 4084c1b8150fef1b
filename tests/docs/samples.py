"""What becomes of every sample: ``make samples`` prepares them all and writes tests/data/samples/README.md.

Each mesh alone, each object of a 3MF alone, and each case whole goes the way of ``printprep prepare`` up to its
certificate. It comes out as a solid within the limits, or is refused with the place. The table has no times: it changes
only when an outcome does, and a trial compares it with what the code makes of the samples now.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

import printprep
from printprep.case import Finding, Part, stopping
from printprep.casefile import Limits
from printprep.errors import PrintprepError
from printprep.files import write_text
from printprep.formats import read_meshes
from printprep.geometry.measure import Defects, inspect
from printprep.geometry.mesh import Mesh, Point, join
from printprep.plan import PartCertificate
from printprep.prepare.certify import THIN, together
from printprep.prepare.faithful import field_of
from printprep.prepare.intake import read_case
from printprep.profiles.load import load_profiles
from printprep.report.heat import Layer, Marker, heat, legend
from printprep.report.paper import direction_in
from printprep.report.proof import IDENTICAL_MM
from printprep.run import Request, RunResult, run_case

ROOT: Final = Path(__file__).parent.parent.parent
DATA: Final = ROOT / "tests" / "data"
SAMPLES: Final = DATA / "samples"
DISSECTION: Final = Path(printprep.__file__).parent / "demo" / "dissection"
PRINTER, PROCESS = "prusa-xl", "standard"
CELL_PX: Final = (230, 200)
CAPTION_PX, KEY_PX, COLUMNS = 20, 440, 5
KIDNEY: Final = {
    "cortex": "kidney cortex",
    "other": "kidney hilum",
    "pyramids_columns": "kidney pyramids and columns",
    "ureter_calyces": "ureter and calyces",
}
CASE: Final = '[case]\nid = "SAMPLE-1"\nunits = "mm"\nsynthetic = true\n'
NAMES_ARE_ANATOMY: Final = '[[accept]]\ncode = "name-may-identify"\nreason = "names of an atlas"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One thing to prepare."""

    group: str
    name: str
    files: tuple[Path, ...]
    parts: tuple[tuple[str, Path, str | None], ...] = ()  # name, file and object of what a case.toml declares
    units: str | None = "mm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of it, in words and figures, and a picture of it."""

    group: str
    name: str
    triangles: int
    came: str
    outcome: str
    good: bool
    max_mm: float | None
    p95_mm: float | None
    volume_percent: float | None
    wall: str
    picture: bytes


def samples() -> tuple[Sample, ...]:
    """All of them, by group."""
    vessels = tuple(sorted(DISSECTION.glob("*.stl")))
    dissection = (*vessels, *sorted((SAMPLES / "case_aortic_dissection").glob("*.ply")))
    groups = [_one("Aortic dissection", file) for file in dissection]
    groups.append(Sample(group="Aortic dissection", name=f"all {len(dissection)} together", files=dissection))
    kidney = sorted((SAMPLES / "case_kidney_left_female").glob("*.ply"))
    groups += _declared("Left kidney", [(KIDNEY[file.stem], file, None) for file in kidney])
    for group, file in (("Heart", "heart_female_parts.3mf"), ("Liver", "liver_male_segments.3mf")):
        objects = [one.name or "" for one in read_meshes(SAMPLES / file)]
        groups += _declared(group, [(_plain(name), SAMPLES / file, name) for name in objects])
    single = ("aorta_raw_voxel_surface.ply", "pelvis_female.stl", "trachea_male.stl")
    groups += [_one("Single meshes", SAMPLES / file) for file in single]
    metres = (DATA / "small" / f"{name}_metres.stl" for name in ("skull", "jaw", "scaphoid"))
    groups += [replace(_one("Single meshes", file), units="m") for file in metres]
    return tuple(groups)


def _one(group: str, file: Path) -> Sample:
    return Sample(group=group, name=file.stem.replace("_", " "), files=(file,))


def _declared(group: str, parts: Sequence[tuple[str, Path, str | None]]) -> Iterable[Sample]:
    """Every part alone, and all of them, with the names and the material that a case.toml says."""
    for part in parts:
        yield Sample(group=group, name=part[0], files=(part[1],), parts=(part,), units=None)
    yield Sample(group=group, name=f"all {len(parts)} together", files=(), parts=tuple(parts), units=None)


def printable() -> tuple[Sample, ...]:
    """The samples that come out as solids, by the page."""
    good, group = set(), ""
    for line in (SAMPLES / "README.md").read_text("utf-8").splitlines():
        group = line[3:] if line.startswith("## ") else group
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) > 3 and " solid" in cells[3] and not cells[3].startswith("refused"):
            good.add((group, cells[0]))
    chosen = samples()
    return tuple(one for one in (*chosen, *solids_of(good, chosen)) if (one.group, one.name) in good)


def solids_of(good: Set[tuple[str, str]], chosen: Sequence[Sample]) -> Iterable[Sample]:
    """Of each group that was refused as a whole, the parts that alone are solids (group and name), together."""
    for sample in chosen:
        parts = tuple(part for part in sample.parts if (sample.group, part[0]) in good)
        if len(sample.parts) > 1 and (sample.group, sample.name) not in good and len(parts) > 1:
            yield replace(sample, name=f"the {len(parts)} that are solids, together", parts=parts)


def _plain(name: str) -> str:
    """The name of an object of the atlas as anatomy: without the body that it was made from."""
    return name.removeprefix("VH_F_").removeprefix("VH_M_").replace("_", " ")


def prepared(sample: Sample) -> Row:
    """Take a sample the way of ``printprep prepare``."""
    with tempfile.TemporaryDirectory() as folder:
        sources = sources_of(sample, Path(folder))
        request = Request(
            sources=sources,
            printer=PRINTER,
            process=PROCESS,
            out=Path(folder) / "out",
            units=sample.units,
            synthetic=True,
            case_id=None if sample.parts else "SAMPLE-1",
        )
        profiles = load_profiles()
        try:
            return _row(sample, run_case(request, profiles, "certify"))
        except PrintprepError as error:
            case = read_case(sources, profiles, units=sample.units, case_id=request.case_id, synthetic=True)
            return _refused_row(sample, case.parts, str(error), None)


def sources_of(sample: Sample, folder: Path) -> tuple[Path, ...]:
    """The files, or a case.toml that declares what they are."""
    if not sample.parts:
        return sample.files
    said = [CASE]
    for name, file, object_ in sample.parts:
        of = f'object = "{object_}"\n' if object_ else ""
        said.append(f'[[parts]]\nname = "{name}"\nmesh = "{file}"\n{of}material = "pla"\n')
    (folder / "case.toml").write_text("\n".join([*said, NAMES_ARE_ANATOMY]), "utf-8")
    return (folder / "case.toml",)


def _row(sample: Sample, result: RunResult) -> Row:
    assert result.case is not None
    parts = result.case.parts
    if result.stopped or result.certificate is None or result.plan is None:
        errors = stopping(result.findings)
        return _refused_row(sample, parts, _reasons(errors), next((f.where_mm for f in errors if f.where_mm), None))
    found = result.certificate.parts
    worst = max(found, key=lambda part: part.deviation.max_mm)
    closed, within = all(part.closed for part in found), result.certificate.within_limits
    known = [part for part in found if part.comparable]
    volumes = [_volume_percent(part) for part in known]
    return Row(
        group=sample.group,
        name=sample.name,
        triangles=sum(len(part.mesh) for part in parts),
        came=_came(parts),
        outcome=_solid(found),
        good=closed and within,
        max_mm=worst.deviation.max_mm,
        p95_mm=max(part.deviation.p95_mm for part in found),
        volume_percent=max(volumes, key=abs) if volumes else None,
        wall=_wall(result.findings),
        picture=_picture(_layers(result), result.case.limits, worst.deviation.where_mm, good=True),
    )


def _volume_percent(part: PartCertificate) -> float:
    return 100.0 * (part.volume_mm3 - part.volume_source_mm3) / max(part.volume_source_mm3, 1e-9)


def _solid(found: Sequence[PartCertificate]) -> str:
    """How the parts became solids."""
    same = sum(part.deviation.max_mm <= IDENTICAL_MM and not part.changes for part in found)
    if len(found) == 1:
        return "a solid, as it came" if same else "a solid, mended"
    return f"{len(found)} solids: {same} as they came, {len(found) - same} mended"


def _reasons(errors: Sequence[Finding]) -> str:
    """The errors by their code, the message of the first of each."""
    by: dict[str, list[Finding]] = {}
    for error in errors:
        by.setdefault(error.code, []).append(error)
    said = []
    for code, found in by.items():
        where = found[0].where_mm
        at = " at ({:.1f}, {:.1f}, {:.1f}) mm".format(*where) if where is not None else ""
        more = f"; and {len(found) - 1} more parts" if len(found) > 1 else ""
        message = found[0].message.replace(" cannot be made a solid:", ":")
        if len(errors) == 1 and found[0].part:
            message = message.removeprefix(f"part {found[0].part}").removeprefix(":").strip()
        said.append(f"`{code}`: {message}{at}{more}")
    return ". ".join(said)


def _refused_row(sample: Sample, parts: Sequence[Part], why: str, where: Point | None) -> Row:
    layers = [Layer(join([part.mesh for part in parts]), lambda points: np.zeros(len(points)))]
    return Row(
        group=sample.group,
        name=sample.name,
        triangles=sum(len(part.mesh) for part in parts),
        came=_came(parts),
        outcome=f"refused. {why}",
        good=False,
        max_mm=None,
        p95_mm=None,
        volume_percent=None,
        wall="",
        picture=_picture(layers, Limits(), where, good=False),
    )


def _came(parts: Sequence[Part]) -> str:
    """What came, in a few words."""
    found = [inspect(part.mesh) for part in parts]
    if len(found) > 1:
        return f"{sum(one.clean for one in found)} of {len(found)} closed and clean"
    return _defects(found[0])


def _defects(found: Defects) -> str:
    said = [
        f"{count:,} {what}"
        for count, what in (
            (found.open_edges, "open edges"),
            (found.nonmanifold_edges, "non-manifold edges"),
            (found.misoriented_edges, "misoriented edges"),
            (found.duplicate_faces, "duplicate faces"),
            (found.self_intersecting_faces, "crossing faces"),
        )
        if count
    ]
    said += ["inside out"] if found.inside_out else []
    said += [f"{found.bodies:,} bodies"] if found.bodies > 1 else []
    return ", ".join(said if not found.clean else ["closed and clean", *said])


def _wall(findings: Sequence[Finding]) -> str:
    """The thinnest wall that is thinner than two lines; enough: none is."""
    thin = [float(f.value) for f in findings if f.code in THIN and isinstance(f.value, float | int)]
    return f"{min(thin):.2f}" if thin else "enough"


def _layers(result: RunResult) -> list[Layer]:
    """The printed surfaces with their deviation, and the sources where they were changed."""
    assert result.case is not None
    assert result.plan is not None
    layers = []
    for part in result.case.parts:
        whole = together(result.plan.pieces(part.name))
        off = field_of(part, whole, result.plan.changes.get(part.name, ()), result.plan.cuts, None)
        if off is None:
            layers.append(Layer(whole.mesh, np.zeros(len(whole.mesh.vertices))))
        else:
            layers += [Layer(off.printed, off.of_printed), Layer(off.source, off.of_source)]
    return layers


def _picture(layers: Sequence[Layer], limits: Limits, where: Point | None, *, good: bool) -> bytes:
    """A cell of the contact sheet; not every file says where the front is, so no picture does."""
    markers = [Marker("!", where)] if where is not None and not good else []
    drawn = [replace(layer, mesh=_finite(layer.mesh)) for layer in layers]
    into, up = direction_in("RAS", "P"), direction_in("RAS", "S")
    return heat(drawn, limits, into, CELL_PX, up=up, markers=markers, key=False)


def _finite(mesh: Mesh) -> Mesh:
    return mesh if np.isfinite(mesh.vertices).all() else Mesh(np.nan_to_num(mesh.vertices), mesh.faces)


def sheet(rows: Sequence[Row]) -> bytes:
    """A contact sheet: a cell a row, framed in red where it was refused, and what the colours mean."""
    width, height = CELL_PX[0], CELL_PX[1] + CAPTION_PX
    lines = -(-len(rows) // COLUMNS)
    key = cv2.resize(legend(Limits(), KEY_PX), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    paper: npt.NDArray[np.uint8] = np.full((lines * height + len(key) + 8, COLUMNS * width, 3), 255, np.uint8)
    for k, row in enumerate(rows):
        image = cv2.imdecode(np.frombuffer(row.picture, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        x, y = k % COLUMNS * width, k // COLUMNS * height
        paper[y + CAPTION_PX : y + height, x : x + width] = image
        ink = (60, 60, 60) if row.good else (38, 30, 179)
        text = row.name if len(row.name) <= 33 else row.name[:31] + ".."
        cv2.putText(paper, text, (x + 6, y + 14), cv2.FONT_HERSHEY_SIMPLEX, 0.38, ink, 1, cv2.LINE_AA)
        if not row.good:
            cv2.rectangle(paper, (x + 1, y + CAPTION_PX), (x + width - 2, y + height - 2), ink, 1)
    paper[-len(key) :, :KEY_PX] = (key[:, :, ::-1] * 255).astype(np.uint8)
    few = np.minimum(paper // 4 * 4 + 2, 255).astype(np.uint8)  # fewer levels make the file half as large
    few[(paper > 242).all(axis=2)] = 255
    _, encoded = cv2.imencode(".png", few, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return bytes(encoded.tobytes())


def page(rows: Sequence[Row]) -> str:
    """The README of the samples."""
    text = [
        "# What becomes of the samples",
        "",
        "Made by `make samples`: every mesh alone, every object of a 3MF alone, and every case whole, through",
        f"`printprep prepare` for {PRINTER}. Each comes out as a closed manifold solid within the limits (95 % of the",
        "surface within 0.2 mm of its source, all of it within 0.5 mm, volume within 2 %), or is refused with the",
        "place. The deviation is measured both ways, after the file was written and read back; surface that closes a",
        "hole has no source to deviate from (dotted in the pictures, listed in the certificate), and a source with",
        "holes has no volume to compare with. Where the samples come from: [SOURCES.md](../SOURCES.md).",
        "",
        f"**{sum(row.good for row in rows)} of {len(rows)}** are printed; nothing comes out that is no solid.",
        "",
    ]
    for group in dict.fromkeys(row.group for row in rows):
        own = [row for row in rows if row.group == group]
        picture = f"pictures/{group.lower().replace(' ', '-')}.png"
        text += [f"## {group}", "", f"![{group}: every sample in the colours of its deviation]({picture})", ""]
        text += [
            "| sample | triangles | what came | outcome | largest, mm | 95 %, mm | volume, % | thinnest wall, mm |",
            "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |",
            *map(_line, own),
            "",
        ]
    return "\n".join(text)


def _line(row: Row) -> str:
    def fixed(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value + 0.0:.{digits}f}".replace("-0." + "0" * digits, "0." + "0" * digits)

    cells = (
        row.name,
        f"{row.triangles:,}",
        row.came,
        row.outcome.replace("|", "/"),
        fixed(row.max_mm, 3),
        fixed(row.p95_mm, 3),
        fixed(row.volume_percent, 2),
        row.wall,
    )
    return "| " + " | ".join(cells) + " |"


def all_rows(chosen: Sequence[Sample]) -> list[Row]:
    """All rows in their order, made by two processes."""
    largest_first = sorted(range(len(chosen)), key=lambda k: -len(chosen[k].parts) - len(chosen[k].files))
    rows: list[Row | None] = [None] * len(chosen)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for k, row in zip(largest_first, pool.map(prepared, [chosen[k] for k in largest_first]), strict=True):
            rows[k] = row
            sys.stderr.write(f"{row.group}: {row.name}: {row.outcome[:100]}\n")
    return [row for row in rows if row is not None]


def made() -> list[Row]:
    """Every row of the page."""
    chosen = samples()
    rows = all_rows(chosen)
    good = {(row.group, row.name) for row in rows if row.good}
    return [*rows, *all_rows(tuple(solids_of(good, chosen)))]


def main() -> None:
    """Write the page and its pictures."""
    rows = made()
    (SAMPLES / "pictures").mkdir(exist_ok=True)
    for group in dict.fromkeys(row.group for row in rows):
        name = f"{group.lower().replace(' ', '-')}.png"
        (SAMPLES / "pictures" / name).write_bytes(sheet([row for row in rows if row.group == group]))
    write_text(SAMPLES / "README.md", page(rows))


if __name__ == "__main__":
    main()
