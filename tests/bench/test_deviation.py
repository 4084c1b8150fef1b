"""Two-way deviation of a million triangles, 100,000 samples, against trimesh's nearest points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from printprep.formats import stl
from printprep.geometry.bvh import build, nearest
from printprep.geometry.measure import deviation, sample
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.twoway import two_way

pytestmark = pytest.mark.bench
Organ = Callable[[int], Path]
Table = Callable[..., None]
Cpu = Callable[..., tuple[float, Any]]
SAMPLES = 100_000
ASKED = 2_000  # of the peer: it is asked for so many, and the time of each is taken fifty times
AT_LEAST = 20.0


def test_two_way_deviation_against_trimesh(organ: Organ, table: Table, cpu: Cpu) -> None:
    pytest.importorskip("rtree", reason="trimesh finds nearest points only with rtree")
    mesh = stl.read(organ(1_000_000))[0].mesh
    other = Mesh(mesh.vertices * 1.001, mesh.faces)
    points = [sample(one, SAMPLES // 2, seed).points[-SAMPLES // 2 :] for seed, one in enumerate((mesh, other))]
    nearest(build(Mesh(mesh.vertices, mesh.faces[:100])), points[0][:10])  # compiles

    def ours() -> list[Float]:
        return [nearest(build(to), of)[0] for to, of in zip((other, mesh), points, strict=True)]

    ours_s, near = cpu(ours, 2)
    peers = [trimesh.Trimesh(one.vertices, one.faces, process=False) for one in (other, mesh)]
    built_s, _ = cpu(lambda: [peer.triangles_tree for peer in peers], 1)
    stride = SAMPLES // ASKED
    few = [of[::stride] for of in points]
    asked_s, far = cpu(
        lambda: [
            trimesh.proximity.closest_point(peer, of)[1]  # type: ignore[no-untyped-call]
            for peer, of in zip(peers, few, strict=True)
        ],
        1,
    )
    for one, two in zip(near, far, strict=True):
        assert np.allclose(one[::stride], two, atol=1e-5)
        assert (one[::stride] <= two + 1e-9).all()  # nobody found a nearer point
    peer_s = built_s + stride * asked_s
    table(
        step=f"two-way deviation, {len(mesh):,}, 100,000 samples",
        ours_s=ours_s,
        peer="trimesh",
        peer_s=peer_s,
        wanted=f">= {AT_LEAST:.0f} times",
        passed=peer_s / ours_s >= AT_LEAST,
        note=f"both with their trees; of trimesh {len(few[0]) + len(few[1]):,} points, times {stride}",
    )
    all_s, apart = cpu(lambda: deviation(mesh, other), 1)
    table(step=f"  and from all vertices, {apart.samples:,} points", ours_s=all_s)
    signed_s, both = cpu(lambda: two_way(mesh, other, samples=SAMPLES), 1)
    table(step="  and with sign and places", ours_s=signed_s, note=f"{both.hausdorff_mm:.4f} mm Hausdorff")
    assert both.hausdorff_mm == pytest.approx(apart.max_mm)
    assert peer_s / ours_s >= AT_LEAST
