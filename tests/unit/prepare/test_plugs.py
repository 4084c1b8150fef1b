from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from printprep.case import Case, Part, Source
from printprep.casefile import Hollow
from printprep.geometry.hole import BRIM_MM, HEAD_MM, Hole, plug
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.nest import footprint
from printprep.geometry.orient import rotation_to_up
from printprep.geometry.solid import intersect
from printprep.plan import ToolLoad
from printprep.prepare.added import may_be_added
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.free_places import BESIDE_MM
from printprep.prepare.hollow import hollow
from printprep.prepare.plugs import plugs
from printprep.profiles.load import Profiles, load_profiles

HOLE = Hole(at_mm=(0, 0, 5), axis=(0, 0, 1), diameter_mm=4.0, inward_mm=3.0, outward_mm=1.0, length_mm=2.0)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def draft(profiles: Profiles, asked: Hollow) -> Draft:
    made = trimesh.creation.box((24, 24, 24))
    mesh = Mesh(made.vertices, made.faces)
    part = Part(name="a", mesh=mesh, tissue=None, source=Source(file="a.stl", sha256="0" * 64), hollow=asked)
    return Draft(
        case=Case(id="T", parts=(part,)),
        printer=profiles.printer("prusa-sl1s"),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=(DraftPart(name="a", mesh=mesh, material="resin-standard", tool=0, priority=3),),
        tools=(ToolLoad(tool=0, material="resin-standard", colour=(9, 9, 9), parts=("a",)),),
        rotation=rotation_to_up([0.0, 0.6, 0.8]),
    )


def test_a_plug_is_a_head_and_a_shank_that_tapers_by_the_clearance() -> None:
    made = plug(HOLE, 0.2)
    assert inspect(made).clean
    big, wide, narrow = 2.0 + BRIM_MM, 2.0, 1.8
    cone = np.pi / 3.0 * 2.0 * (wide**2 + wide * narrow + narrow**2)
    assert made.volume_mm3 == pytest.approx(np.pi * big**2 * HEAD_MM + cone, rel=1e-9)
    assert made.bounds_mm[:, 2] == pytest.approx([0.0, HEAD_MM + 2.0])


def test_a_plug_goes_into_its_hole_and_not_through() -> None:
    shank = plug(HOLE, 0.1)
    turned = Mesh(shank.vertices * [1, -1, -1] + np.array([0, 0, 5 + HEAD_MM]), shank.faces)  # half a turn about x
    inside = intersect(turned, replace(HOLE, outward_mm=0.0).cutter())
    assert inside.volume_mm3 == pytest.approx(shank.volume_mm3 - intersect(turned, _above(5.0)).volume_mm3, rel=1e-6)


def _above(z_mm: float) -> Mesh:
    made = trimesh.creation.box((20, 20, 20))
    return Mesh(made.vertices + np.array([0, 0, z_mm + 10]), made.faces)


def test_each_hole_gets_a_plug_of_its_own_beside_the_body(profiles: Profiles) -> None:
    start = hollow(draft(profiles, Hollow(wall_mm=3.0, drain_holes=3, plugs=True)))
    done = plugs(start)
    added = [part for part in done.parts if part.added]
    assert sorted(part.name for part in added) == ["plug-1", "plug-2", "plug-3"]
    assert all(may_be_added(done.case, part.name) for part in added)
    assert all(part.material == "resin-standard" and part.priority < 3 for part in added)
    assert all(part.changes[0].volume_mm3 == pytest.approx(part.mesh.volume_mm3) for part in added)
    floor = (done.parts[-1].mesh.vertices @ done.rotation[:3, :3].T)[:, 2].min()
    for part in added:
        stood = part.mesh.vertices @ done.rotation[:3, :3].T
        assert stood[:, 2].min() == pytest.approx(floor, abs=1e-6)  # its head on the bed
    outlines = [footprint(part.mesh.vertices @ done.rotation[:3, :3].T) for part in done.parts]
    for k, one in enumerate(outlines):
        for other in outlines[k + 1 :]:
            assert np.linalg.norm(one[:, None] - other[None], axis=2).min() > BESIDE_MM - 0.1
    (finding,) = [f for f in done.findings if f.code == "plugs"]
    assert finding.value == 3


def test_without_the_wish_there_is_no_plug_and_none_may_be(profiles: Profiles) -> None:
    start = hollow(draft(profiles, Hollow(wall_mm=3.0)))
    assert plugs(start) is start
    assert not may_be_added(start.case, "plug-1")


def test_a_part_that_is_called_like_a_plug_keeps_its_name(profiles: Profiles) -> None:
    start = hollow(draft(profiles, Hollow(wall_mm=3.0, plugs=True)))
    other = replace(start.parts[0], name="plug-1", mesh=plug(HOLE, 0.1))
    done = plugs(replace(start, parts=(*start.parts, other)))
    assert sorted(part.name for part in done.parts if part.added) == ["plug-2", "plug-3"]
