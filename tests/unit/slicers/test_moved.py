"""A plate is moved as little as goes when what is drawn on it leaves the bed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.errors import DoesNotFit
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import Manifold, from_solid
from printprep.plan import Plan, PlannedPart, Plate, SlicedPlate, ToolLoad
from printprep.profiles.load import load_profiles
from printprep.profiles.models import Bed
from printprep.slicers import slice_plate
from printprep.slicers.moved import moved_for, slice_moving

BED = Bed(width_mm=220, depth_mm=220, height_mm=250)
CLIPPED = Bed(width_mm=220, depth_mm=220, height_mm=250, keep_outs_mm=((0, 0, 220, 5),))
HERE = Plate(index=1, parts=("a", "b"), case_to_plate=np.eye(4), motions={2: np.diag([-1.0, -1.0, 1.0, 1.0])})


@pytest.mark.parametrize(
    ("drawn", "bed", "by"),
    [
        ((-2.2, 7.3, 215.8, 190.6), BED, (2.2, 0.0)),
        ((-2.2, 7.3, 215.8, 190.6), CLIPPED, (2.2, 0.0)),
        ((10.0, -1.0, 50.0, 223.0 - 5.0), BED, (0.0, 1.0)),
        ((10.0, -1.0, 50.0, 213.0), CLIPPED, (0.0, 6.0)),  # behind the clip
        ((10.0, -1.0, 50.0, 216.0), CLIPPED, (0.0, 1.0)),  # no room behind it
        ((3.0, 3.0, 221.0, 222.0), BED, (-1.0, -2.0)),
    ],
)
def test_the_least_move_that_brings_all_of_it_onto_the_bed(
    drawn: tuple[float, float, float, float], bed: Bed, by: tuple[float, float]
) -> None:
    moved = moved_for(drawn, HERE, bed)
    assert moved is not None
    assert moved.case_to_plate[:2, 3] == pytest.approx(by)
    assert moved.motions[2][:2, 3] == pytest.approx(by)  # all pieces together
    assert moved.motions[2][0, 0] == -1.0


@pytest.mark.parametrize("drawn", [(-2.0, 0.0, 219.0, 10.0), (0.0, 0.0, 10.0, 220.5)])
def test_what_is_larger_than_the_bed_has_no_place(drawn: tuple[float, float, float, float]) -> None:
    assert moved_for(drawn, HERE, BED) is None


def bridge(left_mm: float, length_mm: float) -> Plan:
    """An arm that stands out to the left of its post, ``left_mm`` from the edge of the bed."""
    arm = Manifold.cube((length_mm, 20, 2)).translate((0, 0, 8)) + Manifold.cube((20, 20, 10)).translate(
        (length_mm - 20, 0, 0)
    )
    motion = np.eye(4)
    motion[:2, 3] = left_mm, 100.0
    colour = (200, 200, 200)
    mesh: Mesh = from_solid(arm)
    part = PlannedPart(name="arm", mesh=mesh, tissue=None, material="pla", tool=0, colour=colour, priority=1)
    return Plan(
        case_id="T-1",
        printer="ender-3",
        process="rush",
        parts=(part,),
        tools=(ToolLoad(tool=0, material="pla", colour=colour, parts=("arm",)),),
        plates=(Plate(index=1, parts=("arm",), case_to_plate=motion),),
        changes={},
        findings=(),
    )


@pytest.fixture
def slice_it(engine: Callable[[str], str], tmp_path: Path) -> Callable[[Plan, Plate], SlicedPlate]:
    engine("prusa-slicer")
    return lambda plan, plate: slice_plate(plan, plate, load_profiles(), tmp_path)


@pytest.mark.integration
def test_supports_that_leave_the_bed_move_the_plate(slice_it: Callable[[Plan, Plate], SlicedPlate]) -> None:
    bed = load_profiles().printer("ender-3").bed
    plan = replace(bridge(3.0, 60.0), process="standard")
    moved, (plate,), (said,) = slice_moving(plan, bed, slice_it)
    x_mm = moved.plates[0].case_to_plate[0, 3]
    assert 4.0 < x_mm < 8.0
    assert said.code == "plate-moved"
    assert said.value == pytest.approx(x_mm - 3.0, abs=2e-3)
    assert plate.supports is not None
    assert plate.supports.volume_mm3 > 0
    still, _, nothing = slice_moving(moved, bed, slice_it)
    assert still is moved
    assert nothing == ()


@pytest.mark.integration
def test_supports_for_which_the_bed_is_too_small_are_said(slice_it: Callable[[Plan, Plate], SlicedPlate]) -> None:
    bed = load_profiles().printer("ender-3").bed
    with pytest.raises(DoesNotFit, match=r"plate 1 takes 22\d\.\d x .* with its supports and brim, the bed is 220"):
        slice_moving(bridge(3.5, 213.0), bed, slice_it)


def test_a_part_that_does_not_fit_is_not_moved() -> None:
    def refuse(_plan: Plan, _plate: Plate) -> SlicedPlate:
        raise DoesNotFit("the part itself")

    plan = replace(bridge(3.5, 60.0), plates=(HERE,))
    with pytest.raises(DoesNotFit, match="the part itself"):
        slice_moving(plan, BED, refuse)
