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

CUBE = from_solid(Manifold.cube((10, 10, 10)))


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A cube, and the same 0.25 mm farther along x."""
    for name, by_mm in (("a", 0.0), ("b", 0.25)):
        stl.write(tmp_path / f"{name}.stl", Mesh(CUBE.vertices + np.array([by_mm, 0, 0]), CUBE.faces))
    return str(tmp_path / "a.stl"), str(tmp_path / "b.stl")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["compare", *arguments])
    shown = capsys.readouterr()
    return int(ended.value.code or 0), shown.out, shown.err


def test_two_meshes_are_compared_both_ways(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    code, text, _ = run(capsys, *files, "--units", "mm", "--json")
    found: dict[str, Any] = json.loads(text)
    assert code == 0
    assert found["hausdorff_mm"] == pytest.approx(0.25)
    assert found["a_to_b"]["points"] == found["b_to_a"]["points"] == 100_008
    assert found["a_to_b"]["outside_mm"] == found["a_to_b"]["inside_mm"] == pytest.approx(0.25)
    assert found["a"]["volume_mm3"] == pytest.approx(1000.0)
    assert found["b"]["closed"]
    assert found["within_limit"] is None


def test_a_limit_decides_the_exit_code(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    code, text, _ = run(capsys, *files, "--units", "mm", "--limit", "0.3")
    assert (code, "Within the limit" in text) == (0, True)
    code, text, _ = run(capsys, *files, "--units", "mm", "--limit", "0.2")
    assert (code, "Over the limit: Hausdorff distance 0.2500 mm, limit 0.2 mm" in text) == (1, True)


def test_no_unit_is_guessed(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    code, _, complaint = run(capsys, *files)
    assert code == 2
    assert "says no unit, and its longest edge is 10" in complaint
    code, text, _ = run(capsys, *files, "--units", "cm", "--json")
    assert (code, json.loads(text)["hausdorff_mm"]) == (0, pytest.approx(2.5))


def test_an_object_of_a_file_is_compared_alone(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    heart = str(data / "samples" / "heart_female_parts.3mf")
    code, _, complaint = run(capsys, heart, heart, "--object", "no such thing")
    assert code == 2
    assert "holds no object 'no such thing'" in complaint
    name = complaint.split("it holds '")[1].split("'")[0]
    code, text, _ = run(capsys, heart, heart, "--object", name, "--json")
    found = json.loads(text)
    assert (code, found["hausdorff_mm"]) == (0, pytest.approx(0.0, abs=1e-9))
    assert np.isfinite(found["a"]["area_mm2"])


def test_an_object_that_no_file_names_is_refused(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    code, _, complaint = run(capsys, *files, "--units", "mm", "--object", "skull")
    assert code == 2
    assert "names an object 'skull'" in complaint


def test_a_picture_is_a_png(capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path) -> None:
    code, _, complaint = run(capsys, *files, "--units", "mm", "--picture", str(tmp_path / "off.jpg"))
    assert code == 2
    assert "off.png" in complaint
    assert not (tmp_path / "off.jpg").exists()


def test_what_is_no_mesh_is_said(capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.stl").touch()
    for name, what in (("empty.stl", "empty (0 bytes)"), ("none.stl", "no such file")):
        code, _, complaint = run(capsys, files[0], str(tmp_path / name), "--units", "mm")
        assert (code, what in complaint) == (2, True)


def test_a_picture_shows_the_second_mesh_from_six_sides(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path
) -> None:
    import cv2

    target = tmp_path / "b.png"
    assert run(capsys, *files, "--units", "mm", "--limit", "0.2", "--picture", str(target))[0] == 1
    picture = cv2.imread(str(target))
    assert picture is not None
    assert picture.shape[1] > 1000
    blue, green, red = (picture[:, :, k].astype(int) for k in range(3))
    assert ((blue - red > 40) & (green < 150)).sum() > 1000  # one side too far in
    assert ((red - blue > 40) & (green < 150)).sum() > 1000  # the other too far out


def test_a_picture_speaks_of_limits_only_where_there_is_one(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], tmp_path: Path
) -> None:
    import cv2

    def key(*limit: str) -> Any:
        target = tmp_path / "b.png"
        run(capsys, *files, "--units", "mm", *limit, "--picture", str(target))
        picture = cv2.imread(str(target))
        assert picture is not None
        right = picture[362:420, 330:440]  # beside the bar of the first picture stands what stripes mean
        return int((right.min(axis=2) < 128).sum())

    assert key("--limit", "0.2") > 100
    assert key() == 0


def test_a_source_is_compared_with_what_was_prepared_of_it_at_the_scale_of_the_print(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = str(tmp_path / "tumour.stl")
    stl.write(Path(source), CUBE)
    wish = ["--units", "mm", "--scale", "0.5", "--printer", "prusa-xl", "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        main(["prepare", source, *wish])
    capsys.readouterr()
    both = (source, str(tmp_path / "prepared.3mf"), "--units", "mm", "--scale", "0.5", "--json")
    code, text, _ = run(capsys, *both, "--align", "rigid")
    assert (code, json.loads(text)["hausdorff_mm"]) == (0, pytest.approx(0.0, abs=1e-3))
    assert np.linalg.det(np.array(json.loads(text)["motion"])[:3, :3]) == pytest.approx(1.0)
    assert json.loads(run(capsys, *both)[1])["hausdorff_mm"] > 10.0  # on the bed it stands elsewhere


@pytest.mark.parametrize("option", ["--scale", "--limit"])
@pytest.mark.parametrize("value", ["nan", "inf", "0"])
def test_nothing_is_within_a_limit_that_is_no_number(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], option: str, value: str
) -> None:
    code, text, complaint = run(capsys, *files, "--units", "mm", option, value)
    assert (code, text) == (2, "")
    assert option in complaint
