"""Planes that part a body into pieces that fit, and pins that hold in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import CrossSection, JoinType

from printprep.errors import DoesNotFit
from printprep.geometry import nest
from printprep.geometry.bvh import build
from printprep.geometry.cuts import Plane
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Float
from printprep.geometry.orient import rotation_to_up
from printprep.geometry.pieces import Parted, Piece, cut, given_back, leaves, nodes, standing
from printprep.geometry.pins import find_pins, hole_solid, pin_solid
from printprep.geometry.solid import Manifold, from_solid
from printprep.geometry.split import Wish, fits, split
from printprep.geometry.zones import Zones

BED = nest.Area(width_mm=235.0, depth_mm=235.0, height_mm=250.0)
ROOM = nest.Room(bed=BED, margin_mm=2.0)


def block(size_mm: tuple[float, float, float], at_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Manifold:
    return Manifold.cube(size_mm, True).translate(at_mm)


def wish(**changed: object) -> Wish:
    return Wish(**({"room": ROOM, "up": np.eye(3), "reach_mm": 6.0} | changed))  # type: ignore[arg-type]


def check(solids: dict[str, Manifold], asked: Wish) -> Parted:
    tree = split(solids, asked)
    assert isinstance(tree, Parted)
    for piece in leaves(tree):
        assert fits(piece, asked)
        assert all(inspect(from_solid(solid), self_intersections=False).closed for solid in piece.solids.values())
    for name, solid in solids.items():
        found = sum(piece.solids[name].volume() for piece in leaves(tree) if name in piece.solids)
        assert found == pytest.approx(solid.volume(), rel=1e-6)
    return tree


def pins(tree: Parted, name: str, **changed: object) -> tuple[object, ...]:
    asked = {"diameter_mm": 4.0, "length_mm": 6.0, "clearance_mm": 0.15, "wall_mm": 1.5, "zones": Zones()} | changed
    (below, above) = (leaves(side)[0].solids for side in (tree.below, tree.above))
    return find_pins(below, above, name, tree.plane, **asked)  # type: ignore[arg-type]


def test_a_body_that_fits_is_not_cut() -> None:
    piece = split({"a": block((200, 200, 200))}, wish())
    assert not isinstance(piece, Parted)


@pytest.mark.parametrize(
    ("solids", "most"),
    [
        ({"bar": block((700, 40, 40))}, 4),
        ({"l": Manifold.cube((400, 60, 60)) + Manifold.cube((60, 380, 60))}, 3),
        ({"out": block((450, 80, 80)), "in": block((300, 20, 20))}, 2),
        ({"high": block((60, 60, 480))}, 2),
    ],
)
def test_few_pieces_that_all_fit_and_add_up(solids: dict[str, Manifold], most: int) -> None:
    assert len(leaves(check(solids, wish()))) <= most


@settings(max_examples=8, deadline=None)
@given(
    size=st.tuples(*[st.floats(20.0, 500.0)] * 3),
    at=st.tuples(*[st.floats(-300.0, 300.0)] * 3),
    up=st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda v: float(np.linalg.norm(v)) > 0.1),
)
def test_volumes_add_up_and_every_piece_fits_however_it_lies(
    size: tuple[float, float, float], at: tuple[float, float, float], up: tuple[float, float, float]
) -> None:
    turn = rotation_to_up(np.array(up) / np.linalg.norm(up))[:3, :3]
    asked = wish(up=turn)
    solids = {"a": block(size, at), "b": Manifold.sphere(25.0, 32).translate(at)}
    try:
        tree = split(solids, asked)
    except DoesNotFit:
        assert max(size) > 235.0  # a large body aslant on the bed can need more pieces than are cut
        return
    if isinstance(tree, Parted):
        check(solids, asked)


def test_the_same_body_is_cut_alike() -> None:
    body = {"a": block((500, 120, 90)), "b": Manifold.sphere(40.0, 64).translate((30.0, 0.0, 0.0))}
    first, second = (check(body, wish()) for _ in range(2))
    assert [node.plane for node in nodes(first)] == [node.plane for node in nodes(second)]


def test_a_barred_part_is_gone_round_and_said_when_it_cannot_be() -> None:
    body = {"bone": block((400, 60, 60)), "tumour": Manifold.sphere(25.0, 32)}
    free = check(body, wish(barred=frozenset({"tumour"})))
    assert all("tumour" not in node.area_mm2 and not node.trespassed for node in nodes(free))
    long = check({"bone": block((400, 60, 60))}, wish(barred=frozenset({"bone"})))
    assert long.trespassed == ("bone",)


def test_a_thin_neck_is_left_whole_though_a_cut_there_is_the_shortest() -> None:
    ends = block((170, 60, 60), (-105, 0, 0)) + block((170, 60, 60), (105, 0, 0))
    dumbbell = {"bone": ends + block((100, 9, 9))}
    assert check(dumbbell, wish()).area_mm2["bone"] < 100.0  # across the neck, for its outline is the shortest
    firm = check(dumbbell, wish(firm_mm2=157.5, thin_mm=7.0))
    assert len(leaves(firm)) == 2
    assert firm.area_mm2["bone"] > 1000.0


def test_a_painted_surface_is_gone_round_and_no_pin_comes_near_it() -> None:
    middle = from_solid(block((60, 60, 60)))
    whole = {"bone": block((400, 60, 60))}
    tree = check(whole, wish(surfaces=(middle.triangles,)))
    assert tree.trespassed == ()
    assert abs(tree.plane.offset_mm) > 30.0
    everywhere = check(whole, wish(surfaces=(from_solid(whole["bone"]).triangles,)))
    assert everywhere.trespassed == ("the painted zone at (0, 0, 0) mm",)
    near = Zones(surfaces=(build(from_solid(block((400, 60, 60)))),))
    assert len(pins(tree, "bone")) == 2
    assert pins(tree, "bone", diameter_mm=30.0, length_mm=2.0, wall_mm=1.0, zones=near) != ()
    assert pins(tree, "bone", zones=Zones(surfaces=(build(from_solid(block((400, 6, 6)))), *near.surfaces))) != ()
    crowded = Zones(spheres=np.array([[x, 0.0, 0.0, 45.0] for x in range(-200, 201, 10)]))
    assert pins(tree, "bone", zones=crowded) == ()


def test_a_keep_out_zone_is_gone_round() -> None:
    balls = np.array([[0.0, 0.0, 0.0, 20.0], [0.0, 0.0, 900.0, 10.0]])
    tree = check({"bone": block((400, 60, 60))}, wish(spheres=balls))
    assert not tree.trespassed
    assert abs(tree.plane.above_mm(np.zeros((1, 3)))[0]) >= 20.0
    boxes = np.array([[-250.0, -50.0, -50.0, 250.0, 50.0, 50.0]])
    assert check({"bone": block((400, 60, 60))}, wish(boxes=boxes)).trespassed


def test_a_neck_is_preferred_to_the_thick_of_it() -> None:
    neck = block((400, 80, 80)) - (block((40, 100, 100), (20.0, 0.0, 0.0)) - block((60, 40, 40), (20.0, 0.0, 0.0)))
    tree = check({"bone": neck}, wish())
    assert tree.area_mm2["bone"] == pytest.approx(1600.0)


def test_a_body_without_end_is_refused_at_once() -> None:
    with pytest.raises(DoesNotFit, match="more than 24 pieces"):
        split({"a": block((9000, 9000, 9000))}, wish())


def test_pins_stand_apart_in_matter_and_their_holes_leave_a_wall() -> None:
    tree = check({"bar": block((400, 40, 40))}, wish())
    first, second = pins(tree, "bar")
    assert np.linalg.norm(np.subtract(first.at_mm, second.at_mm)) > 8.0  # type: ignore[attr-defined]
    above, below = leaves(tree.above)[0].solids["bar"], leaves(tree.below)[0].solids["bar"]
    for pin in (first, second):
        hole, peg = hole_solid(pin), pin_solid(pin)  # type: ignore[arg-type]
        before = above.volume()
        above = above - hole
        assert before - above.volume() == pytest.approx(np.pi * 2.15**2 * 6.5, rel=5e-3)
        assert (above ^ peg).volume() == pytest.approx(0.0, abs=1e-6)
        below = below + peg
    assert from_solid(above).bounds_mm == pytest.approx(from_solid(leaves(tree.above)[0].solids["bar"]).bounds_mm)
    for solid in (above, below):
        assert inspect(from_solid(solid)).clean


def test_no_pin_where_it_would_break_out_or_meet_another_part() -> None:
    thin = check({"bar": block((400, 6, 6))}, wish())
    assert pins(thin, "bar") == ()
    inside = {"bar": block((400, 40, 40)), "core": block((380, 32, 32))}
    assert pins(check(inside, wish()), "bar") == ()
    shell = {"bar": block((400, 40, 40)) - block((396, 36, 36))}
    assert pins(check(shell, wish()), "bar") == ()
    solid = check({"bar": block((400, 40, 40))}, wish())
    everywhere = np.array([[*leaves(solid.above)[0].points_mm().min(axis=0), 100.0]])
    assert pins(solid, "bar", zones=Zones(spheres=everywhere)) == ()


def test_a_cut_knows_what_it_made() -> None:
    tree = check({"bar": block((400, 40, 40))}, wish())
    pin = pins(tree, "bar")[0]
    surface = from_solid(hole_solid(pin)).vertices  # type: ignore[arg-type]
    inner = surface[tree.plane.above_mm(surface) > -1e-6]
    assert pin.made(inner, 1e-3).all()  # type: ignore[attr-defined]
    assert not pin.made(inner + np.array([0.0, 0.3, 0.3]), 1e-3).all()  # type: ignore[attr-defined]


def test_a_cut_adds_up_at_any_plane() -> None:
    normal: Float = np.array([0.36, 0.48, 0.8])
    piece = split({"a": Manifold.sphere(50.0, 128)}, wish())
    assert isinstance(piece, Piece)
    below, above = cut(piece, Plane(normal=(0.36, 0.48, 0.8), offset_mm=10.0))
    assert (from_solid(below.solids["a"]).vertices @ normal).max() <= 10.0 + 1e-9
    assert (from_solid(above.solids["a"]).vertices @ normal).min() >= 10.0 - 1e-9


@settings(max_examples=12, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.floats(5.0, 150.0), st.floats(5.0, 150.0)), min_size=1, max_size=7),
    reserve=st.sampled_from([None, (60.0, 60.0), (60.0, 9.0)]),
)
def test_bodies_on_shared_beds_never_overlap(
    sizes: list[tuple[float, float]], reserve: tuple[float, float] | None
) -> None:
    bed = nest.Area(width_mm=235.0, depth_mm=235.0, height_mm=250.0, keep_outs_mm=((0.0, 0.0, 20.0, 5.0),))
    room = nest.Room(bed=bed, margin_mm=2.0, reserve_mm=reserve)
    outlines = [np.array([[0.0, 0.0], [x, 0.0], [x, y], [0.3 * x, 1.1 * y]]) for x, y in sizes]
    stands = nest.share_beds(outlines, room, 5.0)
    assert stands is not None
    placed = [nest.beside(o, s.spot) for o, s in zip(outlines, stands, strict=True)]
    for i, a in enumerate(placed):
        assert (a >= 2.0 - 1e-9).all()
        assert (a <= 233.0 + 1e-9).all()
        for j in range(i):
            if stands[i].bed == stands[j].bed:
                grown = CrossSection([placed[j]]).offset(4.99, JoinType.Round, 2.0, 64)
                assert (grown ^ CrossSection([a])).area() < 1e-9
    for index in range(max(s.bed for s in stands) + 1):
        here = np.concatenate([p for p, s in zip(placed, stands, strict=True) if s.bed == index])
        assert not reserve or nest.free_spot(bed, nest.footprint(here), reserve) is not None


def test_small_bodies_share_a_bed_and_a_lone_one_stands_in_the_middle() -> None:
    square = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 100.0], [0.0, 100.0]])
    stands = nest.share_beds([square] * 5, ROOM, 5.0)
    assert stands is not None
    assert [s.bed for s in stands] == [0, 0, 0, 0, 1]
    assert nest.beside(square, stands[4].spot).mean(axis=0) == pytest.approx([117.5, 117.5])
    assert nest.share_beds([square * 3.0], ROOM, 5.0) is None


BUMP = (
    block((30, 60, 60))
    + block((80, 60, 20), (40, 0, -20))
    + Manifold.sphere(12.0, 96).translate((60.0, 0.0, -11.5))  # its top is 0.5 mm over the middle
)


def test_a_bump_that_a_plane_grazes_keeps_its_cap() -> None:
    plane = Plane(normal=(0.0, 0.0, 1.0), offset_mm=0.0)
    below, above = cut(Piece(solids={"a": BUMP}), plane)
    assert len(above.solids["a"].decompose()) == 2
    lower, upper = given_back(below, above, plane, lambda _piece: True)
    assert len(upper.solids["a"].decompose()) == len(lower.solids["a"].decompose()) == 1
    assert lower.solids["a"].volume() + upper.solids["a"].volume() == pytest.approx(BUMP.volume(), rel=1e-9)
    assert from_solid(lower.solids["a"]).bounds_mm[1, 2] == pytest.approx(0.5, abs=1e-3)
    assert inspect(from_solid(lower.solids["a"])).closed
    turned = Plane(normal=(0.0, 0.0, -1.0), offset_mm=0.0)  # the same cut, named from the other side
    upper, lower = given_back(above, below, turned, lambda _piece: True)
    assert from_solid(lower.solids["a"]).bounds_mm[1, 2] == pytest.approx(0.5, abs=1e-3)


def test_a_cap_does_not_go_back_where_it_makes_its_piece_too_high() -> None:
    plane = Plane(normal=(0.0, 0.0, 1.0), offset_mm=0.0)
    halves = cut(Piece(solids={"a": BUMP}), plane)
    assert given_back(*halves, plane, lambda piece: bool(piece.points_mm()[:, 2].max() <= 0.25)) == halves


def test_a_cap_that_can_be_held_is_no_shaving() -> None:
    plane = Plane(normal=(0.0, 0.0, 1.0), offset_mm=-4.0)
    halves = cut(Piece(solids={"a": BUMP}), plane)
    assert given_back(*halves, plane, lambda _piece: True) == halves
    groups = standing(halves[1], [plane], 1.0)
    assert [round(piece.solids["a"].volume()) for piece in groups] == pytest.approx([61200, 670], abs=10)


def test_bodies_that_hold_together_by_another_part_are_one_piece() -> None:
    plane = Plane(normal=(0.0, 0.0, 1.0), offset_mm=0.0)
    two = block((10, 10, 10), (0, 0, 5)) + block((10, 10, 10), (30, 0, 5))
    bridge = block((30, 4, 4), (15, 0, 5))
    assert len(standing(Piece(solids={"a": two}), [plane], 1.0)) == 2
    assert len(standing(Piece(solids={"a": two, "b": bridge}), [plane], 1.0)) == 1
