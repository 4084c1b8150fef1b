from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from printprep.case import Case, Part, Source
from printprep.errors import DoesNotFit
from printprep.geometry.mesh import Mesh
from printprep.geometry.nest import beside, footprint, free_spot, largest_scale, place
from printprep.geometry.orient import rotation_to_up
from printprep.geometry.solid import union
from printprep.plan import ToolLoad
from printprep.prepare.arrange import EDGE_MM, arrange, room
from printprep.prepare.draft import Draft, DraftPart
from printprep.profiles.beside import supports_reach_mm
from printprep.profiles.load import Profiles, load_profiles
from printprep.profiles.tower import MARGIN_MM, clearance_mm, tower_size
from printprep.slicers.fit import place_tower


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def block(size_mm: tuple[float, float, float], at_mm: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices + np.array(at_mm), made.faces)


def draft(profiles: Profiles, meshes: dict[str, Mesh], printer: str = "prusa-mk4-mmu3", tools: int = 1) -> Draft:
    source = Source(file="a.stl", sha256="0" * 64)
    return Draft(
        case=Case(id="T", parts=tuple(Part(name=n, mesh=m, tissue=None, source=source) for n, m in meshes.items())),
        printer=profiles.printer(printer),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=n, mesh=m) for n, m in meshes.items()),
        tools=tuple(ToolLoad(tool=k, material="pla", colour=(0, 0, 0)) for k in range(tools)),
    )


def test_all_parts_move_as_one_onto_the_middle_of_the_bed(profiles: Profiles) -> None:
    meshes = {"a": block((40, 30, 20)), "b": block((5, 5, 5), (30, 0, 40))}
    done = arrange(draft(profiles, meshes))
    (plate,) = done.plates
    motion = plate.case_to_plate
    assert plate.parts == ("a", "b")
    assert motion[:3, :3] @ motion[:3, :3].T == pytest.approx(np.eye(3))
    assert np.linalg.det(motion) == pytest.approx(1.0)
    placed = np.concatenate([m.transformed(motion).vertices for m in meshes.values()])
    bed = done.printer.bed
    assert placed[:, 2].min() == pytest.approx(0.0, abs=1e-9)
    middle = (placed.min(axis=0) + placed.max(axis=0)) / 2
    assert middle[:2] == pytest.approx([bed.width_mm / 2, bed.depth_mm / 2])
    assert [f.code for f in done.findings] == ["arranged"]


def test_the_rotation_of_orient_is_kept(profiles: Profiles) -> None:
    start = draft(profiles, {"a": block((40, 30, 20))})
    turned = Draft(**{k: getattr(start, k) for k in start.__slots__} | {"rotation": rotation_to_up([1, 0, 0])})
    motion = arrange(turned).plates[0].case_to_plate
    assert motion[:3, :3] @ [1, 0, 0] == pytest.approx([0, 0, 1])


def test_room_is_kept_for_the_wipe_tower(profiles: Profiles) -> None:
    meshes = {"a": block((170, 170, 20))}
    one, two = (arrange(draft(profiles, meshes, tools=tools)) for tools in (1, 2))
    placed = meshes["a"].transformed(two.plates[0].case_to_plate).vertices
    reserve = room(two).reserve_mm
    assert reserve is not None
    assert free_spot(two.printer.bed, footprint(placed), reserve) is not None
    assert "middle" in one.findings[-1].message
    assert "beside" in two.findings[-1].message


@pytest.mark.parametrize("printer", ["prusa-xl", "prusa-mk4-mmu3"])
@pytest.mark.parametrize("tools", [2, 5])
def test_the_place_kept_free_is_the_one_that_the_driver_takes(profiles: Profiles, printer: str, tools: int) -> None:
    """The largest body that the arrangement takes still has its tower in the driver, clear of it and its brim."""
    start = draft(profiles, {"a": block((100, 100, 20))}, printer, tools)
    space = room(start)
    scale = largest_scale(footprint(start.parts[0].mesh.vertices), 20.0, space) * 0.999
    done = arrange(draft(profiles, {"a": block((100 * scale, 100 * scale, 20))}, printer, tools))
    placed = done.parts[0].mesh.transformed(done.plates[0].case_to_plate)
    assert done.printer.fdm is not None
    size = tower_size(done.printer.fdm, done.process.fdm, tools)
    assert size is not None
    tower = place_tower([placed], done.printer.bed, done.process.fdm, size)
    (x0, y0), (width, depth) = (tower.x_mm - MARGIN_MM, tower.y_mm - MARGIN_MM), size.place_mm
    low, high = placed.bounds_mm[:, :2]
    apart = max(x0 - high[0], low[0] - x0 - width, y0 - high[1], low[1] - y0 - depth)
    assert apart >= clearance_mm(done.process.fdm) - 1e-6


