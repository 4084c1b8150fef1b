"""A wall of 2 mm on a grid of 0.25 mm, and how exact it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.formats import stl
from printprep.geometry.hollow import hollow
from printprep.geometry.solid import from_solid

pytestmark = pytest.mark.bench
Organ = Callable[[int], Path]
Table = Callable[..., None]
Cpu = Callable[..., tuple[float, Any]]
WALL_MM, GRID_MM = 2.0, 0.25
WANTED_S = 4.0


def test_a_wall_of_two_millimetres(organ: Organ, table: Table, cpu: Cpu) -> None:
    hollow(from_solid(Manifold.cube((12, 12, 12))), WALL_MM)  # compiles
    mesh = stl.read(organ(1_000_000))[0].mesh
    wish: dict[str, Any] = {"step_mm": GRID_MM} if "step_mm" in signature(hollow).parameters else {}
    load = os.getloadavg()[0]  # of others, before: with any on them two cores are not ours
    started_s = time.perf_counter()
    cpu_s, done = cpu(lambda: hollow(mesh, WALL_MM, **wish), 1)
    ours_s = time.perf_counter() - started_s
    walls = [cavity.wall for cavity in done.cavities]
    areas = np.array([cavity.mesh.area_mm2 for cavity in done.cavities])
    least, most = min(wall.min_mm for wall in walls), max(wall.max_mm for wall in walls)
    mean = float(np.average([wall.mean_mm for wall in walls], weights=areas))
    exact = least >= 1.95 and abs(mean - WALL_MM) <= 0.02 and most <= 2.20
    table(
        step=f"hollow, wall {WALL_MM:g} mm, grid {done.step_mm:g} mm, {len(mesh):,}",
        ours_s=ours_s,
        peer="OpenVDB",
        peer_s=27.0,
        elsewhere=True,
        wanted=f"<= {WANTED_S:g} s on two cores",
        passed=ours_s <= WANTED_S,
        note=f"by the clock, {os.cpu_count()} cores at a load of {load:.1f} before; {cpu_s:.1f} s of processors",
    )
    table(
        step="  its wall, min / mean / max mm",
        ours_s=ours_s,
        peer="OpenVDB 1.97 / 2.00 / 2.12",
        wanted=">= 1.95 / 2.00 +- 0.02 / <= 2.20",
        passed=exact,
        note=f"{least:.2f} / {mean:.3f} / {most:.2f}",
    )
    assert least >= 1.95
    assert mean == pytest.approx(WALL_MM, abs=0.02)
