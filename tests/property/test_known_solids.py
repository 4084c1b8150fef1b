"""Sphere, torus, cube with a known cavity and tube of 1.0 mm wall: what is known of them comes out, however they lie.

Every figure is held to the tolerance that the README states in its table of known solids, under random rotation,
place and scale. Round solids are faceted; their tolerances are those of the facets, the flat ones those of rounding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import CrossSection, Manifold
from scipy.spatial.transform import Rotation

from printprep.geometry.hollow import hollow
from printprep.geometry.measure import deviation
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.solid import from_solid
from printprep.geometry.thickness import thickness, walls
from printprep.geometry.twoway import two_way

README: Final = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SEGMENTS: Final = 128

seeds = st.integers(0, 2**32 - 1)
scales = st.floats(0.5, 2.0)


def torus(major_mm: float, minor_mm: float) -> Manifold:
    ring = CrossSection.circle(minor_mm, SEGMENTS).translate((major_mm, 0.0))
    return Manifold.revolve(ring, SEGMENTS)


def tube(outer_mm: float, inner_mm: float, height_mm: float = 20.0) -> Manifold:
    bore = Manifold.cylinder(height_mm + 2, inner_mm, inner_mm, SEGMENTS).translate((0, 0, -1))
    return Manifold.cylinder(height_mm, outer_mm, outer_mm, SEGMENTS) - bore


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A solid of which everything is known, in mm."""

    make: Callable[[float], Manifold]  # with its surface so many mm farther out
    volume_mm3: float
    thinnest_mm: float
    median_mm: float | None  # None: of no plain figure
    wall_mm: float  # that it is hollowed with
    room: bool  # whether there is room for a cavity
    offset_mm: float  # of the other solid that it is compared with
    farthest_mm: float  # between the two


SOLIDS: Final = {
    "sphere": Known(
        make=lambda off: Manifold.sphere(10.0 + off, SEGMENTS),
        volume_mm3=4 / 3 * np.pi * 10.0**3,
        thinnest_mm=20.0,
        median_mm=20.0,
        wall_mm=2.0,
        room=True,
        offset_mm=0.3,
        farthest_mm=0.3,
    ),
    "torus": Known(
        make=lambda off: torus(15.0, 5.0 + off),
        volume_mm3=2 * np.pi**2 * 15.0 * 5.0**2,
        thinnest_mm=10.0,
        median_mm=10.0,
        wall_mm=1.5,
        room=True,
        offset_mm=0.3,
        farthest_mm=0.3,
    ),
    "cube with a known cavity": Known(
        make=lambda off: (
            Manifold.cube((20 + 2 * off,) * 3, True)
            - Manifold.cube((8.0 - 2 * off, 6.0 - 2 * off, 6.0 - 2 * off), True).translate((4, 0, 0))
        ),
        volume_mm3=20.0**3 - 8 * 6 * 6,
        thinnest_mm=2.0,
        median_mm=None,
        wall_mm=1.5,
        room=True,
        offset_mm=0.3,
        farthest_mm=0.3 * 3**0.5,
    ),
    "tube of 1.0 mm wall": Known(
        make=lambda off: tube(6.0 + off, 5.0 - off, 20.0),
        volume_mm3=np.pi * (6.0**2 - 5.0**2) * 20.0,
        thinnest_mm=1.0,
        median_mm=1.0,
        wall_mm=1.0,
        room=False,
        offset_mm=0.2,
        farthest_mm=0.2,
    ),
}


def stated() -> dict[str, dict[str, float]]:
    """The README's table: tolerance of each figure by solid, as a share (of a percentage) or in mm."""
    section = README.split("### Known solids")[1].split("\n#")[0]
    head, *rows = re.findall(r"^\| (.+?) \|$", section, flags=re.MULTILINE)
    names = [name.strip() for name in head.split("|")]
    table = {}
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")]
        if not set(cells[0]) <= set("- "):
            table[cells[0]] = dict(zip(names[1:], map(_number, cells[1:]), strict=True))
    return table


def _number(cell: str) -> float:
    value = float(re.match(r"[-+\d.e]+", cell)[0])  # type: ignore[index]
    return value / 100 if cell.endswith("%") else value


STATED: Final = stated()


