"""The deposit check: each way to spoil a file is found, with the part and the height, and a good file is good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Severity
from printprep.casefile import Limits
from printprep.gcode.beads import Role, beads
from printprep.gcode.deposit import Solid, check
from printprep.gcode.outline import REACH_MM, gaps, samples
from printprep.gcode.proof import Judge, Proof, prove
from printprep.gcode.read import read_gcode
from printprep.gcode.regions import Whole
from printprep.gcode.spots import Kind
from printprep.geometry.solid import union
from tests.unit.gcode.sliced import WIDTH_MM, Box, Change, Ring, write

ORGAN = Box(name="organ", low_mm=(20, 20, 0), high_mm=(32, 30, 4))
VESSEL = Box(name="vessel", low_mm=(40, 20, 0), high_mm=(42, 22, 4), tool=1)
LAYERS = 20


def proof(
    tmp_path: Path,
    change: Change = lambda ring: ring,
    *,
    boxes: tuple[Box, ...] = (ORGAN, VESSEL),
    wanted: tuple[Box, ...] | None = None,
    critical: frozenset[str] = frozenset(),
) -> Proof:
    path = write(tmp_path / "plate.gcode", list(boxes), layers=LAYERS, change=change)
    solids = [box.solid for box in wanted or boxes]
    low_mm, high_mm = (reach(solid.mesh.bounds_mm[k, 2] for solid in solids) for k, reach in ((0, min), (1, max)))
    laid = beads(read_gcode(path), top_mm=high_mm, bottom_mm=low_mm)
    return prove(laid, solids, check(laid, solids), Limits(), critical)


def errors(found: Proof) -> set[tuple[str, str | None]]:
    return {(f.code, f.part) for f in found.findings if f.severity is Severity.ERROR}


def test_a_good_file_holds_everything(tmp_path: Path) -> None:
    found = proof(tmp_path)
    assert found.findings == ()
    assert found.layers == LAYERS
    assert all(part.holds and part.p95_mm < 0.1 for part in found.held)
    assert [round(part.outline_mm) for part in found.held] == [44 * LAYERS, 8 * LAYERS]


OUTER = Box(name="outer", low_mm=(20, 20, 0), high_mm=(40, 40, 4))
INNER = Box(name="inner", low_mm=(28, 28, 0), high_mm=(32, 32, 4))
COLLAR = Box(name="collar", low_mm=(28 - WIDTH_MM, 28 - WIDTH_MM, 0), high_mm=(32 + WIDTH_MM, 32 + WIDTH_MM, 4))


@pytest.mark.parametrize("collar", [True, False])
def test_parts_by_one_tool_are_one_body_where_neither_has_a_wall(tmp_path: Path, collar: bool) -> None:
    """The inside is empty, as infill leaves it; what lies in it is missed where there is a wall around its place."""

    def hollow(ring: Ring) -> Ring | None:
        if ring.layer in (0, LAYERS - 1):
            return ring
        if ring.box == "collar":
            return ring if collar and ring.feature == "External perimeter" else None
        return ring if ring.box == "outer" and ring.feature == "External perimeter" else None

    found = proof(tmp_path, hollow, boxes=(OUTER, COLLAR), wanted=(OUTER, INNER))
    lost = [region for region in found.regions if region.kind is Kind.LOST]
    if not collar:
        assert lost == []
        return
    assert errors(found) == {("deposit-lost", "inner")}
    (inner,) = lost
    assert (inner.first_layer, inner.last_layer) == (1, LAYERS - 2)
    assert inner.box_mm == pytest.approx((28, 28, 32, 32), abs=0.11)


@pytest.mark.parametrize("tool", [0, 1])
def test_a_vessel_that_is_left_out_within_an_organ(tmp_path: Path, tool: int) -> None:
    """The organ has its wall around the place, which is a cell without any plastic: no infill is so."""
    inner = replace(INNER, tool=tool)

    def change(ring: Ring) -> Ring | None:
        if ring.box == "inner":
            return None if 8 <= ring.layer < 16 else ring
        if ring.layer in (0, LAYERS - 1):
            return ring if ring.box == "outer" else None
        return ring if ring.feature == "External perimeter" else None

    found = proof(tmp_path, change, boxes=(OUTER, COLLAR, inner), wanted=(OUTER, inner))
    assert errors(found) == {("deposit-lost", "inner")}
    (lost,) = (region for region in found.regions if region.kind is Kind.LOST)
    assert (lost.first_layer, lost.last_layer) == (8, 15)
    assert lost.area_mm2 == pytest.approx(16, rel=0.1)
    assert lost.depth_mm == pytest.approx(2, abs=0.2)


def test_parts_by_two_tools_have_a_wall_each(tmp_path: Path) -> None:
    def hollow(ring: Ring) -> Ring | None:
        return ring if ring.layer in (0, LAYERS - 1) or ring.feature == "External perimeter" else None

    found = proof(tmp_path, hollow, boxes=(OUTER,), wanted=(OUTER, replace(INNER, tool=1)))
    assert {region.part for region in found.regions if region.kind is Kind.LOST} == {"inner", "outer"}


def test_widths_come_from_what_is_fed(tmp_path: Path) -> None:
    laid = beads(read_gcode(write(tmp_path / "a.gcode", [ORGAN], layers=3)))
    assert np.allclose(laid.width_mm, WIDTH_MM, atol=1e-3)
    assert laid.layer_height_mm.tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert (laid.role == Role.PART).all()


def test_a_dot_covers_no_more_than_what_is_fed(tmp_path: Path) -> None:
    """More than a bead's feed on a way of 0.3 mm, by itself; the same within a long way stays as wide."""
    path = tmp_path / "dot.gcode"
    path.write_text("G28\nG90\nM83\nG1 Z0.2\nG1 X10 Y10\nG1 X10.3 E0.03\nG1 X20 Y10\nG1 X20.3 E0.03\nG1 X30 E1\n")
    alone_mm, first_mm, _ = beads(read_gcode(path)).width_mm.tolist()
    flat_mm = 0.03 * np.pi * 1.75**2 / 4 / 0.3 / 0.2 + 0.2 * (1 - np.pi / 4)
    assert first_mm == pytest.approx(flat_mm, rel=1e-3)
    assert 0.3 * alone_mm + np.pi * alone_mm**2 / 4 == pytest.approx(0.3 * flat_mm, rel=1e-3)


