import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Part, Source
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.shape import shape, thickness_of
from printprep.profiles.load import load_profiles

PLATE = from_solid(Manifold.cube((20, 20, 1.5)))


def test_every_solid_gets_the_figures_of_its_walls_and_stays_as_it_is() -> None:
    profiles = load_profiles()
    open_ = Mesh(PLATE.vertices, PLATE.faces[1:])
    meshes = {"plate": PLATE, "open": open_}
    draft = Draft(
        case=Case(
            id="T-1",
            parts=tuple(
                Part(name=name, mesh=mesh, tissue="bone", source=Source(file=name, sha256="0"))
                for name, mesh in meshes.items()
            ),
        ),
        printer=profiles.printer("prusa-xl"),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=name, mesh=mesh) for name, mesh in meshes.items()),
    )
    done = shape(draft)
    assert done.findings == ()
    plate, sheet = done.parts
    assert plate.mesh is PLATE
    assert plate.thickness is not None
    assert plate.thickness.median_mm == pytest.approx(1.5)
    assert sheet.thickness is None


def test_what_is_no_solid_has_no_walls() -> None:
    assert thickness_of(Mesh(PLATE.vertices, PLATE.faces[:0])) is None
    assert thickness_of(Mesh(np.where(PLATE.vertices > 19, np.nan, PLATE.vertices), PLATE.faces)) is None
