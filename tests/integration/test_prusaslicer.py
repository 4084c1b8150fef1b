"""The real PrusaSlicer: what it prints where, with which tool, and what it does with bad wishes."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Case, Part, Source
from printprep.errors import SettingNotHonoured, SliceFailed
from printprep.formats.stl import read as read_stl
from printprep.gcode.guard import guard
from printprep.gcode.read import Gcode, read_gcode
from printprep.geometry.mesh import Bool, Float, Mesh, join
from printprep.plan import Plan, PlannedPart, Plate, SlicedPlate
from printprep.prepare.assign import assign
from printprep.prepare.draft import Draft, DraftPart
from printprep.profiles.load import Profiles, load_profiles
from printprep.safety import guard_limits
from printprep.slicers import prusaslicer
from printprep.slicers.own_time import times_on
from printprep.slicers.prusa_project import Volume, write_project
from printprep.slicers.prusa_settings import settings, to_ini

pytestmark = pytest.mark.integration

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
CORNERS_OF_FACES = ("013", "032", "467", "475", "045", "051", "237", "276", "026", "064", "157", "173")
FACES = np.array([[int(corner) for corner in face] for face in CORNERS_OF_FACES])
LINE_MM = 0.45  # width of an outer perimeter with a 0.4 mm nozzle


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture(autouse=True)
def _installed(engine: Callable[[str], str]) -> None:
    engine("prusa-slicer")


def cube(edge_mm: float, corner_mm: Sequence[float]) -> Mesh:
    return Mesh(CORNERS * edge_mm + np.array(corner_mm), FACES)


def plan_of(
    parts: Mapping[str, tuple[Mesh, str]], profiles: Profiles, printer: str = "prusa-xl", process: str = "standard"
) -> Plan:
    """Parts of {name: (mesh, tissue)} assigned, as one body in the middle of the bed."""
    source = Source(file="x.stl", sha256="0")
    case = Case(
        id="T-1", parts=tuple(Part(name=n, mesh=mesh, tissue=t, source=source) for n, (mesh, t) in parts.items())
    )
    draft = assign(
        Draft(
            case=case,
            printer=profiles.printer(printer),
            process=profiles.process(process),
            profiles=profiles,
            parts=tuple(DraftPart(name=part.name, mesh=part.mesh) for part in case.parts),
        )
    )
    low, high = join([part.mesh for part in draft.parts]).bounds_mm
    motion = np.eye(4)
    middle = (low + high) / 2
    motion[:3, 3] = draft.printer.bed.width_mm / 2 - middle[0], draft.printer.bed.depth_mm / 2 - middle[1], -low[2]
    planned = []
    for part in draft.parts:
        assert part.material is not None
        assert part.tool is not None
        planned.append(
            PlannedPart(
                name=part.name,
                mesh=part.mesh,
                tissue=case.part(part.name).tissue,
                material=part.material,
                tool=part.tool,
                colour=part.colour,
                priority=part.priority,
            )
        )
    return Plan(
        case_id=case.id,
        printer=printer,
        process=process,
        parts=tuple(planned),
        tools=draft.tools,
        plates=(Plate(index=1, parts=tuple(parts), case_to_plate=motion),),
        changes={},
        findings=draft.findings,
        supports=False,
    )


def cut(plan: Plan, profiles: Profiles, out: Path) -> tuple[SlicedPlate, Gcode]:
    plate = prusaslicer.slice_plate(plan, plan.plates[0], profiles, out, timeout_s=300)
    return plate, read_gcode(plate.file)


def extrudes(gcode: Gcode, *features: str) -> tuple[Float, Float, Bool]:
    """Starts and ends of the moves that lay down material, (n, 3) mm, and which moves those are."""
    moves = gcode.moves
    starts = np.roll(moves.position_mm, 1, axis=0)
    chosen = (moves.e_mm > 0) & (moves.layer >= 0) & (np.abs(moves.position_mm - starts)[:, :2].max(axis=1) > 0)
    if features:
        chosen &= np.isin(moves.feature, [gcode.features.index(f) for f in features if f in gcode.features])
    return starts[chosen], moves.position_mm[chosen], chosen


def reach(gcode: Gcode, tool: int, *features: str) -> Float:
    """Bounding box in x and y of what a tool lays down, (2, 2) mm."""
    starts, ends, chosen = extrudes(gcode, *features)
    own = gcode.moves.tool[chosen] == tool
    points = np.concatenate([starts[own], ends[own]])[:, :2]
    return np.stack([points.min(axis=0), points.max(axis=0)])


@pytest.mark.parametrize("order", [("bone", "tumour"), ("tumour", "bone")])
@pytest.mark.parametrize("x_mm", [6.0, 16.0], ids=["inside", "half out"])
def test_a_tumour_in_a_bone_keeps_its_tool_whichever_came_first(
    x_mm: float, order: tuple[str, str], profiles: Profiles, tmp_path: Path
) -> None:
    meshes = {"bone": (cube(20, (0, 0, 0)), "bone"), "tumour": (cube(8, (x_mm, 6, 6)), "tumour")}
    plan = plan_of({name: meshes[name] for name in order}, profiles)
    tools = {part.name: part.tool for part in plan.parts}
    assert tools["bone"] != tools["tumour"]
    _, gcode = cut(plan, profiles, tmp_path)
    starts, ends, chosen = extrudes(gcode)
    middle = (starts + ends) / 2 - plan.plates[0].case_to_plate[:3, 3]
    low = np.array([x_mm, 6, 6])
    inside = ((middle > low + 0.5) & (middle < low + 7.5)).all(axis=1)
    assert inside.sum() > 100
    assert set(gcode.moves.tool[chosen][inside]) == {tools["tumour"]}
    of_bone = ((middle > 0) & (middle < 20)).all(axis=1) & ((middle < low - 0.5) | (middle > low + 8.5)).any(axis=1)
    assert set(gcode.moves.tool[chosen][of_bone]) == {tools["bone"]}


def test_every_part_is_where_the_plan_puts_it(profiles: Profiles, tmp_path: Path) -> None:
    meshes = {
        "bone": (cube(10, (0, 0, 0)), "bone"),
        "tumour": (cube(7.3, (23.456, 1.234, 0)), "tumour"),
        "vein": (cube(5, (3.003, 30.071, 0)), "vein"),
    }
    plan = plan_of(meshes, profiles)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turn, (200.117, 150.291, 0)
    plan = replace(plan, plates=(replace(plan.plates[0], case_to_plate=motion),))
    _, gcode = cut(plan, profiles, tmp_path)
    for part in plan.parts:
        wanted = part.mesh.transformed(motion).bounds_mm[:, :2]
        found = reach(gcode, part.tool, "External perimeter")
        assert np.abs(found.mean(axis=0) - wanted.mean(axis=0)).max() < 0.01, part.name
        inset = (np.ptp(wanted, axis=0) - np.ptp(found, axis=0)) / 2
        assert np.abs(inset - inset[0]).max() < 0.01, part.name
        assert 0 < inset[0] < LINE_MM


@pytest.mark.parametrize("printer", ["prusa-xl", "prusa-mk4-mmu3"])
def test_a_plate_with_only_a_later_tool_prints_with_that_one(printer: str, profiles: Profiles, tmp_path: Path) -> None:
    plan = plan_of({"bone": (cube(6, (0, 0, 0)), "bone"), "vein": (cube(6, (9, 0, 0)), "vein")}, profiles, printer)
    (tool,) = (part.tool for part in plan.parts if part.name == "vein")
    assert tool == 1
    only = replace(plan, plates=(replace(plan.plates[0], parts=("vein",)),))
    plate, gcode = cut(only, profiles, tmp_path)
    assert [use.tool for use in plate.estimate.material] == [1]
    assert set(gcode.moves.tool[gcode.moves.layer >= 0]) == {1}


@pytest.mark.parametrize("process", ["fine", "standard", "draft", "rush"])
@pytest.mark.parametrize("printer", ["prusa-mk4-mmu3", "prusa-xl", "ender-3", "voron-2.4", "virtual"])
def test_every_shipped_profile_is_honoured_key_by_key(
    printer: str, process: str, profiles: Profiles, tmp_path: Path
) -> None:
    meshes = {"bone": (cube(4, (0, 0, 0)), "bone"), "vein": (cube(4, (8, 0, 0)), "vein")}
    plan = plan_of(meshes, profiles, printer, process)
    plate, _ = cut(replace(plan, supports=True), profiles, tmp_path)
    assert [f.code for f in plate.findings] == []
    assert sum(s.requested is not None for s in plate.settings) > 80
    assert plate.estimate.duration_from == "trapezoid"
    times = times_on(profiles.printer(printer), plate.file)
    counted_s = sum(times.by_tool_s.values()) + times.by_feature_s.get("tool change", 0.0)
    # the engine counts moves and changes of tool too, but plans without end and knows no Klipper
    assert counted_s == pytest.approx(plate.extras["slicer_duration_s"], rel=0.15)


def test_the_wipe_tower_stands_on_the_bed_beside_the_parts(profiles: Profiles, tmp_path: Path) -> None:
    for printer in ("prusa-mk4-mmu3", "prusa-xl"):
        meshes = {f"p{k}": (cube(6, (9 * k, 0, 0)), t) for k, t in enumerate(("bone", "vein", "artery", "tumour"))}
        plan = plan_of(meshes, profiles, printer)
        assert len(plan.tools) == 4
        plate, gcode = cut(plan, profiles, tmp_path / printer)
        assert plate.tool_changes > 60
        boxes = [reach(gcode, tool, "Wipe tower") for tool in range(4)]
        low, high = np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)
        bed = profiles.printer(printer).bed
        assert low.min() > 0
        assert high[0] < bed.width_mm
        assert high[1] < bed.depth_mm
        body = join([p.mesh.transformed(plan.plates[0].case_to_plate) for p in plan.parts]).bounds_mm[:, :2]
        assert (high + 2 < body[0]).any() or (low - 2 > body[1]).any()


@pytest.mark.parametrize("printer", ["prusa-mk4-mmu3", "prusa-xl", "ender-3", "voron-2.4", "virtual"])
def test_the_guard_has_nothing_against_what_the_shipped_profiles_make(
    printer: str, profiles: Profiles, tmp_path: Path
) -> None:
    meshes = {"bone": (cube(4, (0, 0, 0)), "bone"), "vein": (cube(4, (8, 0, 0)), "vein")}
    plan = plan_of(meshes, profiles, printer)
    cut(plan, profiles, tmp_path)
    loaded = {load.tool: profiles.material(load.material) for load in plan.tools}
    (gcode,) = tmp_path.rglob("*.gcode")
    assert guard(gcode, guard_limits(profiles.printer(printer), loaded)) == ()


def test_a_real_case_uses_each_assigned_tool_and_asks_for_nothing_in_vain(
    profiles: Profiles, dissection: Path, tmp_path: Path
) -> None:
    meshes = {}
    for path in sorted(dissection.glob("*.stl")):
        (named,) = read_stl(path)
        meshes[path.stem] = (
            Mesh(named.mesh.vertices * 0.2, named.mesh.faces),
            profiles.tissue_for(path.stem)[0] or "bone",
        )
    plan = replace(plan_of(meshes, profiles, process="draft"), supports=True)
    plate, gcode = cut(plan, profiles, tmp_path)
    used = {part.tool for part in plan.parts}
    assert len(used) >= 4
    assert {use.tool for use in plate.estimate.material} == used == set(gcode.moves.tool[gcode.moves.layer >= 0])
    assert "Support material" in gcode.features
    assert {finding.code for finding in plate.findings} <= {"supported", "support-on-thin", "support-out-of-reach"}


def test_modifiers_and_support_blockers_are_heard(
    profiles: Profiles, tmp_path: Path, engine: Callable[[str], str]
) -> None:
    program = engine("prusa-slicer")
    column = Mesh(CORNERS * (4, 4, 6.5) + (100, 100, 0), FACES)
    plan = replace(plan_of({"bone": (column, "bone")}, profiles, "ender-3"), supports=True)
    asked = {**settings(plan, plan.plates[0], profiles), "brim_type": "no_brim"}
    top = Mesh(CORNERS * (20, 20, 3) + (100, 100, 6), FACES)

    def sliced(name: str, *more: Volume) -> Gcode:
        folder = tmp_path / name
        folder.mkdir()
        parts = [Volume(name="column", mesh=column, tool=0), Volume(name="top", mesh=top, tool=0)]
        write_project(folder / "a.3mf", [*parts, *more])
        (folder / "a.ini").write_text(to_ini(asked))
        prusaslicer.run(program, folder / "a.ini", folder / "a.3mf", folder / "a.gcode", timeout_s=120)
        return read_gcode(folder / "a.gcode")

    plain = sliced("plain")
    everywhere = Mesh(CORNERS * 60 + (90, 90, -5), FACES)
    blocked = sliced("blocked", Volume(name="no", mesh=everywhere, kind="SupportBlocker"))
    dense = Volume(name="d", mesh=everywhere, kind="ParameterModifier", settings={"fill_density": "60%"})
    filled = sliced("filled", dense)
    assert "Support material" in plain.features
    assert "Support material" not in blocked.features

    def infill_mm(gcode: Gcode) -> float:
        _, _, chosen = extrudes(gcode, "Internal infill")
        return float(gcode.moves.e_mm[chosen].sum())

    assert infill_mm(filled) > 2 * infill_mm(plain)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"no_such_key": 1}, "no_such_key: requested '1', unknown to this engine"),
        ({"perimeters": "2.7"}, "perimeters: requested '2.7', resolved '2'"),
        ({"seam_position": "nowhere"}, "seam_position"),
    ],
)
def test_a_setting_that_is_not_honoured_stops_the_run(
    raw: dict[str, str | int | float | bool], said: str, profiles: Profiles, tmp_path: Path
) -> None:
    real = profiles.printers["ender-3"]
    printers = {**profiles.printers, "ender-3": real.model_copy(update={"slicer": {"prusaslicer": raw}})}
    plan = plan_of({"bone": (cube(4, (0, 0, 0)), "bone")}, profiles, "ender-3")
    with pytest.raises((SettingNotHonoured, SliceFailed), match=said):
        cut(plan, replace(profiles, printers=printers), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_open_part_is_sliced_with_a_finding_that_stops_the_run(profiles: Profiles, tmp_path: Path) -> None:
    whole = cube(8, (0, 0, 0))
    plan = plan_of({"bone": (Mesh(whole.vertices, whole.faces[:-1]), "bone")}, profiles, "ender-3")
    plate, _ = cut(plan, profiles, tmp_path)
    assert [(f.code, f.part) for f in plate.findings] == [("slicer-open-part", "bone")]


def test_a_full_disk_is_a_clear_error_without_a_half_file(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Callable[[str], str]
) -> None:
    real = engine("prusa-slicer")
    small = tmp_path / "bin" / "prusa-slicer"
    small.parent.mkdir()
    small.write_text(f'#!/bin/bash\nulimit -f 20\nexec {real} "$@"\n')
    small.chmod(small.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{small.parent}:/usr/bin:/bin")
    plan = plan_of({"bone": (cube(8, (0, 0, 0)), "bone")}, profiles, "ender-3")
    with pytest.raises(SliceFailed, match="the disk may be full"):
        cut(plan, profiles, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(("printer", "tools"), [("prusa-xl", 2), ("prusa-mk4-mmu3", 5)])
def test_the_wipe_tower_comes_out_no_larger_than_the_place_kept_for_it(
    profiles: Profiles, tmp_path: Path, printer: str, tools: int
) -> None:
    """The driver measures the tower's first layer against its place, and refuses what is larger."""
    tissues = ("bone", "artery", "vein", "tumour", "skin")[:tools]
    parts = {tissue: (cube(8, (12 * k, 0, 0)), tissue) for k, tissue in enumerate(tissues)}
    plate, gcode = cut(plan_of(parts, profiles, printer, "fine"), profiles, tmp_path)
    assert plate.tool_changes > tools
    assert "Wipe tower" in gcode.features
