"""Pieces on several resin plates, through the driver: all of the body is in the files, each piece on its own plate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Case, Part, Source, Split
from printprep.formats import sl1
from printprep.geometry.solid import Manifold, from_solid
from printprep.prepare.arrange import arrange
from printprep.prepare.pipeline import begin, plan_of
from printprep.prepare.split import split
from printprep.profiles.load import load_profiles
from printprep.slicers import resin


def test_a_body_larger_than_the_panel_comes_out_on_two_plates(tmp_path: Path) -> None:
    profiles = load_profiles()
    mesh = from_solid(Manifold.cube((200.0, 50.0, 1.0)))
    part = Part(name="bone", mesh=mesh, tissue="bone", source=Source(file="a.stl", sha256="0" * 64))
    case = Case(id="T", parts=(part,), split=Split(allowed=True))
    draft = begin(case, profiles.printer("prusa-sl1s"), profiles.process("draft"), profiles)
    made = replace(draft, parts=tuple(replace(p, material="resin-standard", tool=0) for p in draft.parts))
    plan = plan_of(arrange(split(made)), supports=False)
    assert [plate.parts for plate in plan.plates] == [("bone.1",), ("bone.2",)]
    plates = [resin.slice_plate(plan, plate, profiles, tmp_path) for plate in plan.plates]
    assert [plate.file.name for plate in plates] == ["plate-1.sl1", "plate-2.sl1"]
    printed_mm3 = 0.0
    panel = draft.printer.resin
    assert panel is not None
    for plate in plates:
        file = sl1.read(plate.file)
        pixels = sum(float(file.layer(i).sum(dtype=np.int64)) / 255 for i in range(len(file)))
        volume_mm3 = pixels * panel.pixel_mm[0] * panel.pixel_mm[1] * plate.layer_height_mm
        piece = plan.part(f"bone.{plate.index}").mesh.volume_mm3
        assert volume_mm3 == pytest.approx(piece, rel=5e-3)
        printed_mm3 += volume_mm3
    assert printed_mm3 == pytest.approx(200.0 * 50.0, rel=5e-3)
