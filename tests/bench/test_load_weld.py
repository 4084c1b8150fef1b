"""Loading and welding a binary STL against trimesh, and the memory of four million triangles."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trimesh

from printprep.formats import stl

pytestmark = pytest.mark.bench
Organ = Callable[[int], Path]
Table = Callable[..., None]
Cpu = Callable[..., tuple[float, Any]]
AT_LEAST = 2.8 / 0.25  # trimesh 2.8 s, wanted 0.25 s


@pytest.mark.parametrize("triangles", [100_000, 1_000_000])
def test_load_and_weld_against_trimesh(organ: Organ, table: Table, cpu: Cpu, triangles: int) -> None:
    path = organ(triangles)
    stl.read(path)  # compiles
    ours_s, named = cpu(lambda: stl.read(path))
    peer_s, peer = cpu(lambda: trimesh.load(path), 1)
    mesh = named[0].mesh
    assert (len(mesh), len(mesh.vertices)) == (len(peer.faces), len(peer.vertices))
    passed = peer_s / ours_s >= AT_LEAST
    table(
        step=f"load + weld, {len(mesh):,}",
        ours_s=ours_s,
        peer="trimesh",
        peer_s=peer_s,
        wanted=f">= {AT_LEAST:.1f} times",
        passed=passed,
    )
    assert peer_s / ours_s >= 5.0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_four_million_triangles_load_under_600_mb(organ: Organ, table: Table) -> None:
    program = (
        "import json, sys, time; from pathlib import Path; from printprep.formats import stl; "
        "started = time.process_time(); mesh = stl.read(Path(sys.argv[1]))[0].mesh; "
        "took = time.process_time() - started; "
        "status = dict(line.split(':', 1) for line in open('/proc/self/status')); "
        "print(json.dumps([len(mesh), took, int(status['VmHWM'].split()[0]) / 1024]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, organ(4_000_000)], capture_output=True, check=True, text=True
    )
    triangles, ours_s, peak_mb = json.loads(found.stdout)
    table(
        step=f"load + weld, {triangles:,}",
        ours_s=ours_s,
        wanted="< 600 MB",
        passed=peak_mb < 600,
        note=f"{peak_mb:.0f} MB peak",
    )
    assert triangles == pytest.approx(4_000_000, rel=0.05)
    assert peak_mb < 600