def test_a_vessel_that_is_left_out(tmp_path: Path) -> None:
    found = proof(tmp_path, lambda ring: None if ring.box == "vessel" and 8 <= ring.layer < 16 else ring)
    assert ("deposit-lost", "vessel") in errors(found)
    (lost,) = (region for region in found.regions if region.kind is Kind.LOST)
    assert (lost.first_layer, lost.last_layer) == (8, 15)
    assert lost.z_mm == pytest.approx((1.6, 3.2))
    assert lost.volume_mm3 == pytest.approx(2 * 2 * 1.6, rel=0.1)
    assert lost.thickness_mm == pytest.approx(2.0, abs=0.15)
    assert lost.where_mm[:2] == pytest.approx((41, 21), abs=0.1)
    floating = [region for region in found.regions if region.kind is Kind.FLOATING]
    assert [region.first_layer for region in floating] == [16]  # what comes above it begins in the air
    assert not next(part for part in found.held if part.part == "vessel").holds
    assert next(part for part in found.held if part.part == "organ").holds


def test_a_wall_that_is_too_thin_to_print_is_told_and_stops_a_critical_part(tmp_path: Path) -> None:
    fin = Box(name="organ", low_mm=(32, 24, 0), high_mm=(36, 24.3, 4))  # the slicer drops it
    whole = Box(name="fin", low_mm=fin.low_mm, high_mm=fin.high_mm)
    found = proof(tmp_path, boxes=(ORGAN,), wanted=(ORGAN, whole), critical=frozenset({"fin"}))
    assert ("deposit-lost", "fin") in errors(found)
    (lost,) = (region for region in found.regions if region.kind is Kind.LOST)
    assert lost.thickness_mm == pytest.approx(0.3, abs=0.11)
    assert lost.z_mm == pytest.approx((0, 4))


