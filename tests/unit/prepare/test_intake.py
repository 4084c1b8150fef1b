"""Reading a case: what it is, in which unit, frame and scale, and everything that is doubtful about it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from printprep.case import Case, Finding, Severity, Source
from printprep.errors import CaseError, MeshError
from printprep.formats import NamedMesh, stl
from printprep.formats.colours import Colours
from printprep.geometry.mesh import Mesh
from printprep.geometry.topology import edges
from printprep.prepare.intake import read as reading
from printprep.prepare.intake import read_case
from printprep.prepare.intake.sizes import Extent
from printprep.profiles.load import Profiles, load_profiles


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def box(*size: float, at: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) * size + at
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32))


def meshes(folder: Path, **files: Mesh) -> Path:
    for name, mesh in files.items():
        stl.write(folder / f"{name}.stl", mesh)
    return folder


def case_file(folder: Path, text: str) -> Path:
    path = folder / "case.toml"
    path.write_text(text, encoding="utf-8")
    return path


def found(case: Case, code: str) -> list[Finding]:
    return [finding for finding in case.findings if finding.code == code]


HEART = box(90, 80, 100, at=(10, -20, 30))


def test_a_folder_of_real_meshes_becomes_named_parts(tmp_path: Path, dissection: Path, profiles: Profiles) -> None:
    for file in dissection.glob("*.stl"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    case = read_case(tmp_path, profiles, units="mm")
    assert {part.name for part in case.parts} == {
        "aorta-false-lumen",
        "aorta-true-lumen",
        "brachiocephalic-trunk",
        "celiac-trunk",
        "common-carotid-artery-left",
        "subclavian-artery-left",
        "superior-mesenteric-artery",
        "vertebrae-t12",
    }
    assert not [f for f in case.findings if f.severity is Severity.ERROR]
    lumen = case.part("aorta-true-lumen")
    assert len(lumen.mesh) == 31_176
    assert lumen.source.sha256 == hashlib.sha256((dissection / "aorta_true_lumen.stl").read_bytes()).hexdigest()
    assert case.part("subclavian-artery-left").side == "left"
    assert case.id.startswith("case-")


@pytest.mark.parametrize(
    ("stem", "name", "tissue", "side"),
    [
        ("Smith_John_aorta_true_lumen", "aorta-true-lumen", "aorta-true-lumen", None),
        ("VH_F_left_ventricle", "left-ventricle", "left-ventricle", None),
        ("Mueller^Eva femur L", "femur-left", "femur", "left"),
        ("Smith^John 1961", "part-1", None, None),
    ],
)
def test_only_anatomy_stays_of_a_file_name(
    tmp_path: Path, profiles: Profiles, stem: str, name: str, tissue: str | None, side: str | None
) -> None:
    meshes(tmp_path, **{stem: box(60, 50, 90)})
    case = read_case([tmp_path / f"{stem}.stl"], profiles, units="mm")
    (part,) = case.parts
    assert part.tissue == tissue
    assert part.side == side
    assert part.name.split("-")[0] == name.split("-")[0]
    for private in ("smith", "john", "mueller", "eva", "vh", "1961"):
        assert private not in part.name.lower()
        assert all(private not in f.message.lower() for f in case.findings)
    assert bool(found(case, "name-not-recognised")) is (tissue is None)


def test_two_parts_of_one_name_are_numbered(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART, heart_a_b=HEART)
    assert [p.name for p in read_case(tmp_path, profiles, units="mm").parts] == ["heart", "heart-2"]


def test_metres_without_a_unit_are_asked_about_and_proposed(data: Path, profiles: Profiles) -> None:
    with pytest.raises(CaseError, match=r"0\.169;.*80 to 300 mm.*169 mm if the unit is m") as caught:
        read_case(data / "small" / "skull_metres.stl", profiles)
    assert 'units = "m"' in str(caught.value)


def test_metres_declared_as_mm_are_an_error_that_proposes_metres(data: Path, profiles: Profiles) -> None:
    (finding,) = found(read_case(data / "small" / "skull_metres.stl", profiles, units="mm"), "size-implausible")
    assert finding.severity is Severity.ERROR
    assert 'units = "m"' in finding.message
    case = read_case(data / "small" / "skull_metres.stl", profiles, units="m")
    assert not found(case, "size-implausible")
    np.testing.assert_allclose(case.parts[0].mesh.size_mm, [169.0, 161.5, 139.5], atol=0.1)


@pytest.mark.parametrize("factor", [25.4, 1 / 25.4, 1000.0, 0.001, 10.0])
def test_a_unit_mix_up_of_a_vertebra_is_caught(
    dissection: Path, profiles: Profiles, tmp_path: Path, factor: float
) -> None:
    mesh = stl.read(dissection / "vertebrae_T12.stl")[0].mesh
    meshes(tmp_path, vertebra=Mesh(mesh.vertices * factor, mesh.faces))
    assert found(read_case(tmp_path, profiles, units="mm"), "size-implausible")


def test_slack_never_lets_inch_pass_for_mm_where_the_range_allows() -> None:
    for lower, upper in ((80.0, 300.0), (12.0, 160.0), (20.0, 25.0)):
        limits = Extent(part="x", longest=1, anatomy="x", range_mm=(lower, upper)).limits_mm
        assert limits[0] <= lower
        assert limits[1] >= upper
        assert limits[1] / limits[0] <= 25.4 * (1 + 1e-12)
    assert Extent(part="x", longest=1, anatomy="x", range_mm=(80, 300)).limits_mm == (40, 600)


def test_something_larger_than_a_person_is_no_anatomy(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, thing=box(3000, 10, 10))
    assert found(read_case(tmp_path, profiles, units="mm"), "size-implausible")


def test_a_side_is_asked_for_and_never_inferred(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, femur=box(60, 60, 300))
    case = read_case(tmp_path, profiles, units="mm")
    assert case.parts[0].side is None
    assert found(case, "side-not-said")
    assert read_case(tmp_path, profiles, units="mm", side="left").parts[0].side == "left"


def test_a_declared_side_against_the_name_is_an_error(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, femur_left=box(60, 60, 300))
    path = case_file(
        tmp_path,
        '[case]\nid = "A"\nunits = "mm"\n[[parts]]\nname = "bone"\nmesh = "femur_left.stl"\nside = "right"\n',
    )
    (finding,) = found(read_case(path, profiles), "side-contradiction")
    assert finding.severity is Severity.ERROR
    assert finding.part == "bone"


SMALLEST = '[case]\nid = "CHD-1"\nunits = "mm"\n[[parts]]\nname = "heart"\nmesh = "heart.stl"\n'


def test_frame_mirror_and_scale_move_parts_and_zones_together(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    zone = "[[keep_out]]\nsphere = { centre_mm = [20, -10, 40], radius_mm = 5 }\n"
    header = 'units = "mm"\nframe = "LPS"\nmirror = "left-right"\nscale = 0.5\n'
    path = case_file(tmp_path, SMALLEST.replace('units = "mm"\n', header) + zone)
    case = read_case(path, profiles)
    mesh = case.parts[0].mesh
    # LPS to RAS: x in -100..-10, y in -60..20; mirrored in the middle of x it covers the same range; then halved
    np.testing.assert_allclose(mesh.bounds_mm, [[-50, -30, 15], [-5, 10, 65]])
    assert mesh.volume_mm3 == pytest.approx(HEART.volume_mm3 / 8)
    sphere = case.keep_out[0].sphere
    assert sphere is not None
    assert sphere.centre_mm == (-45, 5, 20)
    assert sphere.radius_mm == 2.5
    assert {f.code for f in case.findings} >= {"frame-turned", "mirrored", "scaled"}
    assert (case.mirrored, case.frame, case.scale) == (True, "RAS", 0.5)


def test_what_is_to_be_up_turns_with_the_anatomy(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    header = 'units = "mm"\nframe = "LPS"\nmirror = "left-right"\nscale = 0.5\n'
    path = case_file(tmp_path, SMALLEST.replace('units = "mm"\n', header) + "[orient]\nup = [3, 4, 12]\n")
    asked = read_case(path, profiles).orient
    assert asked is not None
    assert asked.up == pytest.approx((3 / 13, -4 / 13, 12 / 13))  # of length 1; LPS turned x, the mirror turned it back


def test_the_turn_from_lps_mirrors_nothing(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    case = read_case(case_file(tmp_path, SMALLEST.replace("units", 'frame = "LPS"\nunits')), profiles)
    np.testing.assert_allclose(case.parts[0].mesh.vertices, HEART.vertices[_order(case, HEART)] * [-1, -1, 1])
    assert not case.mirrored


def _order(case: Case, mesh: Mesh) -> np.ndarray:
    """Index in ``mesh`` of each vertex of the only part, which was welded in another order."""
    moved = mesh.vertices * [-1, -1, 1]
    distances = np.linalg.norm(case.parts[0].mesh.vertices[:, None] - moved[None], axis=2)
    return np.asarray(distances.argmin(axis=1))


def _file_with(monkeypatch: pytest.MonkeyPatch, *objects: NamedMesh) -> None:
    monkeypatch.setattr(reading, "read_meshes", lambda _: objects)


MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


def test_a_placement_that_mirrors_is_refused(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    meshes(tmp_path, heart=HEART)
    one = NamedMesh(name="heart", mesh=HEART, unit="mm", matrix=MIRROR)
    _file_with(monkeypatch, one)
    with pytest.raises(CaseError, match="mirrors the anatomy"):
        read_case(tmp_path, profiles)
    path = case_file(tmp_path, SMALLEST.replace("units", 'mirror = "left-right"\nunits'))
    case = read_case(path, profiles)
    assert case.parts[0].mesh.volume_mm3 == pytest.approx(HEART.volume_mm3)
    np.testing.assert_allclose(case.parts[0].mesh.bounds_mm, [[-100, -20, 30], [-10, 60, 130]])  # once, not twice
    _file_with(monkeypatch, one, NamedMesh(name="aorta", mesh=HEART, unit="mm"))
    with pytest.raises(CaseError, match="no longer belong together"):
        read_case(path, profiles)


def test_what_was_added_for_a_print_is_no_anatomy_unless_it_is_asked_for(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    meshes(tmp_path, heart=HEART)
    heart = NamedMesh(name="heart", mesh=HEART, unit="mm")
    added = NamedMesh(name="supports-1", mesh=box(9, 9, 9), unit="mm", said={"added": "support"})
    _file_with(monkeypatch, added, heart)
    case = read_case(tmp_path / "heart.stl", profiles)
    assert [part.name for part in case.parts] == ["heart"]
    (told,) = found(case, "added-left-out")
    assert "1 of 2 objects" in told.message
    assert "supports-1" not in told.message, "names of a file stay in it"
    named = case_file(tmp_path, SMALLEST.replace("mesh =", 'object = "supports-1"\nmesh ='))
    assert read_case(named, profiles).parts[0].mesh.volume_mm3 == pytest.approx(729)
    assert not found(read_case(named, profiles), "added-left-out")
    _file_with(monkeypatch, added)
    assert len(read_case(tmp_path / "heart.stl", profiles).parts) == 1, "a file of supports alone was named on purpose"


def test_a_placement_that_flattens_is_refused(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    meshes(tmp_path, heart=HEART)
    _file_with(monkeypatch, NamedMesh(name="heart", mesh=HEART, unit="mm", matrix=np.diag([1.0, 1.0, 0.0, 1.0])))
    with pytest.raises(CaseError, match="flattens"):
        read_case(tmp_path, profiles)


def test_objects_of_one_file_become_parts(tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    meshes(tmp_path, heart=HEART)
    other = box(50, 50, 50)
    objects = [NamedMesh(name=n, mesh=m, unit="mm") for n, m in (("VH_F_left_ventricle", HEART), ("Smith", other))]
    _file_with(monkeypatch, *objects)
    assert [p.name for p in read_case([tmp_path / "heart.stl"], profiles).parts] == ["left-ventricle", "part-2"]
    wished = read_case(case_file(tmp_path, SMALLEST), profiles)
    assert [(p.name, p.tissue) for p in wished.parts] == [("left-ventricle", "left-ventricle"), ("heart", "heart")]
    one = read_case(case_file(tmp_path, SMALLEST + 'object = "Smith"\n'), profiles)
    assert [(p.name, len(p.mesh), p.source) for p in one.parts] == [
        ("heart", 12, Source(file=str(tmp_path / "heart.stl"), sha256=one.parts[0].source.sha256, objects=("Smith",)))
    ]
    with pytest.raises(CaseError, match=r"parts\[0\]\.object: .*no object 'Smit'; did you mean 'Smith'\?; it holds"):
        read_case(case_file(tmp_path, SMALLEST + 'object = "Smit"\n'), profiles)


LIVER = """[case]
id = "CHD-1"

