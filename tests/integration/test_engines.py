"""What the real CuraEngine and Slic3r made of real vessels: the proof passes it, and finds what is spoilt in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Part, Severity, Source
from printprep.casefile import KeepOut, Limits, Sphere
from printprep.errors import ProfileError, SettingNotHonoured, SliceFailed
from printprep.gcode.guard import guard
from printprep.gcode.proof import Proof
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.plan import Plan, Plate, SlicedPlate
from printprep.prepare.arrange import arrange
from printprep.prepare.assign import assign
from printprep.prepare.pipeline import begin, plan_of
from printprep.prepare.steer import steer
from printprep.profiles.load import Profiles, load_profiles
from printprep.run import Request, run_case
from printprep.safety import anatomy_words, guard_limits
from printprep.slicers import slice_plate
from printprep.slicers.proven import prove_plate

pytestmark = pytest.mark.integration

DEMO = Path(sys.modules["printprep"].__path__[0]) / "demo" / "dissection"
OTHER = frozenset(
    ("SUPPORT", "SUPPORT-INTERFACE", "PRIME-TOWER", "SKIRT", "Custom", "Support material", "Support material interface")
) | {"Skirt/Brim", "Wipe tower"}
CASE = """[case]
id = "T-1"
units = "mm"
scale = 0.5
synthetic = true
[[parts]]
name = "celiac-trunk"
mesh = "celiac_trunk.stl"
material = "tpu-95a"
[[parts]]
name = "vertebra"
mesh = "vertebrae_T12.stl"
tissue = "vertebra"
[[accept]]
code = "floating-part"
reason = "they are compared one by one"
"""
ARM = from_solid(Manifold.cube((10, 10, 15)) + Manifold.cube((40, 10, 5)).translate((10, 0, 10)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the file, and where it is."""

    text: str
    z_mm: float
    feature: str
    tool: int

    @property
    def of_model(self) -> bool:
        return self.text.startswith("G1 ") and " E" in self.text and self.feature not in OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced:
    """A plate of two parts, sliced once by an engine."""

    made: SlicedPlate
    plan: Plan
    profiles: Profiles

    @property
    def plate(self) -> Plate:
        return self.plan.plates[0]

    def proved(self, file: Path | None = None) -> Proof:
        printer = self.profiles.printer("prusa-xl")
        return prove_plate(file or self.made.file, self.plan, self.plate, printer, Limits())


def lines(file: Path) -> Iterator[Line]:
    z_mm, feature, tool = 0.0, "", 0
    for text in file.read_text(encoding="utf-8").split("\n"):
        if found := re.match(r"G[01] .*Z([\d.]+)", text):
            z_mm = float(found[1])
        elif text.startswith(";TYPE:"):
            feature = text[6:]
        elif re.fullmatch(r"T\d", text):
            tool = int(text[1:])
        yield Line(text=text, z_mm=z_mm, feature=feature, tool=tool)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture(scope="module")
