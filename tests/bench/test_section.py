"""How many sections a second are cut, against trimesh and manifold3d in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trimesh
from skimage.measure import marching_cubes

from printprep.geometry.mesh import Mesh
from printprep.geometry.section import sections
from printprep.geometry.solid import to_solid

pytestmark = pytest.mark.bench
GRID = 96


def organ() -> Mesh:
    """A closed, rough body of about 100,000 triangles, 60 mm high."""
    x, y, z = (
        axis.astype(np.float32)
        for axis in np.mgrid[-1.6 : 1.6 : GRID * 1j, -1.6 : 1.6 : GRID * 1j, -1.6 : 1.6 : GRID * 1j]
    )
    field = x**2 + 1.3 * y**2 + z**2 - 1.4 + 0.15 * np.sin(9 * x) * np.sin(8 * y) * np.sin(7 * z)
    vertices, faces, _, _ = marching_cubes(field, 0.0)  # type: ignore[no-untyped-call]
    scaled = Mesh(vertices * (60.0 / np.ptp(vertices[:, 2])), faces)
    return scaled if scaled.volume_mm3 > 0 else Mesh(scaled.vertices, scaled.faces[:, ::-1])


def layers_per_s(work: Callable[[], object], layers: int) -> float:
    started_s = time.perf_counter()
    work()
    return layers / (time.perf_counter() - started_s)


def test_sections(benchmark: Any) -> None:
    mesh = organ()
    low, high = mesh.bounds_mm[:, 2]
    heights = np.arange(low + 0.025, high, 0.05)
    sections(mesh, heights)  # compiles
    cuts = benchmark.pedantic(lambda: sections(mesh, heights), rounds=3)
    solid, soup = to_solid(mesh), trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    few = heights[:: len(heights) // 30]
    peers = {
        "manifold3d": layers_per_s(lambda: [solid.slice(float(h)) for h in few], len(few)),
        "trimesh": layers_per_s(
            lambda: soup.section_multiplane(np.array([0, 0, 0.0]), np.array([0, 0, 1.0]), few), len(few)
        ),
    }
    own = len(heights) / benchmark.stats.stats.min
    benchmark.extra_info["triangles"] = len(mesh)
    benchmark.extra_info["layers_per_s"] = round(own)
    for name, speed in peers.items():
        benchmark.extra_info[f"times_{name}"] = round(own / speed, 1)
    volume_mm3 = float(cuts.area_mm2.sum()) * 0.05
    assert volume_mm3 == pytest.approx(mesh.volume_mm3, rel=1e-3)
    assert own > peers["trimesh"]
