"""Sections every 0.05 mm as closed polygons, against manifold3d and trimesh in the same run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from printprep.formats import stl
from printprep.geometry.section import sections
from printprep.geometry.solid import to_solid

pytestmark = pytest.mark.bench
Organ = Callable[[int], Path]
Table = Callable[..., None]
Cpu = Callable[..., tuple[float, Any]]
STEP_MM = 0.05
WANTED_PER_S = 6000


def timed(work: Callable[[], object]) -> float:
    """Seconds by the clock."""
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def test_sections_against_manifold3d_and_trimesh(organ: Organ, table: Table, cpu: Cpu) -> None:
    mesh = stl.read(organ(1_000_000))[0].mesh
    low, high = mesh.bounds_mm[:, 2]
    heights = np.arange(low + STEP_MM / 2, high, STEP_MM)
    sections(mesh, heights[:10])  # compiles
    load = os.getloadavg()[0]  # of others: with any on them two cores are not ours
    ours_s, cuts = cpu(lambda: sections(mesh, heights))
    wall_s = min(timed(lambda: sections(mesh, heights)) for _ in range(5))  # two threads: what a person waits for
    solid, soup = to_solid(mesh), trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    few = heights[:: len(heights) // 100]
    origin, up = np.zeros(3), np.array([0, 0, 1.0])
    peers = {
        "manifold3d": lambda: [solid.slice(float(h)).to_polygons() for h in few],
        "trimesh": lambda: soup.section_multiplane(origin, up, few[::10]),
    }
    own = len(heights) / wall_s
    for name, work in peers.items():
        count = len(few) if name == "manifold3d" else len(few[::10])
        peer_s, _ = cpu(work, 1)
        peer_s *= len(heights) / count
        table(
            step=f"{len(heights):,} sections, {len(mesh):,}",
            ours_s=ours_s,
            peer=name,
            peer_s=peer_s,
            wanted=f">= {WANTED_PER_S:,} layers/s",
            passed=own >= WANTED_PER_S,
            note=f"{own:,.0f} layers/s by the clock at a load of {load:.1f} before, "
            f"{len(heights) / ours_s:,.0f} of one core, against {len(heights) / peer_s:,.0f}, of which it cut {count}",
        )
        assert peer_s > ours_s
    assert not cuts.open_loops.any()
    assert float(cuts.area_mm2.sum()) * STEP_MM == pytest.approx(mesh.volume_mm3, rel=1e-3)
