"""Letters keep their volume, a place is flat or refused, and no text is mirrored."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from printprep.geometry.bvh import build
from printprep.geometry.label import Place, emboss, engrave, find_place, tab, tab_size_mm
from printprep.geometry.letters import GLYPHS, outlines, prisms, width_mm
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.orient import rotation_to_up
from printprep.geometry.solid import from_solid
from printprep.geometry.zones import Zones

UP = np.array([0.0, 0.0, 1.0])
TEXT = "CHD-0142 L"


def block(*size_mm: float) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def found(mesh: Mesh, text: str = TEXT, height_mm: float = 5.0, zones: Zones | None = None) -> Place | None:
    return find_place(mesh, text, height_mm, 0.6, UP, zones or Zones())


@pytest.mark.parametrize("letter", sorted(set(GLYPHS) - {" "}))
def test_each_letter_is_one_piece_within_its_cell_and_like_no_other(letter: str) -> None:
    drawn = outlines(letter, 5.0)
    left, low, right, high = drawn.bounds()
    assert len(drawn.decompose()) == 1
    assert low >= -2.5 - 1e-9
    assert high <= 2.5 + 1e-9
    assert right <= width_mm(letter, 5.0) / 2 + 1e-9
    assert left >= -width_mm(letter, 5.0) / 2 - 1e-9
    for other in set(GLYPHS) - {" ", letter}:
        differs = (drawn - outlines(other, 5.0)).area() + (outlines(other, 5.0) - drawn).area()
        assert differs > 0.1 * min(drawn.area(), outlines(other, 5.0).area()), other


def test_a_line_is_as_long_as_its_letters() -> None:
    left, _, right, _ = outlines("HH", 5.0).bounds()
    assert right - left == pytest.approx(width_mm("HH", 5.0))
    assert width_mm(TEXT, 7.5) == pytest.approx(1.5 * width_mm(TEXT, 5.0))
    assert width_mm("", 5.0) == 0.0


def test_letters_cut_in_and_raised_change_the_volume_by_what_they_are() -> None:
    part = block(70, 20, 12)
    place = found(part)
    assert place is not None
    letters_mm3 = outlines(TEXT, 5.0).area() * 0.6
    cut, raised = engrave(part, place, TEXT, 5.0, 0.6), emboss(part, place, TEXT, 5.0, 0.6)
    assert part.volume_mm3 - cut.volume_mm3 == pytest.approx(letters_mm3, rel=1e-6)
    assert raised.volume_mm3 - part.volume_mm3 == pytest.approx(letters_mm3, rel=1e-6)
    for made in (cut, raised):
        assert inspect(made).closed
        assert inspect(made).bodies == 1


def test_text_is_read_from_outside_and_never_mirrored() -> None:
    place = found(block(70, 20, 12))
    assert place is not None
    assert np.linalg.det(place.matrix) == pytest.approx(1.0)
    assert place.z == pytest.approx((0.0, -1.0, 0.0)) or place.z == pytest.approx((0.0, 1.0, 0.0))
    assert place.y[2] == pytest.approx(1.0)  # letters stand upright as oriented
    assert np.cross(UP, place.z) == pytest.approx(place.x)  # to the right, seen from outside


def test_a_flat_place_is_found_whichever_way_the_part_lies() -> None:
    turned = block(70, 20, 12).transformed(rotation_to_up([0.3, -0.5, 0.7]))
    place = found(turned)
    assert place is not None
    assert place.off_mm < 1e-6
    assert place.z[2] > -0.5


def test_no_place_on_what_is_round_small_thin_or_kept_out() -> None:
    assert found(from_solid(Manifold.sphere(20.0, 96))) is None
    assert found(block(30, 20, 12)) is None  # the text is longer than the part
    assert found(block(70, 20, 1.0)) is None  # no matter below letters on the large faces, no height on the small
    everything = Zones(spheres=np.array([[0.0, 0.0, 0.0, 100.0]]))
    assert found(block(70, 20, 12), zones=everything) is None


def test_no_place_where_nobody_can_read_it() -> None:
    outer, inner = Manifold.sphere(60.0, 96), Manifold.cube((80.0, 60.0, 60.0), True)
    assert found(from_solid(outer - inner)) is None  # six flat walls, all of them inside
    sides = [
        ((90, 4, 90), (0, 30, 0)),
        ((90, 4, 90), (0, -30, 0)),
        ((90, 90, 4), (0, 0, 30)),
        ((4, 90, 90), (50, 0, 0)),
    ]
    fence = tuple(build(from_solid(Manifold.cube(size, True).translate(at))) for size, at in sides)
    assert found(block(70, 20, 12), zones=Zones(solids=fence)) is None
    open_side = found(block(70, 20, 12), zones=Zones(solids=fence[1:]))
    assert open_side is not None
    assert open_side.z == pytest.approx((0.0, 1.0, 0.0))


def test_a_gently_curved_wall_holds_small_letters() -> None:
    pillar = from_solid(Manifold.cylinder(40.0, 60.0, circular_segments=256))
    place = found(pillar, "A1")
    assert place is not None
    assert place.off_mm <= 0.3
    cut = engrave(pillar, place, "A1", 5.0, 0.6)
    assert inspect(cut).bodies == 1
    assert 0 < pillar.volume_mm3 - cut.volume_mm3 <= outlines("A1", 5.0).area() * 0.9


def test_a_tab_is_one_solid_with_its_underside_flat() -> None:
    made = tab(TEXT, 5.0, 0.6)
    assert made.bounds_mm[0, 2] == 0.0
    assert tuple(made.size_mm[:2]) == pytest.approx(tab_size_mm(TEXT, 5.0))
    assert inspect(made).closed
    assert inspect(made).bodies == 1
    plate_mm3 = float(np.prod(tab_size_mm(TEXT, 5.0))) * 2.0
    assert made.volume_mm3 - plate_mm3 == pytest.approx(outlines(TEXT, 5.0).area() * 0.6, rel=1e-6)
    assert prisms("A", 5.0, 0.2, 0.4).volume() == pytest.approx(outlines("A", 5.0).area() * 0.6)
