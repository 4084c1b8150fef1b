"""Defects named and a dirty mesh mended, with the gate that judges the result."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from printprep.formats import stl
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.repair import repair

pytestmark = pytest.mark.bench
Organ = Callable[[int], Path]
Table = Callable[..., None]
Cpu = Callable[..., tuple[float, Any]]
Dirty = Callable[[Mesh], Mesh]
PELVIS = Path(__file__).parents[1] / "data" / "samples" / "pelvis_female.stl"
CHAIN = "a GPL chain + manifold3d"


@pytest.mark.parametrize("triangles", [100_000, 1_000_000])
def test_naming_what_is_wrong(organ: Organ, table: Table, cpu: Cpu, triangles: int) -> None:
    mesh = stl.read(organ(triangles))[0].mesh
    inspect(Mesh(mesh.vertices, mesh.faces[:100]))  # compiles
    ours_s, found = cpu(lambda: inspect(mesh), 1)
    table(step=f"defects with self-intersections, {len(mesh):,}", ours_s=ours_s)
    assert found.closed


def test_repair_of_a_dirty_pelvis(table: Table, cpu: Cpu, organ: Organ) -> None:
    mesh = stl.read(PELVIS)[0].mesh
    repair(mesh)  # compiles
    ours_s, result = cpu(lambda: repair(mesh), 1)
    left = inspect(result.mesh)
    table(
        step=f"repair of a dirty pelvis, {len(mesh):,}",
        ours_s=ours_s,
        peer=CHAIN,
        peer_s=1.0,
        elsewhere=True,
        wanted="<= 1 s, a solid",
        passed=ours_s <= 1.0 and result.refusal is None and left.closed,
        note=result.refusal.reason if result.refusal else f"{left.volume_mm3 / 1000:.1f} ml",
    )


@pytest.mark.parametrize("triangles", [100_000, 1_000_000])
def test_repair_of_a_dirty_organ(organ: Organ, table: Table, cpu: Cpu, dirty: Dirty, triangles: int) -> None:
    sound = stl.read(organ(triangles))[0].mesh
    mesh = dirty(sound)
    repair(dirty(stl.read(organ(100_000))[0].mesh))  # compiles
    ours_s, result = cpu(lambda: repair(mesh), 1)
    wanted_s = 1.0 if triangles == 100_000 else 12.0
    percent = 100.0 * (result.mesh.volume_mm3 / sound.volume_mm3 - 1)
    table(
        step=f"repair of a dirty organ, {len(mesh):,}",
        ours_s=ours_s,
        peer=CHAIN if triangles == 100_000 else "prototype, with its gate",
        peer_s=1.0 if triangles == 100_000 else 25.0,
        elsewhere=True,
        wanted=f"<= {wanted_s:g} s, volume within 0.11 %",
        passed=ours_s <= wanted_s and result.refusal is None and abs(percent) <= 0.11,
        note=result.refusal.reason if result.refusal else f"volume {percent:+.3f} %",
    )
    assert result.refusal is not None or inspect(result.mesh, self_intersections=False).closed


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_repair_of_holes_in_a_million_triangles_within_1200_mb(organ: Organ, table: Table) -> None:
    program = (
        "import json, sys, time; from pathlib import Path; import numpy as np; from printprep.formats import stl; "
        "from printprep.geometry.mesh import Mesh; from printprep.geometry.repair import repair; "
        "mesh = stl.read(Path(sys.argv[1]))[0].mesh; keep = np.random.default_rng(0).random(len(mesh)) >= 1e-5; "
        "mesh = Mesh(mesh.vertices, mesh.faces[keep]); started = time.process_time(); result = repair(mesh); "
        "took = time.process_time() - started; "
        "status = dict(line.split(':', 1) for line in open('/proc/self/status')); "
        "print(json.dumps([took, int(status['VmHWM'].split()[0]) / 1024, result.refusal is None, int((~keep).sum())]))"
    )
    run = [sys.executable, "-c", program, str(organ(1_000_000))]
    subprocess.run([*run[:3], str(organ(100_000))], check=True, capture_output=True)  # compiles
    found = subprocess.run(run, capture_output=True, check=True, text=True)
    ours_s, peak_mb, mended, holes = json.loads(found.stdout)
    table(
        step=f"repair of {holes} holes with its gate, 1 M",
        ours_s=ours_s,
        peer="prototype, 1.36 GB",
        peer_s=25.0,
        elsewhere=True,
        wanted="<= 12 s, <= 1.2 GB",
        passed=ours_s <= 12.0 and peak_mb <= 1229,
        note=f"{peak_mb / 1024:.2f} GB peak",
    )
    assert mended
    assert np.isfinite(ours_s)