def test_two_tools_swapped(tmp_path: Path) -> None:
    found = proof(tmp_path, lambda ring: replace(ring, tool=1 - ring.tool) if ring.layer >= 10 else ring)
    assert errors(found) == {("deposit-wrong-tool", "organ"), ("deposit-wrong-tool", "vessel")}
    assert {(region.first_layer, region.last_layer) for region in found.regions} == {(10, 19)}


def test_a_layer_that_was_shifted(tmp_path: Path) -> None:
    def shift(ring: Ring) -> Ring:
        return replace(ring, corners=[(x + 1, y) for x, y in ring.corners]) if ring.layer == 7 else ring

    found = proof(tmp_path, shift)
    assert {(off.part, off.first_layer, off.last_layer) for off in found.off} == {("organ", 7, 7), ("vessel", 7, 7)}
    assert next(off.how for off in found.off if off.part == "organ") == "shifted"
    assert ("deposit-layer-off", "organ") in errors(found)
    assert ("deposit-added", None) in {(f.code, f.part) for f in found.findings}
    assert ("deposit-lost", "organ") in {(f.code, f.part) for f in found.findings}
    assert {layer for region in found.regions for layer in (region.first_layer, region.last_layer)} == {7}


@pytest.mark.parametrize(("flow", "how"), [(0.5, "narrow"), (1.5, "wide")])
def test_beads_of_another_width(tmp_path: Path, flow: float, how: str) -> None:
    found = proof(tmp_path, lambda ring: replace(ring, flow=flow) if 3 <= ring.layer <= 5 else ring)
    assert {(off.part, off.how, off.first_layer, off.last_layer) for off in found.off} == {
        ("organ", how, 3, 5),
        ("vessel", how, 3, 5),
    }
    half_mm = (WIDTH_MM - 0.2 * 0.2146) * (flow - 1) / 2
    assert all(off.gap_mm == pytest.approx(-half_mm, abs=0.01) for off in found.off)


def test_plastic_of_no_part(tmp_path: Path) -> None:
    stray = Box(name="stray", low_mm=(50, 20, 0), high_mm=(52, 22, 4))
    found = proof(tmp_path, boxes=(ORGAN, stray), wanted=(ORGAN,))
    assert errors(found) == {("deposit-added", None)}
    (added,) = found.regions
    assert added.volume_mm3 == pytest.approx(16, rel=0.1)


@pytest.mark.parametrize(
    "feature", ["Support material", "Wipe tower", "Skirt/Brim", "SUPPORT-INTERFACE", "Prime tower"]
)
def test_supports_and_towers_are_not_of_the_model(tmp_path: Path, feature: str) -> None:
    other = Box(name="other", low_mm=(50, 20, 0), high_mm=(52, 22, 4))
    found = proof(
        tmp_path,
        lambda ring: replace(ring, feature=feature) if ring.box == "other" else ring,
        boxes=(ORGAN, other),
        wanted=(ORGAN,),
    )
    assert found.findings == ()


def test_sparse_infill_is_no_loss_but_a_missing_skin_is(tmp_path: Path) -> None:
    def sparse(ring: Ring) -> Ring | None:
        inner = ring.box == "organ" and ring.corners[0][0] > 21.5
        return None if inner and 4 <= ring.layer < 16 else ring

    def open_top(ring: Ring) -> Ring | None:
        inner = ring.box == "organ" and ring.corners[0][0] > 21.5
        return None if inner and ring.layer >= 4 else ring

    assert not [f for f in proof(tmp_path, sparse).findings if f.code == "deposit-lost"]
    lost = [region for region in proof(tmp_path, open_top).regions if region.kind is Kind.LOST]
    assert [(region.first_layer, region.last_layer) for region in lost] == [(19, 19)]