def posed(solid: Manifold, seed: int, scale: float) -> Mesh:
    """A solid as a mesh, turned, moved and scaled."""
    random = np.random.default_rng(seed)
    matrix: Float = np.eye(4)
    matrix[:3, :3] = Rotation.random(rng=random).as_matrix() * scale
    matrix[:3, 3] = random.uniform(-300, 300, 3)
    return from_solid(solid).transformed(matrix)


def test_the_readme_states_a_tolerance_for_every_solid_and_figure() -> None:
    assert set(STATED) == set(SOLIDS)
    assert {tuple(row) for row in STATED.values()} == {("volume", "thickness", "deviation, mm", "hollow wall, mm")}


@pytest.mark.parametrize("name", SOLIDS)
@settings(max_examples=8, deadline=None)
@given(seed=seeds, scale=scales)
def test_volume(name: str, seed: int, scale: float) -> None:
    known = SOLIDS[name]
    found = posed(known.make(0.0), seed, scale).volume_mm3
    assert found == pytest.approx(known.volume_mm3 * scale**3, rel=STATED[name]["volume"])


@pytest.mark.parametrize("name", SOLIDS)
@settings(max_examples=5, deadline=None)
@given(seed=seeds, scale=scales)
def test_thickness(name: str, seed: int, scale: float) -> None:
    known, tolerance = SOLIDS[name], STATED[name]["thickness"]
    mesh = posed(known.make(0.0), seed, scale)
    figures = thickness(mesh, points=400)
    assert figures is not None
    assert figures.min_mm == pytest.approx(known.thinnest_mm * scale, rel=tolerance)
    if known.median_mm is not None:
        assert figures.median_mm == pytest.approx(known.median_mm * scale, rel=tolerance)


@pytest.mark.parametrize("name", ["cube with a known cavity", "tube of 1.0 mm wall"])
@settings(max_examples=5, deadline=None)
@given(seed=seeds, scale=scales)
def test_thickness_everywhere(name: str, seed: int, scale: float) -> None:
    known, tolerance = SOLIDS[name], STATED[name]["thickness"]
    found = walls(posed(known.make(0.0), seed, scale), cap_mm=2.5 * scale, spacing_mm=scale).thickness_mm
    thin = found[np.isfinite(found)]
    assert len(thin) > 50
    # around the rim of the cavity a ball leans on its edge and is larger
    assert (thin.min(), np.median(thin)) == pytest.approx((known.thinnest_mm * scale,) * 2, rel=tolerance)


@pytest.mark.parametrize("name", SOLIDS)
@settings(max_examples=4, deadline=None)
@given(seed=seeds, scale=scales)
def test_deviation(name: str, seed: int, scale: float) -> None:
    known, tolerance_mm = SOLIDS[name], STATED[name]["deviation, mm"] * scale
    mesh, other = (posed(known.make(off), seed, scale) for off in (0.0, known.offset_mm))
    found = deviation(mesh, other, samples=4000)
    assert found.max_mm == pytest.approx(known.farthest_mm * scale, abs=tolerance_mm)
    both = two_way(mesh, other, samples=4000)
    assert both.hausdorff_mm == pytest.approx(known.farthest_mm * scale, abs=tolerance_mm)
    assert both.back.outside_mm == pytest.approx(known.farthest_mm * scale, abs=tolerance_mm)
    assert both.back.inside_mm == pytest.approx(0.0, abs=1e-6 * scale)
    assert both.there.outside_mm == pytest.approx(0.0, abs=1e-6 * scale)


@pytest.mark.parametrize("name", SOLIDS)
@settings(max_examples=3, deadline=None)
@given(seed=seeds, scale=scales)
def test_hollow_wall(name: str, seed: int, scale: float) -> None:
    known, tolerance_mm = SOLIDS[name], STATED[name]["hollow wall, mm"] * scale
    mesh, wall_mm = posed(known.make(0.0), seed, scale), known.wall_mm * scale
    done = hollow(mesh, wall_mm, min_cavity_mm3=1.0, max_points=2_000_000)
    assert bool(done.cavities) == known.room
    for cavity in done.cavities:
        assert cavity.wall.min_mm >= wall_mm - tolerance_mm
        assert cavity.wall.mean_mm == pytest.approx(wall_mm, abs=tolerance_mm)
