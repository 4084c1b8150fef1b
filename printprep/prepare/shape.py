"""Stage ``shape``: how thick the walls of each part are, once it is a solid."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from printprep.geometry.mesh import Mesh
from printprep.geometry.shape import Thickness
from printprep.geometry.thickness import thickness
from printprep.geometry.topology import edges
from printprep.prepare.draft import Draft
from printprep.progress import SILENT, Progress


def shape(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Measure the walls of every part that is a solid; parts come out as they were, with figures."""
    with progress.step("shape"), ThreadPoolExecutor(os.cpu_count()) as pool:
        found = tuple(pool.map(thickness_of, (part.mesh for part in draft.parts)))
    parts = (replace(part, thickness=walls) for part, walls in zip(draft.parts, found, strict=True))
    return replace(draft, parts=tuple(parts))


def thickness_of(mesh: Mesh) -> Thickness | None:
    """Thickness of the walls of a solid; None of what is none."""
    if not len(mesh) or not np.isfinite(mesh.vertices).all():
        return None
    found = edges(mesh)
    if (found.open | found.nonmanifold | found.misoriented).any():
        return None
    return thickness(mesh)
