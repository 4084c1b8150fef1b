"""What is told without slicing, against PrusaSlicer's G-code as we time it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from printprep.plan import Plan
from printprep.profiles.load import load_profiles
from printprep.progress import SILENT
from printprep.run import Request, prepare_parts, run_case, slice_plates
from printprep.slicers.ahead import range_s
from printprep.slicers.own_time import times_on
from printprep.variants import told_ahead

SAMPLES = Path(__file__).parents[1] / "data" / "samples"


@pytest.mark.integration
@pytest.mark.parametrize(("printer", "process"), [("ender-3", "standard"), ("voron-2.4", "draft")])
def test_a_sample_takes_what_was_told(engine: Callable[[str], str], tmp_path: Path, printer: str, process: str) -> None:
    engine("prusa-slicer")
    profiles = load_profiles()
    request = Request(
        sources=(SAMPLES / "case_aortic_dissection" / "pulmonary_artery.ply",),
        printer=printer,
        process=process,
        out=tmp_path,
        units="mm",
        scale=0.5,
        synthetic=True,
    )
    prepared = prepare_parts(run_case(request, profiles, "repair"), SILENT)
    told = told_ahead(prepared)
    sliced = slice_plates(prepared, SILENT)
    assert isinstance(sliced.plan, Plan)
    own_s = sum(times_on(sliced.printer, plate.file).duration_s for plate in sliced.plates)
    low_s, high_s = range_s(told.duration_s, sliced.printer)
    assert low_s < own_s < high_s
    used_mm3 = sum(use.mm3 for plate in sliced.plates for use in plate.estimate.material)
    assert sum(use.mm3 for use in told.material) == pytest.approx(used_mm3, rel=0.2)