def test_the_later_part_wins(tmp_path: Path) -> None:
    core = Box(name="core", low_mm=(24, 23, 0), high_mm=(27, 26, 4), tool=1)

    def around(ring: Ring) -> Ring | None:  # the organ's rings go through the core: only those that miss it stay
        xs, ys = [x for x, _ in ring.corners], [y for _, y in ring.corners]
        return None if ring.box == "organ" and (max(xs) < 27.6 or min(ys) > 22.4) else ring

    found = proof(tmp_path, around, boxes=(ORGAN, core))
    assert not [f for f in found.findings if f.part == "core"]


@pytest.mark.parametrize("layers", [range(6, 7), range(6, 9), range(3, 17), range(15, LAYERS), range(2)])
def test_layers_that_are_missing_altogether(tmp_path: Path, layers: range) -> None:
    found = proof(tmp_path, lambda ring: None if ring.layer in layers else ring)
    lost = [region for region in found.regions if region.kind is Kind.LOST]
    assert {(region.part, region.first_layer, region.last_layer) for region in lost} == {
        ("organ", layers[0], layers[-1]),
        ("vessel", layers[0], layers[-1]),
    }
    assert not found.off


def test_heights_that_no_part_reaches_are_layers_without_plastic(tmp_path: Path) -> None:
    low = Box(name="low", low_mm=(20, 20, 0), high_mm=(32, 30, 1))
    high = Box(name="high", low_mm=(40, 20, 3.4), high_mm=(44, 24, 4), tool=1)
    under = Box(name="under", low_mm=(39, 19, 0), high_mm=(45, 25, 3.2))

    def sliced(ring: Ring) -> Ring:
        return replace(ring, feature="Support material") if ring.box == "under" else ring

    found = proof(tmp_path, sliced, boxes=(low, high, under), wanted=(low, high))
    assert found.findings == ()
    assert found.layers == LAYERS
    assert all(part.holds for part in found.held)


def test_plastic_in_layers_that_no_part_reaches_is_no_farther_off_than_the_plate_is_wide(tmp_path: Path) -> None:
    stray = Box(name="stray", low_mm=(50, 20, 0), high_mm=(52, 22, 4))
    low = Box(name="low", low_mm=(20, 20, 0), high_mm=(32, 30, 1))
    found = proof(tmp_path, boxes=(low, stray), wanted=(low,))
    assert errors(found) == {("deposit-added", None)}
    assert all(region.depth_mm < 60.0 for region in found.regions)


def _lost(found: Proof, part: str) -> list[Severity]:
    return [
        f.severity for f in found.findings if f.code in ("deposit-lost", "deposit-layers-missing") and f.part == part
    ]


@pytest.mark.parametrize("layers", [{6}, {6, 7}, set(range(5, 15, 2))])
def test_layers_missing_between_others_part_the_print_however_low_they_are(tmp_path: Path, layers: set[int]) -> None:
    found = proof(tmp_path, lambda ring: None if ring.layer in layers else ring)
    assert {("deposit-lost", "organ"), ("deposit-lost", "vessel")} <= errors(found)
    assert all(
        region.whole is Whole.BETWEEN and region.depth_mm > 1.0 for region in found.regions if region.kind is Kind.LOST
    )
    assert not any(part.holds for part in found.held)


@pytest.mark.parametrize("count", [1, 2])
def test_first_layers_that_are_missing_are_an_error_since_the_print_would_begin_in_the_air(
    tmp_path: Path, count: int
) -> None:
    found = proof(tmp_path, lambda ring: None if ring.box == "vessel" and ring.layer < count else ring)
    (missing,) = (f for f in found.findings if f.code == "deposit-layers-missing")
    assert (missing.part, missing.severity, missing.limit) == ("vessel", Severity.ERROR, 0.5)
    assert missing.value == pytest.approx(0.2 * count, abs=0.01)
    which = {1: "the first layer of vessel is", 2: "the first 2 layers of vessel are"}[count]
    assert missing.message.startswith(f"{which} not printed: z 0.00 to {0.2 * count:.2f} mm (layer")
    assert missing.message.endswith(f"it begins {0.2 * count:.2f} mm above the bed, in the air")
    assert [part.holds for part in found.held] == [True, False]


