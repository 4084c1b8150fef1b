"""What the benchmarks share: the bench organ as STL files, and one table at the end."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from printprep.geometry.mesh import Mesh

Grid = npt.NDArray[np.float32]
CACHE = Path(__file__).parents[2] / ".cache" / "bench"
SIZE_MM = (78.0, 65.0, 61.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    A peer that runs here is measured in the same run and gives a ratio. One that does not, because its licence is not
    permissive or it is not a package, stands with the figure that somebody measured, marked as such, without a ratio.
    """

    step: str
    ours_s: float  # processor time where the row says nothing else, so that a busy machine does not count
    peer: str = ""
    peer_s: float | None = None
    elsewhere: bool = False  # the peer's figure is not of this run
    wanted: str = ""
    passed: bool | None = None
    note: str = ""


_ROWS: list[Row] = []


@pytest.fixture
def table() -> Callable[..., None]:
    """``table(step=..., ours_s=..., peer=..., peer_s=..., wanted=...)`` adds a line to the table at the end."""

    def add(**values: Any) -> None:
        _ROWS.append(Row(**values))

    return add


@pytest.fixture(scope="session")
def cpu() -> Callable[..., tuple[float, Any]]:
    """``cpu(work, times=3)`` is the least processor time of several runs in s, of all threads, and the last answer."""

    def measured(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
        best, result = math.inf, None
        for _ in range(times):
            started_s = time.process_time()
            result = work()
            best = min(best, time.process_time() - started_s)
        return best, result

    return measured


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table: rows that tests added, then what pytest-benchmark measured, with its ratios."""
    rows = [*_ROWS, *_benchmarked(config)]
    if not rows:
        return
    lines = [("step", "ours s", "peer", "peer s", "ratio", "wanted", "pass", ""), *(_line(row) for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    terminalreporter.section("speed and memory")
    for line in lines:
        terminalreporter.write_line(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    if any(row.elsewhere for row in rows):
        terminalreporter.write_line("* measured elsewhere, on two cores of another day; no ratio of this run")


def _line(row: Row) -> tuple[str, ...]:
    peer_s = "" if row.peer_s is None else f"{row.peer_s:.3f}{'*' if row.elsewhere else ''}"
    ratio = "" if row.peer_s is None or row.elsewhere else f"{row.peer_s / row.ours_s:.1f}"
    passed = "" if row.passed is None else "yes" if row.passed else "NO"
    return row.step, f"{row.ours_s:.3f}", row.peer, peer_s, ratio, row.wanted, passed, row.note


def _benchmarked(config: pytest.Config) -> Iterator[Row]:
    """Rows of pytest-benchmark; ``extra_info["times_NAME"]`` is a ratio against the peer of that name."""
    session = getattr(config, "_benchmarksession", None)
    for found in session.benchmarks if session else []:
        ours_s = float(found.stats.min)
        ratios = {key[6:]: float(value) for key, value in found.extra_info.items() if key.startswith("times_")}
        others = ", ".join(f"{key} {value}" for key, value in found.extra_info.items() if not key.startswith("times_"))
        for peer, ratio in ratios.items():
            yield Row(step=found.name, ours_s=ours_s, peer=peer, peer_s=ours_s * ratio, note=others)
        if not ratios:
            yield Row(step=found.name, ours_s=ours_s, note=others)


@pytest.fixture(scope="session")
def dirty() -> Callable[[Mesh], Mesh]:
    """``dirty(mesh)`` is a closed mesh with what exports do to it: holes, turned, doubled, flat and crossing faces."""

    def spoil(mesh: Mesh) -> Mesh:
        random = np.random.default_rng(7)
        faces = mesh.faces[random.random(len(mesh)) > 2e-4]  # holes of a triangle or two
        turned = random.random(len(faces)) < 0.02
        faces = np.where(turned[:, None], faces[:, ::-1], faces)
        doubled = faces[random.integers(0, len(faces), len(faces) // 500)]
        flat = doubled[:, [0, 1, 1]]
        vertices = mesh.vertices.copy()
        pushed = random.integers(0, len(vertices), 40)  # spikes that run through what is near
        vertices[pushed] += random.normal(0.0, 0.4, (len(pushed), 3))
        return Mesh(vertices, np.concatenate([faces, doubled, flat]).astype(np.int32))

    return spoil


@pytest.fixture(scope="session")
def organ() -> Callable[[int], Path]:
    """``organ(1_000_000)`` is a binary STL of about as many triangles: an organ with two vessel trees, made once."""

    def make(triangles: int) -> Path:
        path = CACHE / f"organ-{triangles}.stl"
        if not path.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            coarse = len(_surface(0.8))
            soup = _surface(0.8 * math.sqrt(coarse / triangles))
            part = path.with_suffix(f".{os.getpid()}")
            _write(part, soup)
            part.replace(path)
        return path

    return make


def _surface(step_mm: float) -> Grid:
    """Triangles (m, 3, 3) mm of the organ by marching cubes on a grid of ``step_mm``."""
    from skimage.measure import marching_cubes

    count = [math.ceil(size / step_mm) + 7 for size in SIZE_MM]
    axes = [((np.arange(n) - (n - 1) / 2) * step_mm).astype(np.float32) for n in count]
    field = _body(*axes)
    for number, side in enumerate((-1.0, 1.0)):
        _carve(field, axes, np.random.default_rng(number), side)
    vertices, faces, _, _ = marching_cubes(field, 0.0)  # type: ignore[no-untyped-call]
    del field
    origin = np.array([axis[0] for axis in axes], np.float32)
    return np.ascontiguousarray((vertices.astype(np.float32) * np.float32(step_mm) + origin)[faces])


def _body(x: Grid, y: Grid, z: Grid) -> Grid:
    """A lobed ellipsoid, about the distance in mm, negative inside."""
    field = np.empty((len(x), len(y), len(z)), np.float32)
    a, b, c = (0.96 * size / 2 for size in SIZE_MM)
    for i, at in enumerate(x):  # a slab at a time: the fine grid has 200 million points
        radius = np.sqrt((at / a) ** 2 + (y[:, None] / b) ** 2 + (z[None] / c) ** 2)
        lobes = np.sin(0.21 * at) * np.sin(0.19 * y[:, None] + 1) * np.sin(0.23 * z[None] + 2)
        field[i] = (radius - 1 - 0.03 * lobes) * c
    return field


def _carve(field: Grid, axes: list[Grid], random: np.random.Generator, side: float) -> None:
    """Take a tree of vessels out of ``field``, from an opening at one side through five generations."""
    start = np.array([side * 8.0, -SIZE_MM[1] / 2 - 2, 0.0])
    branches = [(start, np.array([side * 0.25, 1.0, 0.0]), 3.4, 22.0)]
    for _ in range(5):
        following = []
        for at, direction, radius_mm, length_mm in branches:
            end = at + direction / np.linalg.norm(direction) * length_mm
            _tube(field, axes, at, end, radius_mm)
            for _ in range(2):
                turn = direction + random.normal(0.0, 0.55, 3)
                following.append((end, turn, radius_mm * 0.74, length_mm * 0.72))
        branches = following


def _tube(field: Grid, axes: list[Grid], start: Any, end: Any, radius_mm: float) -> None:
    """Take a round tube between two points out of ``field``."""
    low, high = np.minimum(start, end) - radius_mm - 2, np.maximum(start, end) + radius_mm + 2
    window = tuple(
        slice(*np.searchsorted(axis, (lo, hi)).tolist()) for axis, lo, hi in zip(axes, low, high, strict=True)
    )
    x, y, z = (axis[part] for axis, part in zip(axes, window, strict=True))
    if not (len(x) and len(y) and len(z)):
        return
    along = ((end - start) / np.linalg.norm(end - start)).astype(np.float32)
    px, py, pz = x[:, None, None] - start[0], y[None, :, None] - start[1], z[None, None, :] - start[2]
    t = (px * along[0] + py * along[1] + pz * along[2]).clip(0, np.linalg.norm(end - start)).astype(np.float32)
    distance = np.sqrt((px - t * along[0]) ** 2 + (py - t * along[1]) ** 2 + (pz - t * along[2]) ** 2)
    field[window] = np.maximum(field[window], (radius_mm - distance).astype(np.float32))


def _write(path: Path, soup: Grid) -> None:
    """Binary STL, its normals left at zero."""
    with path.open("wb") as file:
        file.write(b"bench organ".ljust(80) + len(soup).to_bytes(4, "little"))
        for start in range(0, len(soup), 1 << 18):
            block = soup[start : start + (1 << 18)]
            records = np.zeros(len(block), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
            records["corners"] = block
            file.write(records.tobytes())
