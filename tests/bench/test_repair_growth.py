"""Inspect and repair of a holed organ: time, memory, and how both grow from 100 thousand to 4 million triangles."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"),
]

HOLES = 9
_CHILD = """
import json, sys, time
from pathlib import Path
import numpy as np
from manifold3d import Manifold, Mesh64
from printprep.formats import stl
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.repair import repair

def holed(mesh):
    random, kept = np.random.default_rng(3), np.ones(len(mesh), np.bool_)
    for _ in range(int(sys.argv[2])):
        at = mesh.vertices[random.integers(len(mesh.vertices))]
        kept &= np.linalg.norm(mesh.vertices[mesh.faces[:, 0]] - at, axis=1) > 0.6
    return Mesh(mesh.vertices, mesh.faces[kept])

repair(holed(stl.read(Path(sys.argv[3]))[0].mesh))  # compiles
mesh = holed(stl.read(Path(sys.argv[1]))[0].mesh)
start = time.process_time()
result = repair(mesh, defects=inspect(mesh))
ours_s = time.process_time() - start
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak_mb = int(status["VmHWM"].split()[0]) / 1024  # not ru_maxrss, in which a child inherits what its parent held
assert result.refusal is None, result.refusal
start = time.process_time()
Manifold(Mesh64(result.mesh.vertices.copy(), result.mesh.faces.astype(np.uint64))).volume()
print(json.dumps({"ours_s": ours_s, "peer_s": time.process_time() - start, "peak_mb": peak_mb}))
"""


def _measured(path: Path, warm: Path) -> dict[str, float]:
    """CPU time of a process of its own, and the most memory it ever held."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), str(HOLES), str(warm)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_repair_grows_no_faster_than_n_log_n_and_fits_its_memory(
    organ: Callable[[int], Path], table: Callable[..., Any]
) -> None:
    limits_mb = {100_000: 1200.0, 1_000_000: 1200.0, 4_000_000: 3000.0}
    found = {count: _measured(organ(count), organ(100_000)) for count in limits_mb}
    for count, limit_mb in limits_mb.items():
        row = found[count]
        table(
            step=f"inspect + repair with gate, {HOLES} holes, {count // 1000} k",
            ours_s=row["ours_s"],
            peer="manifold3d: building it alone",
            peer_s=row["peer_s"],
            wanted="12 s, 1.2 GB at 1 M; 3 GB at 4 M",
            passed=row["peak_mb"] < limit_mb,
            note=f"{row['peak_mb'] / 1024:.2f} GB peak",
        )
        assert row["peak_mb"] < limit_mb
    grown = found[4_000_000]["ours_s"] / found[1_000_000]["ours_s"]
    assert grown < 1.25 * 4 * math.log(4e6) / math.log(1e6)
    assert found[1_000_000]["ours_s"] < 12
