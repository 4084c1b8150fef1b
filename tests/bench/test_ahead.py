"""What a print takes, told without slicing: one variant of the bench organ once its sections are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from printprep.formats import stl
from printprep.profiles.load import load_profiles
from printprep.slicers.cut import cut_plate
from printprep.slicers.drawn import Drawn
from printprep.slicers.prusa_habits import LAYERS

pytestmark = pytest.mark.bench
Organ = Callable[[int], Path]
Table = Callable[..., None]
Cpu = Callable[..., tuple[float, Any]]
WANTED_S = 0.3


def test_one_variant_after_its_sections(organ: Organ, table: Table, cpu: Cpu) -> None:
    mesh = stl.read(organ(1_000_000))[0].mesh
    to_bed = np.eye(4)
    to_bed[:3, 3] = -mesh.bounds_mm[0]
    mesh = mesh.transformed(to_bed)
    profiles = load_profiles()

    process = profiles.process("standard").fdm

    def cut() -> Drawn:
        return Drawn.of(
            cut_plate([mesh], process, None, LAYERS, supports=True),
            [0], profiles.printer("voron-2.4"), process, {0: profiles.material("pla")},
        )  # fmt: skip

    cut().told()  # compiles
    cut_s, _ = cpu(cut, 1)
    drawn = [cut() for _ in range(4)]
    ours_s, _ = cpu(lambda: drawn.pop().told(), 3)
    table(
        step=f"a print told ahead, {len(mesh):,}",
        ours_s=ours_s,
        peer="its own sections and columns",
        peer_s=cut_s,
        wanted=f"< {WANTED_S} s",
        passed=ours_s < WANTED_S,
    )
    assert ours_s < WANTED_S
