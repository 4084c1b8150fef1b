from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from printprep.case import Case, Part, Source
from printprep.geometry.mesh import Mesh
from printprep.geometry.orient import rotation_to_up
from printprep.prepare.arrange import arrange
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.orient import orient
from printprep.profiles.load import Profiles, load_profiles
from printprep.profiles.models import Bed


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def block(size_mm: tuple[float, float, float]) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def draft(profiles: Profiles, meshes: dict[str, Mesh], bed_mm: tuple[float, float, float] = (200, 200, 200)) -> Draft:
    source = Source(file="a.stl", sha256="0" * 64)
    width, depth, height = bed_mm
    printer = profiles.printer("ender-3").model_copy(
        update={"bed": Bed(width_mm=width, depth_mm=depth, height_mm=height)}
    )
    return Draft(
        case=Case(id="T", parts=tuple(Part(name=n, mesh=m, tissue=None, source=source) for n, m in meshes.items())),
        printer=printer,
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=n, mesh=m) for n, m in meshes.items()),
    )


def test_a_tilted_block_is_laid_flat_and_says_why(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((40, 30, 10)).transformed(rotation_to_up([0.6, 0, 0.8]))}))
    (finding,) = done.findings
    height = np.ptp(done.parts[0].mesh.transformed(done.rotation).vertices[:, 2])
    assert height == pytest.approx(10.0)
    assert np.linalg.det(done.rotation) == pytest.approx(1.0)
    assert done.rotation[:3, 3] == pytest.approx([0, 0, 0])
    assert finding.code == "oriented"
    assert isinstance(finding.value, float)
    assert isinstance(finding.limit, float)
    assert finding.value < finding.limit
    assert "overhang 0.0 against" in finding.message


def test_what_lies_well_is_kept_as_it_came(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((40, 30, 10))}))
    assert (done.rotation == np.eye(4)).all()
    assert "kept as it came" in done.findings[0].message


def test_the_meshes_are_not_touched(profiles: Profiles) -> None:
    start = draft(profiles, {"a": block((10, 10, 40)), "b": block((30, 10, 10))})
    assert orient(start).parts == start.parts


def test_a_way_up_that_does_not_fit_is_passed_over(profiles: Profiles) -> None:
    plate = {"a": block((150, 150, 10))}
    flat, narrow = (orient(draft(profiles, plate, bed)) for bed in ((200, 200, 200), (200, 40, 200)))
    assert (flat.rotation == np.eye(4)).all()
    assert arrange(narrow).plates
    assert "better score do not fit" in narrow.findings[0].message


def test_when_none_fits_the_one_that_nearly_does_is_chosen(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((300, 50, 50))}, (100, 100, 250)))
    assert "no way up fits" in done.findings[0].message
    height = np.ptp(done.parts[0].mesh.transformed(done.rotation).vertices[:, 2])
    assert height > 250  # upright nearly fits; lying it would be three times too long


def test_real_anatomy_hangs_over_less_than_it_came(profiles: Profiles, dissection: Path) -> None:
    made = trimesh.load_mesh(dissection / "vertebrae_T12.stl")
    mesh = Mesh(made.vertices, made.faces)
    one, two = (orient(draft(profiles, {"a": mesh})) for _ in range(2))
    assert (one.rotation == two.rotation).all()
    finding = one.findings[0]
    assert float(str(finding.value)) <= float(str(finding.limit))
