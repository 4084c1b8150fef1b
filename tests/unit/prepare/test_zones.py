"""Zones of a case: said by ball, box, part or paint, found on the anatomy, and kept by every stage."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
import trimesh

from printprep.case import Case, Finding, Painted, Severity
from printprep.errors import CaseError
from printprep.formats import stl
from printprep.geometry.bvh import build, nearest, tree_of
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.zoned import zoned
from printprep.geometry.zones import Zones
from printprep.prepare.connect import connect
from printprep.prepare.draft import Draft
from printprep.prepare.inspect import inspect
from printprep.prepare.intake import read_case
from printprep.prepare.pipeline import STAGES, begin, prepare
from printprep.prepare.zones import Marked, is_critical, keep_out_of, marked, zones_of
from printprep.profiles.load import Profiles, load_profiles

HEAD = '[case]\nid = "CHD-1"\nunits = "mm"\n'
BONE = '[[parts]]\nname = "femur"\nmesh = "femur.ply"\nside = "left"\n'
NERVE = '[[parts]]\nname = "nerve"\nmesh = "nerve.stl"\nside = "left"\n'
RED = (255, 0, 0, 255)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def ball(radius_mm: float, at: Sequence[float] = (0, 0, 0)) -> Mesh:
    made = trimesh.creation.icosphere(subdivisions=3, radius=radius_mm)
    return Mesh(made.vertices + np.array(at), made.faces)


BIG, SMALL = ball(40.0), ball(6.0, (0, 0, 60))
TOP = BIG.vertices[:, 2] > 30.0


def written(folder: Path, zones: str, head: str = HEAD) -> Path:
    """A bone with a red cap, a nerve above it, and a case with zones."""
    colours = np.where(TOP[:, None], RED, (230, 230, 220, 255)).astype(np.uint8)
    trimesh.Trimesh(BIG.vertices, BIG.faces, vertex_colors=colours, process=False).export(folder / "femur.ply")
    stl.write(folder / "nerve.stl", SMALL)
    (folder / "case.toml").write_text(head + BONE + NERVE + zones, encoding="utf-8")
    return folder / "case.toml"


def drafted(case: Case, profiles: Profiles) -> Draft:
    return begin(case, profiles.printer("prusa-xl"), profiles.process("draft"), profiles)


def read(folder: Path, profiles: Profiles, zones: str, head: str = HEAD) -> Draft:
    return drafted(read_case(written(folder, zones, head), profiles), profiles)


def said(draft: Draft, code: str) -> list[Finding]:
    return [finding for finding in inspect(draft).findings if finding.code == code]


def middles(mesh: Mesh, of: np.ndarray) -> Float:
    return np.asarray(mesh.triangles[of].mean(axis=1))


def holds_the_cap(mesh: Mesh, found: Marked, inside: Bool) -> bool:
    """Whether what is inside is the painted cap, each of its faces whole, and a hair of what is beside it."""
    cap = np.flatnonzero(TOP[BIG.faces].all(axis=1))
    whole = np.isin(cap, found.source[inside]) & (np.bincount(found.source)[cap] == 1)
    area_mm2, more_mm2 = mesh.face_areas_mm2[cap].sum(), found.mesh.face_areas_mm2[inside].sum()
    return bool(whole.all() and area_mm2 <= more_mm2 * (1 + 1e-9) <= 1.01 * area_mm2)


PAINT = '[[{kind}]]\npaint = {{ part = "femur", colour = "#ff0000" }}\n'


def test_paint_is_found_where_the_file_has_it(tmp_path: Path, profiles: Profiles) -> None:
    draft = read(tmp_path, profiles, PAINT.format(kind="keep_out"))
    whole = int(TOP[BIG.faces].all(axis=1).sum())
    bone, nerve = draft.parts
    found = marked(draft, bone)
    assert holds_the_cap(bone.mesh, found, found.keep_out)
    assert middles(found.mesh, found.keep_out)[:, 2].min() > 29.9
    assert not marked(draft, nerve).keep_out.any()
    assert not found.critical.any()
    (finding,) = said(draft, "zone")
    assert finding.severity is Severity.INFO
    assert finding.part == "femur"
    assert finding.value == pytest.approx(bone.mesh.face_areas_mm2[TOP[BIG.faces].all(axis=1)].sum(), abs=0.01)
    assert f"keep_out[0], painted #ff0000 within 8 of 255 a channel: {whole} triangles" in finding.message


def test_paint_moves_with_scale_frame_and_mirror(tmp_path: Path, profiles: Profiles) -> None:
    head = HEAD + 'frame = "LPS"\nscale = 0.5\nmirror = "left-right"\n'
    draft = read(tmp_path, profiles, PAINT.format(kind="critical"), head)
    bone = draft.parts[0]
    found = marked(draft, bone)
    assert holds_the_cap(bone.mesh, found, found.critical)
    assert middles(found.mesh, found.critical)[:, 2].min() > 14.9
    assert not keep_out_of(draft)
    gap = zones_of(draft, "femur", "nerve").gap_mm(np.array([[0.0, 0.0, 25.0], [0.0, 0.0, -20.0]]))
    assert gap[0] == pytest.approx(5.0, abs=0.2)
    assert gap[1] > 30.0


def test_a_whole_part_is_a_zone_even_for_itself(tmp_path: Path, profiles: Profiles) -> None:
    draft = read(tmp_path, profiles, '[[keep_out]]\npart = "nerve"\n')
    bone, nerve = draft.parts
    assert marked(draft, nerve).keep_out.all()
    assert not marked(draft, bone).keep_out.any()
    inside = np.array([[0.0, 0.0, 60.0]])
    assert zones_of(draft, "nerve").gap_mm(inside)[0] < 0.0
    assert zones_of(draft, "nerve", "femur").gap_mm(inside)[0] < 0.0
    assert keep_out_of(draft).gap_mm(inside)[0] < 0.0
    (finding,) = said(draft, "zone")
    assert finding.part == "nerve"


def test_a_whole_critical_part_is_critical_as_if_its_own_table_said_so(tmp_path: Path, profiles: Profiles) -> None:
    draft = read(
        tmp_path, profiles, '[[critical]]\npart = "nerve"\n[[critical]]\nsphere = {centre_mm=[0,0,40],radius_mm=9}'
    )
    assert [part.critical for part in draft.case.parts] == [False, True]
    bone, nerve = draft.parts
    assert marked(draft, nerve).critical.all()
    near = marked(draft, bone)
    assert near.mesh.face_areas_mm2[near.critical].sum() == pytest.approx(np.pi * 81.0, rel=0.02)
    assert np.linalg.norm(middles(near.mesh, near.critical) - [0, 0, 40], axis=1).max() <= 9.0
    at = np.array([[0.0, 0.0, 40.0], [0.0, 9.5, 39.0]])
    assert is_critical(draft, bone, at).tolist() == [True, False]
    assert is_critical(draft, bone, at, reach_mm=1.0).all()
    assert is_critical(draft, nerve, at).all()


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        ('part = "nerv"', r"keep_out\[0\]\.part: .*no part 'nerv'; did you mean 'nerve'\?; the parts: femur, nerve"),
        ('paint = { part = "bone", colour = "#ff0000" }', r"keep_out\[0\]\.paint\.part: there is no part 'bone'"),
        ('paint = { part = "nerve", colour = "#ff0000" }', r"keep_out\[0\]\.paint: .*nerve\.stl paints nothing"),
        (
            'paint = { part = "femur", colour = "#00ff00" }',
            r"keep_out\[0\]\.paint\.colour: nothing of femur is painted #00ff00, with 8 of 255 .* has "
            r"#e6e6dc \(\d+ triangles\), #ff0000 \(\d+ triangles\)$",
        ),
        ('paint = { part = "femur", colour = "red" }', r"keep_out\[0\]\.paint\.colour: is 'red'"),
        ('paint = { part = "femur", colour = "#ff0000", tolerance = 300 }', r"keep_out\[0\]\.paint\.tolerance: is 300"),
        ("box = { lower_mm = [0, 0, 9], upper_mm = [1, 1, 1] }", r"keep_out\[0\]\.box: lower_mm .* is not below"),
        ("sphere = { centre_mm = [0, 0, 0], radius_mm = 1e300 }", r"keep_out\[0\]\.sphere\.radius_mm: is 1e\+300"),
        ("sphere = { centre_mm = [0, 0, nan], radius_mm = 1 }", r"keep_out\[0\]\.sphere\.centre_mm\[2\]: "),
        ('part = "nerve"\nbox = { lower_mm = [0, 0, 0], upper_mm = [1, 1, 1] }', r"keep_out\[0\]: say .* not box part"),
        ('colour = "#ff0000"', r"keep_out\[0\]\.colour: is not a known key"),
    ],
)  # fmt: skip
def test_a_zone_that_cannot_be_names_its_key_and_what_is_there(
    tmp_path: Path, profiles: Profiles, zone: str, says: str
) -> None:
    for kind in ("keep_out", "critical"):
        path = written(tmp_path, f"[[{kind}]]\n{zone}\n")
        with pytest.raises(CaseError, match=says.replace("keep_out", kind)) as caught:
            read_case(path, profiles)
        assert str(path) in str(caught.value)


def test_a_ball_and_a_box_say_what_they_hold_and_which_hold_nothing(tmp_path: Path, profiles: Profiles) -> None:
    zones = (
        "[[keep_out]]\nsphere = { centre_mm = [0, 0, 40], radius_mm = 10 }\n"
        "[[keep_out]]\nbox = { lower_mm = [-50, -50, -50], upper_mm = [50, 50, 0] }\n"
        "[[critical]]\nsphere = { centre_mm = [0, 0, 0], radius_mm = 3 }\n"
        "[[keep_out]]\nsphere = { centre_mm = [0, 400, 0], radius_mm = 9 }\n"
    )
    draft = read(tmp_path, profiles, zones)
    cap, half, inner = said(draft, "zone")
    # a ball of radius r around a point of a ball cuts pi r^2 out of its surface, whatever that ball's size
    assert cap.value == pytest.approx(np.pi * 100.0, rel=0.03)
    assert cap.part == "femur"
    assert half.value == pytest.approx(2 * np.pi * 1600.0, rel=0.02)
    assert "critical[0]" in inner.message
    assert "lies inside femur" in inner.message
    (missed,) = said(draft, "zone-misses")
    assert (missed.severity, missed.where_mm) == (Severity.WARNING, (0.0, 400.0, 0.0))
    assert "keep_out[2]" in missed.message
    assert "femur, is 360" in missed.message


def test_the_area_in_a_zone_is_measured_on_triangles_of_any_size() -> None:
    plane = Mesh(np.array([[-500.0, -500, 0], [500, -500, 0], [0, 700, 0]]), np.array([[0, 1, 2]], np.int32))
    balls = Zones(spheres=np.array([[0.0, 0.0, 0.0, 5.0], [20.0, 0.0, 3.0, 5.0]]))
    assert zoned(plane, balls).area_mm2 == pytest.approx(np.pi * 25.0 + np.pi * 16.0, rel=0.05)
    assert zoned(plane, Zones(boxes=np.array([[0, 0, -1, 3, 4, 1.0]]))).area_mm2 == pytest.approx(12.0, rel=0.05)
    assert zoned(plane, Zones()).area_mm2 == 0.0


def test_a_zone_over_everything_ends_in_findings_at_every_stage(profiles: Profiles, tmp_path: Path) -> None:
    zones = (
        "[[keep_out]]\nsphere = { centre_mm = [0, 0, 0], radius_mm = 1000 }\n"
        '[label]\n[[connect]]\nfrom = "nerve"\nto = "femur"\n'
    )
    path = written(tmp_path, zones)
    text = path.read_text(encoding="utf-8").replace('"femur.ply"\n', '"femur.ply"\nhollow = { wall_mm = 3 }\n')
    codes = ("connect-impossible", "sealed-cavity", "side-not-said", "undrainable-cavity")
    text += "".join(f'[[accept]]\ncode = "{code}"\nreason = "to see them all"\n' for code in codes)
    path.write_text(text, encoding="utf-8")
    draft = prepare(drafted(read_case(path, profiles), profiles), STAGES)
    found = {finding.code for finding in draft.findings}
    assert {"zone", "connect-impossible", "undrainable-cavity", "label-on-tab"} <= found
    for name, mesh in (("femur", BIG), ("nerve", SMALL)):
        (part,) = (part for part in draft.parts if part.name == name)
        assert not any(change.stage in ("drain", "label", "split") for change in part.changes)
        assert part.mesh.bounds_mm == pytest.approx(mesh.bounds_mm, abs=1e-4)


def test_a_strut_goes_round_what_is_painted(tmp_path: Path, profiles: Profiles) -> None:
    text = '[[connect]]\nfrom = "nerve"\nto = "femur"\ncount = 1\ndiameter_mm = 2\n[[accept]]\ncode = "connect-fewer"\n'
    case = read_case(written(tmp_path, text + 'reason = "one is enough"\n'), profiles)
    cap = np.flatnonzero((BIG.vertices[BIG.faces][:, :, 2] > 37.0).all(axis=1))
    painted = Painted(kind="critical", index=0, part="femur", mesh=Mesh(BIG.vertices, BIG.faces[cap]))
    straight, around = (
        prepare(drafted(replace(case, painted=zones), profiles), STAGES[: STAGES.index(connect) + 1])
        for zones in ((), (painted,))
    )
    for draft, lowest_mm in ((straight, 0.0), (around, 1.0 + 0.5)):
        (strut,) = (part for part in draft.parts if part.added)
        distance, _, _ = nearest(build(painted.mesh), strut.mesh.vertices)
        assert bool(distance.min() >= 0.5 - 1e-6) is (lowest_mm > 0)
        ends = strut.mesh.vertices[np.argsort(strut.mesh.vertices[:, 2])[:20]].mean(axis=0)
        assert nearest(build(painted.mesh), ends[None])[0][0] >= lowest_mm - 0.2


def test_a_tree_is_built_once_and_goes_with_its_mesh() -> None:
    mesh = ball(3.0)
    tree = tree_of(mesh)
    assert tree_of(mesh) is tree
    gone = ref(mesh)
    del mesh
    gc.collect()
    assert gone() is None
