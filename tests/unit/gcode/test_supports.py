"""What supports touch, in files of a few lines whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.gcode.read import Gcode, read_gcode
from printprep.gcode.supports import Bead, Lines, Standing, anatomy_layers, measure, support_lines
from printprep.geometry import bvh
from printprep.geometry.access import access
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.geometry.zones import Zones
from printprep.plan import Supports

BEAD = Bead(width_mm=0.4, layer_mm=0.2, gap_mm=0.2, interface_gap_mm=0.4)
SHELF = from_solid(Manifold.cube((40, 40, 5)).translate((0, 0, 10)))
Line = tuple[str, float, tuple[float, float], tuple[float, float]]


def written(folder: Path, lines: Sequence[Line]) -> Gcode:
    """A file with a layer a line: feature, z, from, to; 0.1 mm of filament for each mm."""
    text = ["M83"]
    for feature, z, (x0, y0), (x1, y1) in lines:
        text += [";LAYER_CHANGE", f";Z:{z}", f"G1 X{x0} Y{y0} Z{z} F3000", f";TYPE:{feature}"]
        text += ["G1 E0.8", f"G1 X{x1} Y{y1} E{0.1 * np.hypot(x1 - x0, y1 - y0):.5f}", "G1 E-0.8"]
    file = folder / "a.gcode"
    file.write_text("\n".join(text) + "\n")
    return read_gcode(file)


def judged(lines: Lines, mesh: Mesh = SHELF, keep_out: Zones | None = None, critical: bool = False) -> Supports:
    part = Standing(name="a", tree=bvh.build(mesh), to_case=np.eye(4), critical=critical)
    return measure(lines, [part], BEAD, reach=access([mesh]), keep_out=keep_out or Zones())


def test_lines_are_sampled_along_and_what_feeds_on_the_spot_is_left_out(tmp_path: Path) -> None:
    gcode = written(tmp_path, [("Support material", 0.2, (5, 5), (25, 5)), ("Perimeter", 0.4, (5, 9), (9, 9))])
    lines = support_lines(gcode)
    assert lines.length_mm.sum() == pytest.approx(20)
    assert lines.mm3.sum() == pytest.approx(2 * np.pi * 0.875**2, rel=1e-4)
    assert (lines.at_mm[:, 2] == 0.2).all()
    assert np.diff(lines.at_mm[:, 0]) == pytest.approx(0.4)
    assert not lines.interface.any()


def test_lines_on_the_wipe_tower_are_no_support(tmp_path: Path) -> None:
    gcode = written(tmp_path, [("Support material", 0.2, (5, 5), (25, 5)), ("Support material", 0.2, (95, 5), (99, 5))])
    assert support_lines(gcode, apart=(90, 0, 110, 20)).length_mm.sum() == pytest.approx(20)


def test_layers_of_support_alone_are_no_layers_of_anatomy(tmp_path: Path) -> None:
    gcode = written(tmp_path, [("Perimeter", 0.2, (0, 0), (5, 0)), ("Support material", 0.3, (0, 0), (5, 0))])
    assert len(gcode.layer_z_mm) == 2
    assert anatomy_layers(gcode) == 1


@pytest.mark.parametrize(
    ("feature", "z_mm", "touches"),
    [
        ("Support material", 9.8, True),  # the gap that the slicer leaves
        ("Support material", 9.7, True),  # and half a layer
        ("Support material", 9.6, False),
        ("Support material interface", 9.6, True),  # below the thick lines of a bridge
        ("Support material interface", 9.4, False),
        ("Support material", 5.0, False),
    ],
)
def test_a_line_touches_what_is_above_it_by_a_gap(feature: str, z_mm: float, touches: bool, tmp_path: Path) -> None:
    found = judged(support_lines(written(tmp_path, [(feature, z_mm, (10, 10), (30, 10))])))
    area_mm2 = 20 * (0.4 - 0.2 * (1 - np.pi / 4)) if touches else 0.0
    assert found.contact_mm2 == pytest.approx(area_mm2)
    if touches:
        (contact,) = found.contacts
        assert (contact.under_mm2, contact.on_mm2) == pytest.approx((area_mm2, 0))
        assert contact.places[0][0] == pytest.approx((20, 10, 10), abs=0.01)


def test_a_line_that_stands_on_a_part_and_one_beside_it(tmp_path: Path) -> None:
    on = judged(support_lines(written(tmp_path, [("Support material", 15.4, (10, 10), (30, 10))])))
    assert on.contacts[0].on_mm2 == pytest.approx(on.contact_mm2)
    assert on.contacts[0].under_mm2 == 0
    assert judged(support_lines(written(tmp_path, [("Support material", 9.8, (50, 10), (70, 10))]))).contacts == ()


def test_critical_and_keep_out_surface_is_told_apart(tmp_path: Path) -> None:
    lines = support_lines(written(tmp_path, [("Support material", 9.8, (10, 10), (30, 10))]))
    keep_out = Zones(boxes=np.array([[25.0, 0, 0, 40, 40, 20]]))
    (contact,) = judged(lines, keep_out=keep_out, critical=True).contacts
    assert contact.critical_mm2 == pytest.approx(contact.under_mm2)
    assert contact.keep_out_mm2 == pytest.approx(contact.under_mm2 / 4, rel=0.1)
    assert contact.keep_out_mm == pytest.approx((27.5, 10, 10), abs=0.3)


def test_what_dissolves_breaks_no_thin_wall(tmp_path: Path) -> None:
    lines = support_lines(written(tmp_path, [("Support material", 9.8, (10, 10), (30, 10))]))
    part = Standing(name="a", tree=bvh.build(SHELF), to_case=np.eye(4), thin=np.ones(len(SHELF), bool))
    for soluble, share in ((frozenset[int](), 1.0), (frozenset({0}), 0.0)):
        found = measure(lines, [part], BEAD, reach=access([SHELF]), keep_out=Zones(), soluble=soluble)
        assert found.contacts[0].thin_mm2 == pytest.approx(share * found.contact_mm2)
        assert (found.contacts[0].thin_mm is None) == (share == 0)


def test_a_line_between_two_parts_is_judged_by_the_faces_of_each(tmp_path: Path) -> None:
    """The upper part has many more faces than the lower one, and only those of the lower one are marked."""
    low = from_solid(Manifold.cube((40, 40, 5)))
    high = from_solid(Manifold.cube((40, 40, 5)).translate((0, 0, 5.6)).refine(12))
    lines = support_lines(written(tmp_path, [("Support material", 5.4, (10, 10), (30, 10))]))
    parts = [
        Standing(name="low", tree=bvh.build(low), to_case=np.eye(4), critical=True),
        Standing(name="high", tree=bvh.build(high), to_case=np.eye(4), critical=False),
    ]
    under, over = measure(lines, parts, BEAD, reach=access([low, high]), keep_out=Zones()).contacts
    assert (under.part, over.part) == ("low", "high")
    assert under.critical_mm2 == pytest.approx(under.on_mm2) == pytest.approx(over.under_mm2)
    assert over.critical_mm2 == 0.0


def test_a_line_along_a_wall_that_nothing_may_touch(tmp_path: Path) -> None:
    keep_out = Zones(boxes=np.array([[-1.0, -1, 9, 41, 41, 16]]))
    touching = support_lines(written(tmp_path, [("Support material", 12.0, (10, -0.21), (30, -0.21))]))
    apart = support_lines(written(tmp_path, [("Support material", 12.0, (10, -0.5), (30, -0.5))]))
    assert judged(touching, keep_out=keep_out).contacts[0].keep_out_mm2 > 6
    assert judged(touching).contacts == ()
    assert judged(apart, keep_out=keep_out).contacts == ()


def test_support_in_a_closed_cavity_is_out_of_reach(tmp_path: Path) -> None:
    hollow = from_solid(Manifold.cube((30, 30, 30)) - Manifold.cube((20, 20, 20)).translate((5, 5, 5)))
    inside = support_lines(written(tmp_path, [("Support material", 15.0, (10, 15), (20, 15))]))
    found = judged(inside, hollow)
    assert found.out_of_reach_mm3 == pytest.approx(found.volume_mm3)
    assert found.out_of_reach_mm == pytest.approx((15, 15, 15), abs=0.3)
    outside = support_lines(written(tmp_path, [("Support material", 15.0, (40, 15), (50, 15))]))
    assert judged(outside, hollow).out_of_reach_mm3 == 0
