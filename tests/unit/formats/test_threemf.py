"""3MF: named objects and placements in, bombs and broken references out, prepared parts there and back."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import lib3mf
import numpy as np
import pytest

from printprep.errors import MeshError
from printprep.formats import threemf
from printprep.plan import Plan, PlannedPart, Plate
from printprep.prepare.intake.alone import read_alone

TYPES = threemf._CONTENT_TYPES
RELATIONSHIPS = threemf._RELATIONSHIPS
VERTICES = (
    '<vertices><vertex x="0" y="0" z="0"/><vertex x="1" y="0" z="0"/><vertex x="0" y="2" z="0"/>'
    '<vertex x="0" y="0" z="3"/></vertices>'
)
TRIANGLES = (
    '<triangles><triangle v1="0" v2="2" v3="1"/><triangle v1="0" v2="1" v3="3"/><triangle v1="1" v2="2" v3="3"/>'
    '<triangle v1="0" v2="3" v3="2"/></triangles>'
)


def mesh_object(number: int, name: str = "bone", *, triangles: str = TRIANGLES, extra: str = 'type="model"') -> str:
    return f'<object id="{number}" name="{name}" {extra}><mesh>{VERTICES}{triangles}</mesh></object>'


def group(number: int, *components: str, name: str = "") -> str:
    inside = "".join(f"<component {c}/>" for c in components)
    return f'<object id="{number}" name="{name}" type="model"><components>{inside}</components></object>'


def model(resources: str, build: str = '<item objectid="1"/>', *, unit: str = "millimeter", extra: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><model unit="{unit}" {extra} '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">'
        f"<resources>{resources}</resources><build>{build}</build></model>"
    )


def packed(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "case.3mf"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELATIONSHIPS)
        archive.writestr("3D/3dmodel.model", text)
    return path


def test_real_parts_keep_their_names_and_counts(data: Path) -> None:
    parts = threemf.read(data / "samples" / "heart_female_parts.3mf")
    assert len(parts) == 14
    assert sum(len(part.mesh) for part in parts) == 85_914
    assert {part.unit for part in parts} == {"mm"}
    assert "VH_F_left_ventricle" in {part.name for part in parts}
    assert all(not part.notes for part in parts)


def test_units_placements_components_and_colours(tmp_path: Path) -> None:
    base = '<basematerials id="9"><base name="pla" displaycolor="#D8654FFF"/></basematerials>'
    resources = (
        base
        + mesh_object(1, "aorta", extra='type="model" pid="9" pindex="0"')
        + group(2, 'objectid="1" transform="1 0 0 0 1 0 0 0 1 5 6 7"', 'objectid="1"', name="vessels")
    )
    build = '<item objectid="2" transform="0 1 0 -1 0 0 0 0 1 100 0 0"/><item objectid="1"/>'
    first, second, third = threemf.read(packed(tmp_path, model(resources, build, unit="inch")))
    assert [p.name for p in (first, second, third)] == ["aorta"] * 3
    assert first.unit == "in"
    assert first.colour == (0xD8, 0x65, 0x4F)
    # 3MF multiplies row vectors: the component moves first, then the item turns x into y
    np.testing.assert_allclose(first.placed().vertices[1], [100 - 6, 0 + 6, 7])
    np.testing.assert_allclose(second.placed().vertices[1], [100, 1, 0])
    np.testing.assert_allclose(third.placed().vertices[1], [1, 0, 0])


def test_a_mirroring_placement_is_carried_not_applied(tmp_path: Path) -> None:
    build = '<item objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/>'
    (part,) = threemf.read(packed(tmp_path, model(mesh_object(1), build)))
    assert part.mirrors
    assert part.mesh.volume_mm3 == pytest.approx(1)
    assert part.placed().volume_mm3 == pytest.approx(1)
    assert part.placed().bounds_mm[0, 0] == -1


def test_what_is_no_model_is_left_out_with_a_note(tmp_path: Path) -> None:
    resources = mesh_object(1) + mesh_object(2, "support", extra='type="support"')
    (part,) = threemf.read(packed(tmp_path, model(resources, '<item objectid="1"/><item objectid="2"/>')))
    assert "not of type model" in part.notes[0]
    (part,) = threemf.read(packed(tmp_path, model(mesh_object(1), "")))
    assert "build is empty" in part.notes[0]


DOUBLING = mesh_object(1) + "".join(group(k, f'objectid="{k - 1}"', f'objectid="{k - 1}"') for k in range(2, 30))
CHAIN = mesh_object(1) + "".join(group(k, f'objectid="{k - 1}"') for k in range(2, 60))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (model(mesh_object(1), '<item objectid="7"/>'), "Could not find Object"),
        (model(mesh_object(2) + group(1, 'objectid="1"')), "component of itself"),
        (model(mesh_object(2) + group(1, 'objectid="3"') + group(3, 'objectid="1"')), "component of itself"),
        (model(DOUBLING, '<item objectid="29"/>'), "unfolds to more than 10000"),
        (model(CHAIN, '<item objectid="59"/>'), "more than 32 deep"),
        (model(group(1, 'objectid="8"')), "Could not find Object"),
        (model(mesh_object(1, triangles="<triangles></triangles>")), "no triangles"),
        (model(mesh_object(1, triangles=TRIANGLES.replace('v3="1"', 'v3="9"'))), "Invalid model node index"),
        (model(mesh_object(1)).replace('x="1"', 'x="nan"'), "Invalid Model Coordinates"),
        (model(mesh_object(1)).replace('x="1"', 'x="1e10"'), "Invalid Model Coordinates"),
        (model(mesh_object(1), unit="parsec"), "its unit is none that 3MF has"),
        (model(mesh_object(1), extra='requiredextensions="q" xmlns:q="urn:q"'), "requires an extension"),
        (model(mesh_object(1) + mesh_object(1)), "Duplicate Resource"),
        (model("", ""), "holds no object"),
        (model(mesh_object(1))[:300], "is no 3MF"),
        ("component", "is no 3MF"),
        ("<component", "not well-formed"),
        ('<!DOCTYPE x [<!ENTITY a "aa">]>' + model(group(1, 'objectid="2"')).split("?>")[1], "document type"),
    ],
)
def test_broken_models_are_refused(tmp_path: Path, text: str, says: str) -> None:
    path = packed(tmp_path, text)
    with pytest.raises(MeshError, match=says) as caught:
        threemf.read(path)
    assert str(path) in str(caught.value)


def patched(path: Path, *, file_size: int | None = None, method: int | None = None, flags: int | None = None) -> Path:
    """Make the archive's table of contents lie about its last entry."""
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\1\2")
    for offset, form, value in ((24, "<I", file_size), (10, "<H", method), (8, "<H", flags)):
        if value is not None:
            struct.pack_into(form, data, at + offset, value)
    path.write_bytes(data)
    return path


