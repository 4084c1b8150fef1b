"""One body, sliced by real slicers in each way that they can write a movement of the extruder: it feeds the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from printprep.gcode.beads import Role, beads
from printprep.gcode.read import Gcode, read_gcode

pytestmark = pytest.mark.integration

WAYS = {
    "relative": ("--use-relative-e-distances", "--layer-gcode", "G92 E0"),
    "absolute": (),
    "volumetric": ("--use-volumetric-e", "--start-gcode", "G28\nM200 D1.75"),
    "retracted by the firmware": ("--use-firmware-retraction", "--gcode-flavor", "marlin"),
    "commented": ("--gcode-comments",),
    "for another firmware": ("--gcode-flavor", "reprapfirmware", "--gcode-label-objects"),
}


def sliced(program: str, target: Path, mesh: Path, *options: str) -> Gcode:
    command = [program, "--layer-height", "0.3", "--first-layer-height", "0.3", *options, "-o", str(target), str(mesh)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return read_gcode(target)


def laid_mm(gcode: Gcode) -> float:
    """Filament that is fed on the way, in all."""
    step = np.diff(gcode.moves.position_mm, axis=0, prepend=np.zeros((1, 3)))
    lays = (gcode.moves.e_mm > 0) & (np.hypot(step[:, 0], step[:, 1]) > 0)
    return float(gcode.moves.e_mm[lays].sum())


def test_prusaslicer_feeds_the_same_in_every_way_of_saying_it(
    tmp_path: Path, data: Path, engine: Callable[[str], str]
) -> None:
    program, mesh = engine("prusa-slicer"), data / "gcode" / "tee.stl"
    files = {way: sliced(program, tmp_path / "a.gcode", mesh, "-g", *options) for way, options in WAYS.items()}
    first = files["relative"]
    for way, gcode in files.items():
        assert gcode.counts.bad == gcode.counts.unknown == 0, way
        assert laid_mm(gcode) == pytest.approx(laid_mm(first), rel=2e-3), way
        assert gcode.layer_z_mm.tolist() == first.layer_z_mm.tolist(), way
        assert set(gcode.features) == set(first.features), way


@pytest.mark.parametrize("options", [(), ("--use-relative-e-distances", "--layer-gcode", "G92 E0")])
def test_slic3r_says_features_only_when_asked(
    tmp_path: Path, data: Path, engine: Callable[[str], str], options: tuple[str, ...]
) -> None:
    program, mesh = engine("slic3r"), data / "gcode" / "tee.stl"
    plain = sliced(program, tmp_path / "plain.gcode", mesh, *options)
    commented = sliced(program, tmp_path / "commented.gcode", mesh, "--gcode-comments", "--brim-width", "2", *options)
    assert plain.features == ("",)
    assert set(commented.features) >= {"skirt", "brim", "perimeter", "infill"}
    assert len(plain.layer_z_mm) == len(commented.layer_z_mm) == 15
    laid = beads(commented)
    assert {Role(int(role)) for role in laid.role} == {Role.PART, Role.SKIRT}
