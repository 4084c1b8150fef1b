"""Pieces on several resin plates, through the driver: all of the body is in the files, each piece on its own plate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Case, Part, Severity, Source
from printprep.casefile import Split
from printprep.formats import sl1
from printprep.geometry.solid import Manifold, from_solid
from printprep.plan import Plan
from printprep.prepare.arrange import arrange
from printprep.prepare.assign import assign
from printprep.prepare.certify import certify
from printprep.prepare.pipeline import begin, plan_of
from printprep.prepare.split import split
from printprep.prepare.support import support
from printprep.profiles.load import load_profiles
from printprep.slicers import resin


def test_a_body_larger_than_the_panel_comes_out_on_two_plates(tmp_path: Path) -> None:
    profiles = load_profiles()
    mesh = from_solid(Manifold.cube((200.0, 50.0, 1.0)))
    part = Part(name="bone", mesh=mesh, tissue="bone", source=Source(file="a.stl", sha256="0" * 64))
    case = Case(id="T", parts=(part,), split=Split(allowed=True))
    draft = begin(case, profiles.printer("prusa-sl1s"), profiles.process("draft"), profiles, supports=False)
    made = replace(draft, parts=tuple(replace(p, material="resin-standard", tool=0) for p in draft.parts))
    plan = plan_of(arrange(split(made)))
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


def test_pieces_get_supports_and_those_that_go_into_a_piece_are_noticed() -> None:
    profiles = load_profiles()
    mesh = from_solid(Manifold.cube((160.0, 10.0, 10.0)).rotate((25.0, 0.0, 0.0)))
    part = Part(name="bone", mesh=mesh, tissue="bone", source=Source(file="a.stl", sha256="0" * 64))
    case = Case(id="T", parts=(part,), split=Split(allowed=True))
    draft = begin(case, profiles.printer("prusa-sl1s"), profiles.process("draft"), profiles)
    plan = plan_of(support(arrange(split(assign(draft)))))
    held = {row.part for row in plan.removals}
    assert held == {part.name for part in plan.parts if not part.added} == {"bone.1", "bone.2"}

    def errors(plan: Plan) -> list[tuple[str, str | None]]:
        found = certify(case, plan, "0" * 64).findings
        return [(one.code, one.part) for one in found if one.severity is Severity.ERROR]

    assert errors(plan) == []
    up = np.eye(4)
    up[2, 3] = 3.0
    risen = tuple(replace(p, mesh=p.mesh.transformed(up)) if p.added else p for p in plan.parts)
    names = [p.name for p in plan.parts if p.added]
    assert sorted(errors(replace(plan, parts=risen))) == [("added-in-anatomy", name) for name in sorted(names)]