def plan(profiles: Profiles, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("case")
    for name in ("celiac_trunk.stl", "vertebrae_T12.stl"):
        (folder / name).write_bytes((DEMO / name).read_bytes())
    (folder / "case.toml").write_text(CASE, encoding="utf-8")
    request = Request(sources=(folder / "case.toml",), printer="prusa-xl", process="draft", out=folder / "build")
    result = run_case(request, profiles, "prepare")
    assert result.plan is not None
    return result.plan


@pytest.fixture(autouse=True)
def _installed(engine: Callable[[str], str], cura_definitions: Callable[[], Path]) -> None:
    engine("CuraEngine")
    engine("slic3r")
    cura_definitions()


@pytest.fixture(scope="module")
def shelf() -> dict[str, Sliced]:
    """What is sliced once for all tests, by engine."""
    return {}


@pytest.fixture(params=["curaengine", "slic3r"])
def sliced(
    request: pytest.FixtureRequest,
    plan: Plan,
    profiles: Profiles,
    shelf: dict[str, Sliced],
    tmp_path_factory: pytest.TempPathFactory,
) -> Sliced:
    name: str = request.param
    if name not in shelf:
        out = tmp_path_factory.mktemp(name)
        made = slice_plate(plan, plan.plates[0], profiles, out, slicer=name, timeout_s=300)
        shelf[name] = Sliced(made=made, plan=plan, profiles=profiles)
    return shelf[name]


def errors(found: Proof) -> set[tuple[str, str | None]]:
    return {(f.code, f.part) for f in found.findings if f.severity is Severity.ERROR}


def test_the_proof_finds_both_parts_whole(sliced: Sliced) -> None:
    found = sliced.proved()
    assert not errors(found)
    assert all(held.holds and held.p95_mm < 0.05 and held.wrong_tool_mm3 == 0 for held in found.held)
    assert sum(held.lost_mm3 for held in found.held) < 1.0
    assert {use.material for use in sliced.made.estimate.material} == {"pla", "tpu-95a"}
    assert sliced.made.tool_changes > 20
    assert not [f for f in sliced.made.findings if f.severity is Severity.ERROR]


def test_the_guard_lets_the_file_pass(sliced: Sliced) -> None:
    profiles = sliced.profiles
    materials = {load.tool: profiles.material(load.material) for load in sliced.plan.tools}
    known = (*anatomy_words(profiles), *(part.name for part in sliced.plan.parts))
    assert guard(sliced.made.file, guard_limits(profiles.printer("prusa-xl"), materials, (), known)) == ()


def test_supports_hold_and_are_measured(sliced: Sliced) -> None:
    supports = sliced.made.supports
    assert supports is not None
    assert supports.volume_mm3 > 300
    assert supports.contact_mm2 > 10
    assert not [r for r in sliced.proved().regions if r.kind == "floating" and r.volume_mm3 > 1]


def part(name: str, mesh: Mesh, tissue: str) -> Part:
    return Part(name=name, mesh=mesh, tissue=tissue, source=Source(file="x.stl", sha256="0"), side="left")


def planned(profiles: Profiles, *parts: Part, printer: str = "prusa-xl", keep_out: Sphere | None = None) -> Plan:
    zones = (KeepOut(sphere=keep_out),) if keep_out else ()
    case = Case(id="T-1", parts=parts, keep_out=zones)
    draft = begin(case, profiles.printer(printer), profiles.process("draft"), profiles)
    for stage in (assign, arrange, steer):
        draft = stage(draft)
    return plan_of(draft)


@pytest.mark.parametrize("engine_id", ["curaengine", "slic3r"])
def test_where_parts_overlap_the_higher_priority_wins(engine_id: str, profiles: Profiles, tmp_path: Path) -> None:
    """A tumour inside a bone: the bone gives way, whatever the engine does by itself."""
    bone = from_solid(Manifold.cube((16, 16, 12)))
    tumour = from_solid(Manifold.sphere(5, 64).translate((8, 8, 6)))
    plan = planned(profiles, part("bone", bone, "bone"), part("tumour", tumour, "tumour"))
    made = slice_plate(plan, plan.plates[0], profiles, tmp_path, slicer=engine_id)
    found = prove_plate(made.file, plan, plan.plates[0], profiles.printer("prusa-xl"), Limits())
    assert not errors(found)
    assert all(held.wrong_tool_mm3 == 0 and held.lost_mm3 < 1 for held in found.held)
    reversed_ = replace(plan, parts=tuple(replace(p, priority=-p.priority) for p in plan.parts))
    with pytest.raises(SliceFailed, match="tumour vanished from the G-code"):
        slice_plate(reversed_, plan.plates[0], profiles, tmp_path / "b", slicer=engine_id)


def test_cura_keeps_the_order_of_many_parts(profiles: Profiles, tmp_path: Path) -> None:
    """More than sixteen of one rank it would sort as it happens, so that bones win here and there."""
    places = [(9.0 * (number % 3), 9.0 * (number // 3), 0.0) for number in range(9)]
    bones = [
        part(f"bone-{k}", from_solid(Manifold.cube((8, 8, 3)).translate(at)), "bone") for k, at in enumerate(places)
    ]
    core = Manifold.cube((4, 4, 3)).translate((4, 2, 0))  # up to the bone's side, so that it is seen
    cores = [part(f"tumour-{k}", from_solid(core.translate(at)), "tumour") for k, at in enumerate(places)]
    plan = planned(profiles, *bones, *cores)
    made = slice_plate(plan, plan.plates[0], profiles, tmp_path, slicer="curaengine")
    found = prove_plate(made.file, plan, plan.plates[0], profiles.printer("prusa-xl"), Limits())
    assert not errors(found)
    assert len(found.held) == 18
    assert all(held.wrong_tool_mm3 == 0 for held in found.held)


def test_cura_keeps_supports_out_of_a_zone_and_without_blockers_one_would_stand_there(
    profiles: Profiles, tmp_path: Path
) -> None:
    plan = planned(profiles, part("a", ARM, "bone"), keep_out=Sphere(centre_mm=(38, 5, 10), radius_mm=6))
    kept = slice_plate(plan, plan.plates[0], profiles, tmp_path, slicer="curaengine")
    assert kept.supports is not None
    assert [contact.keep_out_mm2 for contact in kept.supports.contacts] == [0.0]
    assert kept.supports.contact_mm2 > 150
    free = replace(plan, support_zones=())
    told_nothing = slice_plate(free, plan.plates[0], profiles, tmp_path / "b", slicer="curaengine")
    assert "support-in-keep-out" in {finding.code for finding in told_nothing.findings}


def test_slic3r_refuses_what_it_cannot_promise(profiles: Profiles, tmp_path: Path) -> None:
    zone = planned(profiles, part("a", ARM, "bone"), keep_out=Sphere(centre_mm=(38, 5, 10), radius_mm=6))
    with pytest.raises(SliceFailed, match="cannot be told where no support may stand"):
        slice_plate(zone, zone.plates[0], profiles, tmp_path, slicer="slic3r")
    cube = from_solid(Manifold.cube((8, 8, 8)))
    beside = Mesh(cube.vertices + np.array([12.0, 0, 0]), cube.faces)
    both = planned(profiles, part("a", cube, "bone"), part("b", beside, "artery"), printer="prusa-mk4-mmu3")
    with pytest.raises(SliceFailed, match="lays no wipe tower"):
        slice_plate(both, both.plates[0], profiles, tmp_path, slicer="slic3r")
    assert list(tmp_path.iterdir()) == []
    made = slice_plate(both, both.plates[0], profiles, tmp_path, slicer="curaengine")
    found = prove_plate(made.file, both, both.plates[0], profiles.printer("prusa-mk4-mmu3"), Limits())
    assert not errors(found)


@pytest.mark.parametrize(
    ("engine_id", "raw", "error", "said"),
    [
        ("curaengine", {"no_such_key": 1}, ProfileError, "no setting 'no_such_key'"),
        ("curaengine", {"layer_height": "abc"}, ProfileError, "takes a value of type float"),
        ("curaengine", {"material_diameter": 2.85}, SettingNotHonoured, "another diameter than 1.75 mm"),
        ("curaengine", {"layer_height": 0.1}, SettingNotHonoured, "and others of 0.28 mm"),
        ("slic3r", {"no_such_key": 1}, SettingNotHonoured, "no_such_key: requested '1', unknown to this engine"),
        ("slic3r", {"perimeters": "2.7"}, SettingNotHonoured, "perimeters: requested '2.7', resolved '2'"),
        ("slic3r", {"layer_height": 0.1}, SettingNotHonoured, "and others of 0.28 mm"),
    ],
)
def test_a_setting_that_is_not_honoured_stops_the_run(
    engine_id: str,
    raw: dict[str, str | int | float | bool],
    error: type[Exception],
    said: str,
    profiles: Profiles,
    tmp_path: Path,
) -> None:
    real = profiles.printers["ender-3"]
    printers = {**profiles.printers, "ender-3": real.model_copy(update={"slicer": {engine_id: raw}})}
    plan = planned(profiles, part("a", from_solid(Manifold.cube((6, 6, 4))), "bone"), printer="ender-3")
    with pytest.raises(error, match=said):
        slice_plate(plan, plan.plates[0], replace(profiles, printers=printers), tmp_path, slicer=engine_id)
    assert list(tmp_path.iterdir()) == []
