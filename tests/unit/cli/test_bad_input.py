"""Bad meshes through `printprep prepare`: each ends in words that name the place and what to change, or in a solid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from manifold3d import Manifold

from printprep.cli.steps import prepare
from printprep.errors import InputError
from printprep.geometry.mesh import Float, Mesh, join
from printprep.geometry.solid import from_solid

CUBE = from_solid(Manifold.cube((20, 20, 20)))
TETRA = np.vstack([np.zeros(3), np.eye(3)])[[[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]] * 0.8


def scaled(factor: float) -> Mesh:
    return Mesh((CUBE.vertices - 10) * factor + 10, CUBE.faces)


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def grid(points: Float) -> Float:
    """Triangles of a grid of points (n, m, 3)."""
    a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
    return np.stack([np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)]).reshape(-1, 3, 3)


def plane() -> Float:
    x, y = np.meshgrid(np.linspace(0, 50, 12), np.linspace(0, 50, 12), indexing="ij")
    return grid(np.stack([x, y, 0 * x], axis=-1))


def moebius() -> Float:
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 61), np.linspace(-5, 5, 5), indexing="ij")
    points = np.stack(
        [(20 + v * np.cos(u / 2)) * np.cos(u), (20 + v * np.cos(u / 2)) * np.sin(u), v * np.sin(u / 2)], -1
    )
    points[-1] = points[0, ::-1]
    return grid(points)


def klein() -> Float:
    """The figure of eight that turns over once on its way around."""
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 61), np.linspace(0, 2 * np.pi, 41), indexing="ij")
    out = 20 + 6 * (np.cos(u / 2) * np.sin(v) - np.sin(u / 2) * np.sin(2 * v))
    up = 6 * (np.sin(u / 2) * np.sin(v) + np.cos(u / 2) * np.sin(2 * v))
    points = np.stack([out * np.cos(u), out * np.sin(u), up], -1)
    points[:, -1] = points[:, 0]
    points[-1] = points[0, ::-1]
    return grid(points)


def dust(count: int) -> Float:
    return (TETRA + 3.0 * np.stack(np.unravel_index(np.arange(count), (20, 20, 20)), 1)[:, None, None]).reshape(
        -1, 3, 3
    )


def stl(path: Path, triangles: Float) -> Path:
    records = np.zeros(len(triangles), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
    records["corners"] = triangles
    path.write_bytes(b"bad".ljust(80) + len(triangles).to_bytes(4, "little") + records.tobytes())
    return path


def prepared(tmp_path: Path, triangles: Float, toml: str = "") -> tuple[int, dict[str, Any]]:
    """Exit code and document of `printprep prepare`; ``toml`` goes into the part's table."""
    stl(tmp_path / "bone.stl", triangles)
    case = tmp_path / "case.toml"
    case.write_text(f'[case]\nid = "T-1"\nunits = "mm"\n[[parts]]\nname = "bone"\nmesh = "bone.stl"\n{toml}\n')
    out = ["--printer", "prusa-mk4-mmu3", "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(prepare, [str(case), *out])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout)


REFUSED = {
    "one triangle": (np.array([[[0, 0, 0], [20, 0, 0], [0, 20, 0]]], float), "open sheet"),
    "a plane": (plane(), "open sheet"),
    "a Moebius strip": (moebius(), "one side only"),
    "a Klein bottle": (klein(), "one side only"),
    "the same cube, once inside out": (join([CUBE, CUBE.flipped()]).triangles, "cancel each other"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_bounds_nothing_is_refused_with_its_reason_and_place(tmp_path: Path, name: str) -> None:
    triangles, reason = REFUSED[name]
    code, document = prepared(tmp_path, triangles)
    assert code == 1
    found = next(finding for finding in document["findings"] if finding["code"] == "not-a-solid")
    assert reason in found["message"]
    assert found["where_mm"] is not None or "cancel" in reason
    assert not (tmp_path / "out" / "prepared.3mf").exists()


def test_numbers_that_are_no_place_are_bad_input(tmp_path: Path) -> None:
    broken = CUBE.triangles
    broken[3, 1, 2] = np.nan
    for triangles, words in (
        (broken, "triangle 3"),
        (CUBE.triangles + 1e9, "which is no place"),
        (np.zeros((0, 3, 3)), "holds no triangles"),
    ):
        with pytest.raises(InputError, match=words):
            prepared(tmp_path, triangles)


def test_inside_out_is_a_question(tmp_path: Path) -> None:
    code, document = prepared(tmp_path, CUBE.flipped().triangles)
    assert code == 1
    assert "inside-out" in {finding["code"] for finding in document["findings"]}


def test_a_crowd_of_bodies_is_refused_and_its_specks_go_when_the_case_says_so(tmp_path: Path) -> None:
    noise = np.concatenate([scaled(1.0).triangles - 40, dust(6000)])
    code, document = prepared(tmp_path, noise)
    assert code == 1
    found = next(finding for finding in document["findings"] if finding["code"] == "too-many-bodies")
    assert "6001 separate bodies" in found["message"]
    assert "1 of them have 1 mm3" in found["message"]
    assert found["where_mm"] == pytest.approx([-26.7, -40, -26.7], abs=20)
    code, document = prepared(tmp_path, noise, "drop_below_mm3 = 1.0")
    assert code == 0
    assert document["parts"][0]["volume_mm3"] == pytest.approx(8000.0)
    assert document["parts"][0]["deviation_mm"]["max"] < 0.01
    found = next(finding for finding in document["findings"] if finding["code"] == "specks-dropped")
    assert found["value"] == 6000


SOLIDS = {
    "two cubes that overlap": (join([CUBE, moved(CUBE, 10, 10, 10)]), 15_000.0, "repaired"),
    "a cube twice": (join([CUBE, CUBE]), 8000.0, "duplicate-faces"),
    "a cube twice, a hair apart": (join([CUBE, moved(CUBE, 1e-4, 0, 0)]), 8000.0, "repaired"),
    "a body in a cavity in a body": (join([CUBE, scaled(0.7).flipped(), scaled(0.4)]), 5768.0, "cavities"),
    "three in each other, all facing out": (join([CUBE, scaled(0.7), scaled(0.4)]), 8000.0, "body-in-body"),
    "an open box": (Mesh(CUBE.vertices, CUBE.faces[CUBE.triangles[:, :, 2].min(axis=1) < 19]), 8000.0, "patched"),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_what_can_be_measured_becomes_one_solid_and_says_what_was_done(tmp_path: Path, name: str) -> None:
    mesh, volume_mm3, said = SOLIDS[name]
    code, document = prepared(tmp_path, mesh.triangles)
    assert code == 0
    part = document["parts"][0]
    assert part["closed"]
    assert part["volume_mm3"] == pytest.approx(volume_mm3, rel=1e-4)
    assert part["deviation_mm"]["max"] < 0.01
    assert said in {finding["code"] for finding in document["findings"]}