def test_archives_that_lie_or_burst_are_refused(tmp_path: Path) -> None:
    text = model(mesh_object(1))
    with pytest.raises(MeshError, match=r"unpacks to \d+ bytes or more, but says 10"):
        threemf.read(patched(packed(tmp_path, text), file_size=10))
    with pytest.raises(MeshError, match="packed by method 12"):
        threemf.read(patched(packed(tmp_path, text), method=12))
    with pytest.raises(MeshError, match="encrypted"):
        threemf.read(patched(packed(tmp_path, text), flags=1))
    bomb = packed(tmp_path, text.encode() + b" " * 100_000_000)
    assert bomb.stat().st_size < 200_000
    with pytest.raises(MeshError, match="zip bomb"):
        threemf.read(bomb)
    with pytest.raises(MeshError, match="zip bomb"):
        threemf.read(patched(bomb, file_size=len(text)))


@pytest.mark.parametrize("data", [b"", b"hello, this is no zip", b"PK\5\6" + bytes(18), b"PK\3\4" + bytes(400)])
def test_what_is_no_zip_is_no_3mf(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.3mf"
    path.write_bytes(data)
    with pytest.raises(MeshError):
        threemf.read(path)


def test_a_truncated_file_is_refused(tmp_path: Path, data: Path) -> None:
    whole = (data / "samples" / "heart_female_parts.3mf").read_bytes()
    for kept in (100, len(whole) // 2, len(whole) - 30):
        path = tmp_path / f"{kept}.3mf"
        path.write_bytes(whole[:kept])
        with pytest.raises(MeshError, match="not the zip archive"):
            threemf.read(path)


def turned(angle_deg: float, *shift: float) -> np.ndarray:
    matrix = np.eye(4)
    a = np.radians(angle_deg)
    matrix[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    matrix[:3, 3] = shift
    return matrix


@pytest.fixture
def plan(dissection: Path) -> Plan:
    from printprep.formats import stl

    def part(name: str, file: str, tool: int, colour: tuple[int, int, int]) -> PlannedPart:
        return PlannedPart(
            name=name,
            mesh=stl.read(dissection / f"{file}.stl")[0].mesh,
            tissue=name,
            material="pla",
            tool=tool,
            colour=colour,
            priority=tool,
        )

    parts = (
        part("celiac-trunk", "celiac_trunk", 0, (216, 101, 79)),
        part('t12 <"&>', "vertebrae_T12", 1, (241, 214, 145)),
    )
    plates = (
        Plate(index=1, parts=("celiac-trunk",), case_to_plate=turned(30, 180, 170, 40)),
        Plate(index=2, parts=('t12 <"&>',), case_to_plate=turned(-70, 120, 110, 20)),
    )
    return Plan(
        case_id="CHD-1",
        printer="virtual",
        process="standard",
        parts=parts,
        tools=(),
        plates=plates,
        changes={},
        findings=(),
    )


def test_a_prepared_file_comes_back_through_lib3mf(tmp_path: Path, plan: Plan) -> None:
    path = tmp_path / "prepared.3mf"
    threemf.write_prepared(path, plan)
    back = threemf.read_prepared(path, plan)
    for sent, received in zip(plan.parts, back.parts, strict=True):
        np.testing.assert_array_equal(sent.mesh.faces, received.mesh.faces)
        np.testing.assert_allclose(sent.mesh.vertices, received.mesh.vertices, atol=4e-5)
    on_plate = {one.name: one for one in threemf.read(path)}
    trunk = plan.parts[0].mesh.transformed(plan.plates[0].case_to_plate)
    np.testing.assert_allclose(on_plate["celiac-trunk"].mesh.vertices, trunk.vertices, atol=1.6e-5)
    assert on_plate["celiac-trunk"].colour == (216, 101, 79)


def test_what_was_added_is_no_anatomy_when_a_prepared_file_is_measured(tmp_path: Path, plan: Plan) -> None:
    path = tmp_path / "prepared.3mf"
    trunk, bone = plan.parts
    threemf.write_prepared(path, replace(plan, parts=(trunk, replace(bone, added=True))))
    assert [one.added for one in threemf.read(path)] == [False, True]
    assert len(read_alone(path, None)) == len(trunk.mesh)
    assert len(read_alone(path, None, bone.name)) == len(bone.mesh)


def test_a_prepared_file_is_exact_strict_and_the_same_every_time(tmp_path: Path, plan: Plan) -> None:
    path, again = tmp_path / "Smith.3mf", tmp_path / "again.3mf"
    threemf.write_prepared(path, plan)
    threemf.write_prepared(again, plan)
    assert path.read_bytes() == again.read_bytes()
    assert b"Smith" not in path.read_bytes()
    reader = (model := lib3mf.get_wrapper().CreateModel()).QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    assert reader.GetWarningCount() == 0
    objects = model.GetMeshObjects()
    objects.MoveNext()
    metadata = objects.GetCurrentMeshObject().GetMetaDataGroup()
    said = {
        metadata.GetMetaData(k).GetKey(): metadata.GetMetaData(k).GetValue() for k in range(metadata.GetMetaDataCount())
    }
    assert said[f"{threemf.NAMESPACE}:material"] == "pla"
    assert said[f"{threemf.NAMESPACE}:plate"] == "1"
    with zipfile.ZipFile(path) as archive:
        text = archive.read("3D/3dmodel.model").decode()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    first = text.split("<vertex ")[1]
    x = float(first.split('"')[1])
    assert x == pytest.approx(plan.parts[0].mesh.transformed(plan.plates[0].case_to_plate).vertices[0, 0], abs=1e-6)


def test_a_prepared_file_of_another_plan_is_refused(tmp_path: Path, plan: Plan) -> None:
    path = tmp_path / "prepared.3mf"
    threemf.write_prepared(path, plan)
    other = replace(plan, parts=plan.parts[:1], plates=plan.plates[:1])
    with pytest.raises(MeshError, match="prepare it again"):
        threemf.read_prepared(path, other)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(threemf, "_write_mesh", full)
    with pytest.raises(OSError, match="No space"):
        threemf.write_prepared(tmp_path / "prepared.3mf", plan)
    assert list(tmp_path.iterdir()) == []


def test_a_huge_mesh_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("printprep.formats.named.MAX_TRIANGLES", 3)
    with pytest.raises(MeshError, match="4 triangles are more than the 3"):
        threemf.read(packed(tmp_path, model(mesh_object(1))))
