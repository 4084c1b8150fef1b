"""The interactive view: one page with the parts in it, to turn, to zoom and to take apart, that needs no network.

The page is trimesh's own viewer (three.js inside, MIT) with a list of the parts and the patient's directions put in.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.resources import files
from string import Template
from typing import Any, Final

import numpy as np
import trimesh
from trimesh.viewer.notebook import scene_to_html

from printprep.geometry.mesh import Mesh
from printprep.plan import Plan, PlannedPart, are_supports
from printprep.report.paper import AXES, direction_in
from printprep.report.pictures import GLASS, VIEWS
from printprep.report.raster import vertex_normals

VISUAL: Final[Any] = trimesh.visual  # without types
TRIANGLES: Final = 90_000
"""About how many triangles are embedded in all: a page of some 5 MB."""


def view3d(
    plan: Plan,
    *,
    frame: str = "RAS",
    mirrored: bool = False,
    clear: Collection[str] = (),
    triangles: int = TRIANGLES,
) -> str:
    """The page of the parts in place, as one HTML text.

    Parameters
    ----------
    plan
        What will be printed.
    frame
        Of the case: RAS or LPS.
    mirrored
        Write that it is a mirror image.
    clear
        Names of parts that are shown as glass.
    triangles
        About how many to embed; finer parts are shown coarser, which the page says.
    """
    drawn = [part for part in plan.parts if len(part.mesh) and not are_supports(part.name)]
    cell_mm = float(np.sqrt(2 * sum(p.mesh.area_mm2 for p in drawn) / triangles))
    fine = sum(len(p.mesh) for p in drawn) <= triangles
    scene = trimesh.Scene()
    for k, part in enumerate(drawn):
        mesh = part.mesh if fine else coarser(part.mesh, cell_mm)
        if len(mesh):
            scene.add_geometry(_shown(mesh, part, part.name in clear), node_name=f"part-{k}", geom_name=f"part-{k}")
    if not scene.geometry:
        return "<!DOCTYPE html><title>nothing to show</title><p>There is nothing to show.</p>"
    notes = ["<b>MIRRORED.</b>"] if mirrored else []
    notes += [] if fine else ["Shown coarser than it is printed."]
    return _furnish(scene_to_html(scene), drawn, scene, frame, " ".join(notes))


def coarser(mesh: Mesh, cell_mm: float) -> Mesh:
    """A coarser mesh for the eye only: all vertices in a cube of ``cell_mm`` become their mean.

    Holes smaller than a cube close and thin walls may vanish; nothing that is printed goes through here. After
    Rossignac and Borrel, "Multi-resolution 3D approximations for rendering complex scenes", 1993.
    """
    cells = np.floor(mesh.vertices / cell_mm).astype(np.int64)
    _, of_vertex = np.unique(cells, axis=0, return_inverse=True)
    of_vertex = of_vertex.reshape(-1)
    count = np.bincount(of_vertex)
    vertices = np.stack([np.bincount(of_vertex, mesh.vertices[:, k]) / count for k in range(3)], axis=1)
    faces = of_vertex[mesh.faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return Mesh(vertices, faces[np.sort(first)].astype(np.int32))


def _shown(mesh: Mesh, part: PlannedPart, glass: bool) -> Any:
    """The mesh with its material and smooth normals, in single precision."""
    material = VISUAL.material.PBRMaterial(
        baseColorFactor=[*part.colour, round(255 * GLASS) if glass else 255],
        metallicFactor=0.0,
        roughnessFactor=0.65,
        doubleSided=True,
        alphaMode="BLEND" if glass else "OPAQUE",
    )
    shown = trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_normals=vertex_normals(mesh), process=False)
    shown.visual = VISUAL.TextureVisuals(material=material)
    return shown


def _furnish(page: str, parts: list[PlannedPart], scene: Any, frame: str, note: str) -> str:
    """Put the list of parts, the light and the patient's directions into the viewer's page."""
    lower, upper = scene.bounds
    centre, half = (lower + upper) / 2, (upper - lower) / 2
    reach = float(np.linalg.norm(half))
    directions = {name: direction_in(frame, name) for name in AXES}
    tags = {name: centre + way * (np.abs(way) @ half + 0.1 * reach) for name, way in directions.items()}
    views = [
        {"name": title, "into": directions[into].tolist(), "up": directions[up].tolist()}
        for title, (into, up) in VIEWS.items()
    ]
    listed = [
        {"node": f"part-{k}", "name": part.name, "colour": "rgb({},{},{})".format(*part.colour)}
        for k, part in enumerate(parts)
    ]
    furniture = Template((files("printprep.report") / "view3d.html").read_text("utf-8")).substitute(
        parts=_script(listed),
        tags=_script({name: place.round(3).tolist() for name, place in tags.items()}),
        views=_script(views),
        centre=_script(centre.round(3).tolist()),
        reach=_script(round(reach, 3)),
        note=note,
    )
    return page.replace("</body>", furniture + "</body>")


def _script(value: object) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    return json.dumps(value).replace("<", "\\u003c")