[[parts]]
name = "liver"
mesh = "liver.stl"
tissue = "liver"
object = ["Liver I", "Liver II"]
"""


def halves_of_a_liver(folder: Path, monkeypatch: pytest.MonkeyPatch, **of_second: Any) -> None:
    """Two open boxes that a wall in no file parts, and a third object."""
    meshes(folder, liver=HEART)
    both = box(180, 90, 80)
    first = both.triangles.mean(axis=1)[:, 1] < 45
    one = NamedMesh(name="Liver I", mesh=Mesh(both.vertices, both.faces[first]), unit="mm")
    two = NamedMesh(name="Liver II", mesh=Mesh(both.vertices, both.faces[~first]), unit="mm")
    other = NamedMesh(name="Tumour", mesh=box(10, 10, 10), unit="mm")
    _file_with(monkeypatch, one, other, replace(two, **of_second))


def test_several_objects_of_one_file_are_one_part(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves_of_a_liver(tmp_path, monkeypatch)
    case = read_case(case_file(tmp_path, LIVER), profiles)
    (liver,) = case.parts
    assert (liver.name, liver.tissue, liver.side) == ("liver", "liver", None)
    assert liver.source.objects == ("Liver I", "Liver II")
    assert liver.source.sha256 == hashlib.sha256((tmp_path / "liver.stl").read_bytes()).hexdigest()
    assert (len(liver.mesh), len(liver.mesh.vertices)) == (12, 8)  # equal vertices are one
    assert not edges(liver.mesh).open.any()
    assert liver.mesh.volume_mm3 == pytest.approx(180 * 90 * 80)
    assert not found(case, "same-mesh")


def test_an_object_stands_in_one_part_only(tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    halves_of_a_liver(tmp_path, monkeypatch)
    again = '\n[[parts]]\nname = "lobe"\nmesh = "liver.stl"\ntissue = "liver"\nobject = '
    (finding,) = found(read_case(case_file(tmp_path, f'{LIVER}{again}"Liver II"\n'), profiles), "same-mesh")
    assert "lobe and liver are made of 1 objects in common" in finding.message
    other_order = f'{LIVER}{again}["Liver II", "Liver I"]\n'
    (finding,) = found(read_case(case_file(tmp_path, other_order), profiles), "same-mesh")
    assert "lobe and liver are the same mesh" in finding.message
    assert not found(read_case(case_file(tmp_path, f'{LIVER}{again}"Tumour"\n'), profiles), "same-mesh")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ('["Liver I", "Liver I"]', r"parts\[0\]\.object: names 'Liver I' 2 times"),
        ('["Liver I", "Liver IV"]', r"parts\[0\]\.object: .*no object 'Liver IV'; did you mean"),
        ("[]", r"parts\[0\]\.object: "),
        ("5", r"parts\[0\]\.object: "),
        ('[""]', r"parts\[0\]\.object\[0\]: "),
    ],
)
def test_a_list_of_objects_that_cannot_be(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch, said: str, complaint: str
) -> None:
    halves_of_a_liver(tmp_path, monkeypatch)
    with pytest.raises(CaseError, match=complaint):
        read_case(case_file(tmp_path, LIVER.replace('["Liver I", "Liver II"]', said)), profiles)


def test_a_placement_that_mirrors_one_of_several_objects_is_refused(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves_of_a_liver(tmp_path, monkeypatch, matrix=MIRROR)
    with pytest.raises(CaseError, match="the placement of liver mirrors the anatomy"):
        read_case(case_file(tmp_path, LIVER), profiles)
    with pytest.raises(CaseError, match="no longer belong together"):
        read_case(case_file(tmp_path, LIVER.replace("[case]", '[case]\nmirror = "left-right"')), profiles)


def test_what_one_of_several_objects_paints_is_found(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = '\n[[keep_out]]\npaint = { part = "liver", colour = "#ff0000" }\n'
    red = Colours(faces=np.full((6, 1), 0xFF0000, np.int32))
    halves_of_a_liver(tmp_path, monkeypatch, colours=red)
    (painted,) = read_case(case_file(tmp_path, LIVER + zone), profiles).painted
    assert len(painted.mesh) == 6
    assert painted.mesh.triangles.mean(axis=1)[:, 1].min() > 45.0
    with pytest.raises(CaseError, match=r"painted #00ff00, .* has #ff0000 \(6 triangles\)"):
        read_case(case_file(tmp_path, LIVER + zone.replace("ff0000", "00ff00")), profiles)


def test_objects_of_both_sides_are_halves_of_what_is_there_once(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    meshes(tmp_path, liver=HEART)
    names = ("liver left", "liver right")
    _file_with(
        monkeypatch, *(NamedMesh(name=n, mesh=box(90, 80, 100, at=(0, 0, k)), unit="mm") for k, n in enumerate(names))
    )
    text = LIVER.replace("Liver II", names[1]).replace("Liver I", names[0])
    case = read_case(case_file(tmp_path, text), profiles)
    assert case.parts[0].side is None
    assert not found(case, "side-contradiction")
    paired = read_case(case_file(tmp_path, text.replace('tissue = "liver"', 'tissue = "kidney-cortex"')), profiles)
    assert found(paired, "side-contradiction")


def test_the_unit_of_a_file_holds_over_that_of_the_case(
    tmp_path: Path, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    meshes(tmp_path, heart=HEART)
    _file_with(monkeypatch, NamedMesh(name="heart", mesh=box(4, 4, 4), unit="in"))
    case = read_case(tmp_path, profiles, units="mm")
    np.testing.assert_allclose(case.parts[0].mesh.size_mm, 101.6)
    assert found(case, "units-differ")


def test_what_a_case_says_reaches_the_part(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    text = SMALLEST + (
        'critical = true\ntissue = "aorta"\nmaterial = "pla"\nhollow = { wall_mm = 2.0 }\n'
        '[limits]\ndeviation_max_mm = 0.3\n[[accept]]\ncode = "thin-wall"\nreason = "cartilage"\n'
    )
    case = read_case(case_file(tmp_path, text), profiles, synthetic=True)
    part = case.parts[0]
    assert (part.tissue, part.material, part.critical) == ("aorta", "pla", True)
    assert part.hollow is not None
    assert case.limits.deviation_max_mm == 0.3
    assert case.limits.deviation_p95_mm == profiles.lab().deviation_p95_mm
    assert case.accept[0].code == "thin-wall"
    assert case.synthetic


def test_a_part_named_unlike_its_file_is_doubtful(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    (finding,) = found(
        read_case(case_file(tmp_path, SMALLEST.replace('"heart"', '"liver"')), profiles), "name-contradiction"
    )
    assert (finding.value, finding.severity) == ("liver", Severity.WARNING)


def test_the_same_mesh_under_two_names_is_an_error(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    text = SMALLEST + '[[parts]]\nname = "liver"\nmesh = "heart.stl"\n'
    (finding,) = found(read_case(case_file(tmp_path, text), profiles), "same-mesh")
    assert finding.part == "liver"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[case]", "[case", r"is not TOML: .*line 1"),
        ('id = "CHD-1"', 'id = "John Smith"', r"case\.id: is 'John Smith'"),
        ('id = "CHD-1"\n', "", r"case\.id: is missing"),
        ('units = "mm"', 'units = "mn"', r"case\.units: is 'mn'; did you mean .*allowed: 'um', 'mm'"),
        (
            'units = "mm"',
            'unit = "mm"',
            r"case\.unit: is not a known key; did you mean 'units'\?; known keys: id, units",
        ),
        ('name = "heart"', 'name = "heart"\ntisue = "x"', r"parts\[0\]\.tisue: .*did you mean 'tissue'"),
        ('name = "heart"', 'name = "heart"\nhollow = { wall = 2 }', r"parts\[0\]\.hollow\.wall_mm: is missing"),
        ('name = "heart"', 'name = "heart"\nhollow = { wall_mm = 90 }', r"wall_mm: is 90: input should be less"),
        ('name = "heart"', 'name = "heart"\ntissue = "hart"', r"parts\[0\]\.tissue: .*did you mean 'heart'"),
        ('name = "heart"', 'name = "heart"\nmaterial = "pal"', r"parts\[0\]\.material: .*did you mean 'pla'"),
        ('name = "heart"', 'name = "heart\\nM112"', r"parts\[0\]\.name: is 'heart\\nM112'"),
        ("heart.stl", "hart.stl", r"parts\[0\]\.mesh: there is no file .*hart.stl; did you mean 'heart.stl'"),
        ("[[parts]]", "deadline = 2026-11-23T07:00:00\n[[parts]]", r"case\.deadline: .*offset"),
        ("[[parts]]", "[[keep_out]]\n[[parts]]", r"keep_out\[0\]: say either sphere"),
    ],
)
def test_a_wrong_case_file_names_file_key_and_what_is_allowed(
    tmp_path: Path, profiles: Profiles, old: str, new: str, says: str
) -> None:
    meshes(tmp_path, heart=HEART)
    path = case_file(tmp_path, SMALLEST.replace(old, new, 1))
    with pytest.raises(CaseError, match=says) as caught:
        read_case(tmp_path, profiles)
    assert str(path) in str(caught.value)


def test_two_parts_may_not_share_a_name(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    text = SMALLEST + '[[parts]]\nname = "heart"\nmesh = "heart.stl"\n'
    with pytest.raises(CaseError, match=r"2 parts are called 'heart' \(parts\[0\], parts\[1\]\)"):
        read_case(case_file(tmp_path, text), profiles)


def test_the_command_line_may_not_contradict_the_file(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    path = case_file(tmp_path, SMALLEST)
    with pytest.raises(CaseError, match=r"case\.units: is 'mm', the command line says 'cm'"):
        read_case(path, profiles, units="cm")
    assert read_case(path, profiles, units="mm", scale=0.5).scale == 0.5
    with pytest.raises(CaseError, match="the case's units: is 'mn'"):
        read_case([tmp_path / "heart.stl"], profiles, units="mn")


def test_what_is_no_case_says_so(tmp_path: Path, profiles: Profiles) -> None:
    with pytest.raises(CaseError, match="no mesh in this folder"):
        read_case(tmp_path, profiles, units="mm")
    with pytest.raises(MeshError, match="no such file"):
        read_case(tmp_path / "x.stl", profiles, units="mm")
    meshes(tmp_path, heart=HEART)
    with pytest.raises(CaseError, match="named more than once"):
        read_case([tmp_path, tmp_path / "heart.stl"], profiles, units="mm")
    path = case_file(tmp_path, SMALLEST)
    with pytest.raises(CaseError, match="is a whole case"):
        read_case([path, tmp_path / "heart.stl"], profiles)


def test_files_that_are_no_meshes_are_counted_not_named(tmp_path: Path, profiles: Profiles) -> None:
    meshes(tmp_path, heart=HEART)
    (tmp_path / "Smith.dcm").write_bytes(b"")
    (finding,) = found(read_case(tmp_path, profiles, units="mm"), "files-ignored")
    assert finding.value == 1
    assert "Smith" not in finding.message


def test_the_id_is_of_the_bytes_not_of_the_names(tmp_path: Path, profiles: Profiles) -> None:
    first = meshes(tmp_path / "a", heart=HEART)
    second = meshes(tmp_path / "b", Smith=HEART)
    ids = {read_case(folder, profiles, units="mm").id for folder in (first, second)}
    assert len(ids) == 1
    assert read_case(first, profiles, units="mm", case_id="CHD-7").id == "CHD-7"
