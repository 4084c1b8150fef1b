from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from printprep.geometry.mesh import Mesh
from printprep.slicers.prusa_project import Volume, write_project

Cube = Callable[[float, tuple[float, float, float]], Mesh]
CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"


def parts_of(path: Path) -> tuple[ET.Element, ET.Element]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return tuple(  # type: ignore[return-value]
            ET.fromstring(archive.read(name)) for name in ("3D/3dmodel.model", "Metadata/Slic3r_PE_model.config")
        )


def test_one_object_holds_all_triangles_and_volumes_cut_them_in_order(tmp_path: Path, cube: Cube) -> None:
    bone, tumour = cube(20, (100, 100, 0)), cube(8, (106, 106, 6.123456))
    write_project(tmp_path / "p.3mf", [Volume(name="bone", mesh=bone, tool=0), Volume(name="t", mesh=tumour, tool=4)])
    model, config = parts_of(tmp_path / "p.3mf")
    assert len(model.findall(f".//{CORE}object")) == 1
    vertices = [[float(v.get(a, "")) for a in "xyz"] for v in model.iter(f"{CORE}vertex")]
    faces = [[int(t.get(a, "")) for a in ("v1", "v2", "v3")] for t in model.iter(f"{CORE}triangle")]
    read = Mesh(np.array(vertices), np.array(faces))
    assert read.volume_mm3 == pytest.approx(bone.volume_mm3 + tumour.volume_mm3)
    assert np.abs(read.vertices[8:] - tumour.vertices).max() < 1e-6
    volumes = config.findall(".//volume")
    assert [(v.get("firstid"), v.get("lastid")) for v in volumes] == [("0", "11"), ("12", "23")]
    extruders = [v.find("metadata[@key='extruder']") for v in volumes]
    assert [e.get("value") for e in extruders if e is not None] == ["1", "5"]


def test_a_modifier_carries_its_settings_and_names_are_escaped(tmp_path: Path, cube: Cube) -> None:
    solid = Volume(name='"<&', mesh=cube(5, (0, 0, 0)), kind="ParameterModifier", settings={"fill_density": "40%"})
    write_project(tmp_path / "p.3mf", [Volume(name="bone", mesh=cube(9, (0, 0, 0)), tool=0), solid])
    _, config = parts_of(tmp_path / "p.3mf")
    said = {m.get("key"): m.get("value") for m in config.findall(".//volume")[1].findall("metadata")}
    assert said["volume_type"] == "ParameterModifier"
    assert said["fill_density"] == "40%"
    assert said["name"] == '"<&'
    assert "extruder" not in said


def test_the_same_volumes_give_the_same_bytes(tmp_path: Path, cube: Cube) -> None:
    for name in ("a.3mf", "b.3mf"):
        write_project(tmp_path / name, [Volume(name="bone", mesh=cube(9, (1, 2, 3)), tool=0)])
    assert (tmp_path / "a.3mf").read_bytes() == (tmp_path / "b.3mf").read_bytes()


def test_nothing_to_print_is_refused_and_leaves_no_file(tmp_path: Path, cube: Cube) -> None:
    empty = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    block = Volume(name="b", mesh=cube(5, (0, 0, 0)), kind="SupportBlocker")
    for volumes in ([], [block], [Volume(name="bone", mesh=empty, tool=0)]):
        with pytest.raises(ValueError, match="at least one model part"):
            write_project(tmp_path / "p.3mf", volumes)
    assert list(tmp_path.iterdir()) == []