@pytest.mark.parametrize("count", [1, 2])
def test_first_layers_that_are_missing_are_found_though_a_skirt_or_supports_are_printed_there(
    tmp_path: Path, count: int
) -> None:
    aside = Box(name="skirt", low_mm=(60, 20, 0), high_mm=(62, 40, 4))

    def only_the_skirt(ring: Ring) -> Ring | None:
        if ring.box == "skirt":
            return replace(ring, feature="Skirt/Brim") if ring.layer < count else None
        return ring if ring.layer >= count else None

    found = proof(tmp_path, only_the_skirt, boxes=(ORGAN, VESSEL, aside), wanted=(ORGAN, VESSEL))
    assert {("deposit-layers-missing", "organ"), ("deposit-layers-missing", "vessel")} <= errors(found)
    assert found.layers == LAYERS


@pytest.mark.parametrize(
    ("count", "severity"), [(1, Severity.WARNING), (2, Severity.WARNING), (3, Severity.ERROR), (9, Severity.ERROR)]
)
def test_last_layers_that_are_missing_are_told_and_are_an_error_beyond_the_limit(
    tmp_path: Path, count: int, severity: Severity
) -> None:
    found = proof(tmp_path, lambda ring: None if ring.layer >= LAYERS - count else ring)
    assert {f.code for f in found.findings} == {"deposit-layers-missing"}
    assert {f.part: f.severity for f in found.findings} == {"organ": severity, "vessel": severity}
    assert f"it ends {0.2 * count:.2f} mm too low" in found.findings[0].message


def test_a_tip_that_no_bead_fits_and_a_worn_top_are_no_missing_layers(tmp_path: Path) -> None:
    thin = Box(name="thin", low_mm=(50, 20, 0), high_mm=(50.3, 40, 4))
    spared = proof(tmp_path, lambda ring: None if ring.layer >= 18 else ring, boxes=(ORGAN, thin))
    assert ("deposit-layers-missing", "thin") not in {(f.code, f.part) for f in spared.findings}
    inner = proof(tmp_path, lambda ring: None if ring.layer >= 18 and "External" not in ring.feature else ring)
    assert "deposit-layers-missing" not in {f.code for f in inner.findings}


def test_a_layer_missing_in_half_of_a_part_is_a_gap_as_deep_as_it_goes_in(tmp_path: Path) -> None:
    right = Box(name="right", low_mm=(26, 20, 0), high_mm=(32, 30, 4))
    left = Box(name="left", low_mm=(20, 20, 0), high_mm=(26, 30, 4))
    found = proof(
        tmp_path,
        lambda ring: None if ring.box == "right" and ring.layer == 6 else ring,
        boxes=(left, right),
        wanted=(ORGAN,),
    )
    assert ("deposit-lost", "organ") in errors(found)
    (lost,) = (region for region in found.regions if region.kind is Kind.LOST)
    assert lost.whole is None
    assert lost.depth_mm == pytest.approx(3.0, abs=0.2)


def test_a_wall_missing_over_three_layers(tmp_path: Path) -> None:
    def bare(ring: Ring) -> Ring | None:
        return None if ring.box == "organ" and ring.feature == "External perimeter" and 6 <= ring.layer < 9 else ring

    found = proof(tmp_path, bare)
    assert ("deposit-layer-off", "organ") in errors(found)
    assert [(off.first_layer, off.last_layer) for off in found.off if off.part == "organ"] == [(6, 8)]


@pytest.mark.parametrize("layers", [{8}, {8, 9}])
def test_a_thin_vessel_in_two_pieces_is_an_error_though_it_is_not_critical(tmp_path: Path, layers: set[int]) -> None:
    thin = Box(name="thin", low_mm=(45, 20, 0), high_mm=(45.5, 20.5, 4), tool=1)
    found = proof(tmp_path, lambda r: None if r.box == "thin" and r.layer in layers else r, boxes=(ORGAN, thin))
    assert ("deposit-lost", "thin") in errors(found)


