"""What cannot be, through the command line: each ends in a finding or an error that says what, where and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.cli.main import main
from printprep.formats import stl
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid

CUBE = from_solid(Manifold.cube((24, 24, 24)))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--json"])
    shown = capsys.readouterr()
    return int(ended.value.code or 0), json.loads(shown.out), shown.err


def case_of(folder: Path, wish: str = "", after: str = "", mesh: Mesh = CUBE) -> Path:
    """A case of one part, with what is wished of the part and after it."""
    stl.write(folder / "mass.stl", mesh)
    path = folder / "case.toml"
    path.write_text(
        f'[case]\nid = "T-1"\nunits = "mm"\n\n[[parts]]\nname = "mass"\nmesh = "mass.stl"\ntissue = "tumour"\n{wish}\n'
        f"{after}\n",
        encoding="utf-8",
    )
    return path


def prepared(capsys: pytest.CaptureFixture[str], case: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    out = str(case.parent / "build")
    code, document, _ = run(capsys, "prepare", str(case), "--printer", "prusa-xl", "--out", out)
    return code, {finding["code"]: finding for finding in document["findings"]}


def test_a_wall_thicker_than_the_part_leaves_it_solid_and_says_how_thick_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, found = prepared(capsys, case_of(tmp_path, "hollow = { wall_mm = 15.0 }"))
    assert code == 0
    assert found["no-cavity"]["part"] == "mass"
    assert "15 mm" in found["no-cavity"]["message"]
    assert "mm across" in found["no-cavity"]["message"]
    assert "thinner wall" in found["no-cavity"]["message"]


def test_a_keep_out_zone_that_covers_everything_leaves_no_place_for_a_drain_hole(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    zone = "[[keep_out]]\nsphere = { centre_mm = [12, 12, 12], radius_mm = 500 }"
    code, found = prepared(capsys, case_of(tmp_path, "hollow = { wall_mm = 2.0 }", zone))
    drains = found["undrainable-cavity"]
    assert drains["part"] == "mass"
    assert code == (1 if drains["severity"] == "error" else 0)
    assert drains["where_mm"] is not None
    assert "keep-out" in drains["message"]


def test_a_label_that_no_part_and_no_bed_has_room_for_is_refused_with_both_lengths(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    label = '[label]\nstyle = "engrave"\ntext = "0123456789-0123456789-0123456789"\nheight_mm = 40.0'
    code, found = prepared(capsys, case_of(tmp_path, after=label))
    assert code == 1
    long = found["label-too-long"]
    assert long["severity"] == "error"
    assert "mm" in long["message"]
    assert long["value"] is not None


def test_a_label_longer_than_the_part_stands_on_a_tab(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    label = '[label]\nstyle = "engrave"\ntext = "T-1-0142-03.B"\nheight_mm = 6.0'
    code, found = prepared(capsys, case_of(tmp_path, after=label))
    assert code == 0
    assert "mm" in found["label-on-tab"]["message"]


def test_coordinates_of_a_thousand_kilometres_are_refused_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for factor, kind, what in ((1e9, "MeshError", "which is no place"), (1e7, None, "size-implausible")):
        path = tmp_path / f"skull-{factor:g}.stl"
        stl.write(path, Mesh(CUBE.vertices * factor, CUBE.faces))
        code, document, complaint = run(capsys, "check", str(path), "--units", "mm")
        if kind is not None:
            assert (code, document["error"]["type"]) == (2, kind)
            assert what in complaint
            assert "vertex" in complaint
        else:
            assert code == 1
            assert what in {finding["code"] for finding in document["findings"]}


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("skull.stl", b"", "the file is empty (0 bytes)"),
        ("skull.stl", b"solid nothing\nendsolid nothing\n", "export"),
        ("skull.stl", b"\0" * 80 + (0).to_bytes(4, "little"), "triangles"),
        ("skull.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no faces"),
        ("skull.ply", b"ply\nformat ascii 1.0\nelement vertex 0\nend_header\n", "export"),
        ("skull.3mf", b"", "the file is empty (0 bytes)"),
    ],
)
def test_a_file_without_a_surface_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for arguments in (("check", str(path)), ("compare", str(path), str(path))):
        code, document, complaint = run(capsys, *arguments, "--units", "mm")
        assert (code, document["error"]["exit_code"]) == (2, 2)
        assert str(path) in complaint
        assert what in complaint


def test_a_folder_without_a_mesh_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, complaint = run(capsys, "check", str(tmp_path))
    assert (code, "no mesh in this folder" in complaint) == (2, True)


def test_check_says_bodies_and_walls(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    inner = Mesh(CUBE.vertices * 0.5 + 6.0, CUBE.faces[:, ::-1])
    path = case_of(
        tmp_path, mesh=Mesh(np.vstack([CUBE.vertices, inner.vertices]), np.vstack([CUBE.faces, inner.faces + 8]))
    )
    code, document, _ = run(capsys, "check", str(path))
    assert code == 0
    (part,) = document["parts"]
    assert [body["kind"] for body in part["bodies"]["largest"]] == ["solid", "cavity"]
    assert part["bodies"]["largest"][1]["volume_mm3"] == pytest.approx(12.0**3)
    assert part["thickness_mm"]["min"] == pytest.approx(6.0, abs=1e-3)


def test_what_was_found_before_an_error_ended_the_way_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    case = case_of(tmp_path, "", "").parent
    code, document, complaint = run(
        capsys, "prepare", str(case), "--printer", "ender-3", "--scale", "40", "--out", str(case)
    )
    assert (code, document["error"]["type"]) == (2, "DoesNotFit")
    assert "largest case scale" in complaint
    assert {"scaled", "oriented"} <= {finding["code"] for finding in document["findings"]}
