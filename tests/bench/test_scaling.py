"""Cost from 100 k to 4 M triangles against n log n, and the peak memory at 4 M, each step in its own process."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench
Organ = Callable[[int], Path]
Table = Callable[..., None]
SIZES = (100_000, 1_000_000, 4_000_000)
SLACK = 1.15
"""On the exponent: caches hold 100 k triangles and do not hold 4 M."""
MOST_GB = 3.0

PROGRAM = """
import json, sys, time
from pathlib import Path
import numpy as np
from printprep.formats import stl
from printprep.geometry.measure import deviation, inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.orient import rank
from printprep.geometry.repair import repair
from printprep.geometry.section import sections
from printprep.geometry.thickness import walls

def peak_gb():
    status = dict(line.split(':', 1) for line in open('/proc/self/status'))
    return int(status['VmHWM'].split()[0]) / 1024**2

WORK = {
    'inspect': lambda m: inspect(m),
    'repair': lambda m: repair(m),
    'deviation': lambda m: deviation(m, Mesh(m.vertices * 1.001, m.faces)),
    'sections': lambda m: sections(m, np.arange(m.bounds_mm[0, 2] + 0.025, m.bounds_mm[1, 2], 0.05)),
    'thickness': lambda m: walls(m, cap_mm=0.8, spacing_mm=0.8),
    'orient': lambda m: rank(m, sphere_directions=1000),
}
step, few, many = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
WORK[step](stl.read(few)[0].mesh)  # compiles
mesh = stl.read(many)[0].mesh
started = time.process_time()
WORK[step](mesh)
print(json.dumps([len(mesh), time.process_time() - started, peak_gb()]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("step", ["inspect", "repair", "deviation", "sections", "thickness", "orient"])
def test_cost_grows_no_worse_than_n_log_n(organ: Organ, table: Table, step: str) -> None:
    found = []
    for triangles in SIZES:
        command = [sys.executable, "-c", PROGRAM, step, str(organ(SIZES[0])), str(organ(triangles))]
        found.append(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
    (few, few_s, _), (many, many_s, peak_gb) = found[0], found[-1]
    exponent = math.log(max(many_s, 1e-9) / max(few_s, 1e-9)) / math.log(many * math.log(many) / (few * math.log(few)))
    table(
        step=f"{step}, {many:,}",
        ours_s=many_s,
        wanted=f"(n log n)^{SLACK:g}, <= {MOST_GB:g} GB",
        passed=exponent <= SLACK and peak_gb <= MOST_GB,
        note=f"exponent {exponent:.2f}, {peak_gb:.2f} GB peak; "
        + ", ".join(f"{s:.2f} s at {n:,}" for n, s, _ in found),
    )
    assert peak_gb <= MOST_GB