@pytest.mark.parametrize(("thick_mm", "severity"), [(0.3, Severity.WARNING), (0.5, Severity.ERROR)])
def test_a_section_left_out_of_one_layer_is_an_error_if_one_bead_fits(
    tmp_path: Path, thick_mm: float, severity: Severity
) -> None:
    thin = Box(name="thin", low_mm=(45, 20, 0), high_mm=(47, 20 + thick_mm, 4), tool=1)
    found = proof(tmp_path, lambda r: None if r.box == "thin" and r.layer == 8 else r, boxes=(ORGAN, thin))
    (lost,) = (region for region in found.regions if region.part == "thin" and region.kind is Kind.LOST)
    assert lost.whole is Whole.BETWEEN
    much = {"thin": 1000.0}  # mm3, so that its share is no reason
    judge = Judge(limits=Limits(), line_mm=WIDTH_MM, critical=frozenset(), volume_mm3=much)
    assert judge.severity(lost) is severity


def test_a_section_within_another_part_is_no_vessel_in_two_pieces(tmp_path: Path) -> None:
    """The tip of a branch inside the trunk: a small void there parts nothing from anything."""
    places = [((20, 20), (25, 30)), ((26, 20), (31, 30)), ((25, 20), (26, 24)), ((25, 24.5), (26, 30))]
    trunk = [
        Box(name=f"trunk-{number}", low_mm=(*low, 0), high_mm=(*high, 4)) for number, (low, high) in enumerate(places)
    ]
    tip = Box(name="tip", low_mm=(25, 24, 0), high_mm=(26, 24.5, 4))
    found = proof(tmp_path, lambda r: None if r.box == "tip" and r.layer == 8 else r, boxes=(*trunk, tip))
    (lost,) = (region for region in found.regions if region.part == "tip" and region.kind is Kind.LOST)
    assert (lost.first_layer, lost.last_layer) == (8, 8)
    assert errors(found) == set()


@pytest.mark.parametrize(("lacks", "severity"), [(2, Severity.WARNING), (3, Severity.ERROR)])
def test_the_tip_of_a_critical_vessel_may_lack_no_more_than_a_surface_may_be_off(
    tmp_path: Path, lacks: int, severity: Severity
) -> None:
    thin = Box(name="thin", low_mm=(45, 20, 0), high_mm=(45.5, 20.5, 4), tool=1)
    found = proof(
        tmp_path,
        lambda r: None if r.box == "thin" and r.layer >= LAYERS - lacks else r,
        boxes=(ORGAN, thin),
        critical=frozenset({"thin"}),
    )
    assert _lost(found, "thin") == [severity]


def test_gaps_are_exact() -> None:
    start, end = np.array([[0.0, 0.0]], np.float32), np.array([[10.0, 0.0]], np.float32)
    width = np.array([0.4], np.float32)
    points = np.array([[5.0, 0.2], [5.0, 0.5], [5.0, 0.0], [-0.5, 0.0], [5.0, 9.0], [12.0, 1.0]])
    gap, bead = gaps(points, start, end, width)
    assert gap == pytest.approx([0.0, 0.3, -0.2, 0.3, REACH_MM, REACH_MM], abs=1e-6)
    assert bead.tolist() == [0, 0, 0, 0, -1, -1]


def test_samples_stand_for_the_whole_outline() -> None:
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [5, 5], [6, 5], [5, 6]])
    places, weight = samples(square, np.array([0, 4, 7]), 0.2)
    assert weight.sum() == pytest.approx(4 + 2 + np.sqrt(2))
    assert weight.max() <= 0.2 + 1e-9
    assert len(places) == len(weight)


def test_nothing_to_compare(tmp_path: Path) -> None:
    path = tmp_path / "empty.gcode"
    path.write_text("G28\nG1 X10 Y10 F3000\n")
    laid = beads(read_gcode(path), top_mm=4.0)
    found = prove(laid, [ORGAN.solid], check(laid, [ORGAN.solid]), Limits())
    assert found.layers == LAYERS
    assert [(f.code, f.part) for f in found.findings] == [("deposit-lost", "organ")]