def test_tools_that_leave_nothing_need_no_tower(profiles: Profiles) -> None:
    start = draft(profiles, {"a": block((10, 10, 10))}, "prusa-xl", 2)
    assert start.printer.fdm is not None
    clean = start.printer.model_copy(update={"fdm": start.printer.fdm.model_copy(update={"purge_mm3": 0.0})})
    assert room(start).reserve_mm is not None
    assert room(replace(start, printer=clean)).reserve_mm is None


def test_a_resin_bed_is_the_panel(profiles: Profiles) -> None:
    space = room(draft(profiles, {"a": block((10, 10, 10))}, printer="prusa-sl1s", tools=1))
    panel = profiles.printer("prusa-sl1s").resin
    assert panel is not None
    assert space.bed.width_mm <= panel.width_px * panel.pixel_mm[0]
    assert space.reserve_mm is None


def test_what_does_not_fit_says_what_would(profiles: Profiles) -> None:
    meshes = {"short": block((10, 10, 10)), "long": block((700, 20, 20))}
    start = draft(profiles, meshes)
    with pytest.raises(
        DoesNotFit, match=r"700\.0 x 20\.0 x 20\.0 mm .*Original Prusa MK4|700\.0 x 20\.0 x 20\.0"
    ) as caught:
        arrange(start)
    text = str(caught.value)
    assert "long would stick out" in text
    wanted = float(text.split(" is the largest case scale")[0].split()[-1])
    smaller = {name: Mesh(mesh.vertices * wanted, mesh.faces) for name, mesh in meshes.items()}
    larger = {name: Mesh(mesh.vertices * wanted * 1.01, mesh.faces) for name, mesh in meshes.items()}
    assert arrange(draft(profiles, smaller)).plates
    with pytest.raises(DoesNotFit):
        arrange(draft(profiles, larger))


def test_too_high_sticks_out(profiles: Profiles) -> None:
    with pytest.raises(DoesNotFit, match="tower would stick out"):
        arrange(draft(profiles, {"foot": block((50, 50, 5)), "tower": block((10, 10, 900), (0, 0, 450))}))


def test_the_place_is_the_one_that_nest_gives(profiles: Profiles) -> None:
    mesh = block((40, 30, 20))
    start = draft(profiles, {"a": mesh})
    spot = place(footprint(mesh.vertices), room(start))
    assert spot is not None
    expected = beside(footprint(mesh.vertices), spot)
    placed = mesh.transformed(arrange(start).plates[0].case_to_plate).vertices
    assert placed[:, :2].min(axis=0) == pytest.approx(expected.min(axis=0))


def arm(length_mm: float) -> Mesh:
    """A post at the right end of an arm, whose underside hangs."""
    post, beam = block((20, 20, 30), (-10, 0, 15)), block((length_mm, 20, 4), (-length_mm / 2, 0, 28))
    return union(post, beam)


def test_supports_get_room_where_there_is_room_and_are_no_reason_to_refuse(profiles: Profiles) -> None:
    def at_mm(length_mm: float, supports: bool) -> tuple[float, float]:
        start = replace(draft(profiles, {"a": arm(length_mm)}, "ender-3"), supports=supports)
        x_mm = arrange(start).plates[0].case_to_plate[0, 3]
        return x_mm - length_mm, x_mm

    reach_mm = supports_reach_mm(profiles.process("standard").fdm)
    assert at_mm(100.0, True) == at_mm(100.0, False)  # clear of all edges in the middle
    left_mm, right_mm = at_mm(204.0, True)
    assert at_mm(204.0, False) == pytest.approx((8.0, 212.0))
    assert left_mm >= reach_mm + EDGE_MM
    assert right_mm <= 220.0 - EDGE_MM
    table = union(block((20, 20, 30)), block((204, 204, 4), (0, 0, 13)))  # hangs on all sides
    assert arrange(draft(profiles, {"a": table}, "ender-3")).plates  # what is drawn decides