def test_a_sliver_that_lacks_its_tips_is_lost_there_and_no_bead_is_too_narrow(tmp_path: Path) -> None:
    """A fin of half a line and more, of which the slicer prints a short bead: region, not beads."""
    fin = Box(name="organ", low_mm=(38, 24.0, 0), high_mm=(42, 24.5, 0.2))
    bead = Box(name="organ", low_mm=(39.7, 24.0, 0), high_mm=(40.3, 24.5, 0.2))
    found = proof(tmp_path, boxes=(ORGAN, bead), wanted=(ORGAN, replace(fin, name="fin")))
    lost = [region for region in found.regions if region.kind is Kind.LOST and region.part == "fin"]
    assert sum(region.area_mm2 for region in lost) == pytest.approx(4 * 0.5 - 0.6 * 0.5, rel=0.2)
    assert [off for off in found.off if off.part == "fin"] == []


def test_what_is_lost_of_a_layer_is_as_deep_as_the_plastic_beside_or_below_it_is_far(tmp_path: Path) -> None:
    found = proof(tmp_path, lambda ring: None if ring.box == "vessel" and ring.layer == LAYERS - 1 else ring)
    (lost,) = (region for region in found.regions if region.part == "vessel")
    assert lost.depth_mm == pytest.approx(0.2, abs=0.1)
    deep = proof(tmp_path, lambda ring: None if ring.box == "vessel" and ring.layer >= 10 else ring)
    (lost,) = (region for region in deep.regions if region.part == "vessel")
    assert lost.depth_mm == pytest.approx(2.0, abs=0.1)


def test_a_line_of_infill_over_an_empty_cell_is_nothing_that_begins_in_the_air(tmp_path: Path) -> None:
    """Inside the organ one layer has only its outline; a line in the middle of the next lies on nothing."""

    def hollow(ring: Ring) -> Ring | None:
        xs = [x for x, _ in ring.corners]
        wide = max(xs) - min(xs)
        if ring.box != "organ" or ring.layer not in (8, 9, 10) or wide > 10.5:
            return ring
        return None if ring.layer in (8, 9) or wide > 3 else ring

    found = proof(tmp_path, hollow)
    assert [region for region in found.regions if region.kind is Kind.FLOATING] == []


def test_where_no_line_fits_in_no_plastic_is_looked_for_but_a_line_that_is_wider_than_the_wall_is_told(
    tmp_path: Path,
) -> None:
    """Slivers that touch the bed, of which an engine prints a stub; and a wall that takes a line all along."""
    sliver = Box(name="fin", low_mm=(38, 24.0, 0), high_mm=(41.2, 24.1, 0.2))
    stub = Box(name="organ", low_mm=(39.2, 23.9, 0), high_mm=(40.0, 24.2, 0.2))
    assert proof(tmp_path, boxes=(ORGAN, stub), wanted=(ORGAN, sliver)).off == ()
    wall = Box(name="wall", low_mm=(38, 24, 0), high_mm=(44, 24.3, 4))
    (off,) = proof(tmp_path, boxes=(ORGAN, wall)).off
    assert (off.part, off.how) == ("wall", "wide")
    assert off.gap_mm == pytest.approx((0.3 - WIDTH_MM) / 2, abs=0.01)


def test_a_short_line_in_a_long_sliver_makes_no_section_too_wide(tmp_path: Path) -> None:
    """Of a section as wide as a line takes for two millimetres, and with a tail too thin for any."""
    body = Box(name="fin", low_mm=(38, 24.0, 0), high_mm=(40, 24.3, 0.2))
    tail = Box(name="fin", low_mm=(39.9, 24.0, 0), high_mm=(43, 24.1, 0.2))
    fin = Solid(name="fin", tool=0, mesh=union(body.solid.mesh, tail.solid.mesh))
    laid = beads(read_gcode(write(tmp_path / "a.gcode", [ORGAN, body], layers=LAYERS)), top_mm=4.0)
    found = prove(laid, [ORGAN.solid, fin], check(laid, [ORGAN.solid, fin]), Limits())
    assert [off for off in found.off if off.part == "fin"] == []
