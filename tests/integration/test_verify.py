"""``printprep verify`` on what the real engines made: good files pass, each spoilt one is found by the command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from printprep.cli.root import printprep
from printprep.formats.stl import write as write_stl
from printprep.formats.threemf import Standing, read_standing
from printprep.gcode.bgcode import Packing
from printprep.geometry.solid import union
from tests.integration.test_engines import Line, lines
from tests.integration.test_proof import CASE, DEMO
from tests.unit.gcode.binary import File, gcode
from tests.unit.gcode.sliced import Box

pytestmark = pytest.mark.integration

PROFILES = {
    "processes/ironed.toml": (
        'inherits = "draft"\nname = "Ironed"\n[fdm]\nbrim_mm = 4\ninfill_percent = 40\n'
        '[fdm.slicer.prusaslicer]\nironing = true\nironing_type = "top"\n'
    ),
}
BOXES = """[case]
id = "T-3"
units = "mm"
synthetic = true
[[parts]]
name = "femur"
side = "left"
mesh = "femur.stl"
material = "pla"
[orient]
keep = true
"""
SMALL = '[[accept]]\ncode = "size-implausible"\nreason = "small, so that it is quick"\n'


ENGINES = ("prusaslicer", "curaengine", "slic3r")


@pytest.fixture(autouse=True)
def _own_profiles(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: Callable[[str], str],
    cura_definitions: Callable[[], Path],
) -> None:
    for name in ("prusa-slicer", "CuraEngine", "slic3r"):
        engine(name)
    cura_definitions()
    monkeypatch.setenv("PRINTPREP_PROFILES", str(laid_over(tmp_path / "profiles")))


def laid_over(folder: Path) -> Path:
    for name, text in PROFILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def command(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(printprep, [*map(str, arguments), "--json"], catch_exceptions=False)
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == code, [f for f in document["findings"] if f["severity"] != "info"]
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Two parts that an engine sliced, with supports."""

    folder: Path
    engine: str

    @property
    def file(self) -> Path:
        return self.folder / self.engine / "plate-1.gcode"

    @property
    def parts(self) -> dict[str, Standing]:
        return {part.name: part for part in read_standing(self.file.with_name("prepared.3mf"))}

    def spoilt(self, change: Callable[[Line], str]) -> dict[str, Any]:
        """What the command says of the file with each line changed; it must refuse it."""
        edited = self.file.with_name("edited.gcode")
        edited.write_text("\n".join(change(line) for line in lines(self.file)), encoding="utf-8")
        return command("verify", edited, "--case", self.folder / "case.toml", code=1)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    for name in ("celiac_trunk.stl", "vertebrae_T12.stl"):
        (folder / name).write_bytes((DEMO / name).read_bytes())
    (folder / "case.toml").write_text(CASE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=ENGINES)
def build(case: Path, request: pytest.FixtureRequest) -> Build:
    made = Build(folder=case, engine=request.param)
    wish = ("--printer", "prusa-xl", "--process", "draft", "--slicer", made.engine, "--out", made.file.parent)
    command("run", case / "case.toml", *wish)
    return made


def binary(text: str) -> bytes:
    """The commands as a .bgcode, in blocks as long as slicers write them."""
    rows = text.splitlines(keepends=True)
    return File(blocks=[gcode("".join(rows[k : k + 2000]), Packing.DEFLATE) for k in range(0, len(rows), 2000)]).data


def errors(found: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(f["code"], f["part"]) for f in found["findings"] if f["severity"] == "error"}


def test_supports_tower_and_infill_are_no_fault(build: Build) -> None:
    features = {line.feature for line in lines(build.file)}
    known = {
        "prusaslicer": {"Support material", "Wipe tower", "Internal infill"},
        "curaengine": {"SUPPORT", "PRIME-TOWER", "FILL"},
        "slic3r": {"Support material", "Infill"},
    }
    assert known[build.engine] <= features, features
    found = command("verify", build.file, "--case", build.folder / "case.toml")
    assert found["verified"] is True
    assert not errors(found)
    assert all(part["holds"] and part["p95_mm"] < 0.05 for part in found["parts"])
    certificate = json.loads(build.file.with_name("certificate.json").read_text())
    assert all(build.file.with_name(one["picture"]).is_file() for one in certificate["printed"][0]["worst"])


def test_the_erased_moves_of_a_vessel(build: Build) -> None:
    part = build.parts["celiac-trunk"]
    low, high = part.mesh.bounds_mm[:, 2]
    first, last = low + 0.3 * (high - low), low + 0.6 * (high - low)

    def erase(line: Line) -> str:
        gone = line.of_model and line.tool == part.tool and first < line.z_mm < last
        return re.sub(r" E[\d.]+", "", line.text) if gone else line.text

    found = build.spoilt(erase)
    assert ("deposit-lost", "celiac-trunk") in errors(found)
    lost = next(r for r in found["regions"] if r["kind"] == "lost" and r["part"] == "celiac-trunk")
    assert lost["z_mm"] == pytest.approx([first, last], abs=0.45)
    assert {part["part"]: part["holds"] for part in found["parts"]} == {"celiac-trunk": False, "vertebra": True}


def test_two_tools_swapped(build: Build) -> None:
    tools = {part.tool for part in build.parts.values()}
    one, other = sorted(tools)
    swap = {f"T{one}": f"T{other}", f"T{other}": f"T{one}"}
    found = build.spoilt(lambda line: swap.get(line.text, line.text) if line.z_mm > 10 else line.text)
    assert {("deposit-wrong-tool", "celiac-trunk"), ("deposit-wrong-tool", "vertebra")} <= errors(found)
    assert all(r["tool"] != r["tool_asked"] for r in found["regions"] if r["kind"] == "wrong-tool")
    assert min(r["z_mm"][0] for r in found["regions"] if r["kind"] == "wrong-tool") == pytest.approx(10, abs=0.6)


@pytest.mark.parametrize(("how", "told"), [("shift", "shifted"), ("halve", "narrow")])
def test_a_layer_shifted_or_of_half_the_plastic(build: Build, how: str, told: str) -> None:
    low, high = build.parts["vertebra"].mesh.bounds_mm[:, 2]
    printed = {line.z_mm for line in lines(build.file) if line.of_model and re.search(r"X.* E[.\d]", line.text)}
    z_mm = min(printed, key=lambda z: abs(z - (low + high) / 2))

    def spoil(line: Line) -> str:
        if line.z_mm != z_mm or not re.match("G[01] ", line.text):
            return line.text
        if how == "shift":
            return re.sub(r"X([\d.]+)", lambda found: f"X{float(found[1]) + 1:.3f}", line.text)
        if not line.of_model:
            return line.text
        return re.sub(r"E([\d.]+)", lambda found: f"E{float(found[1]) / 2:.5f}", line.text)

    found = build.spoilt(spoil)
    assert ("deposit-layer-off", "vertebra") in errors(found)
    off = next(one for one in found["layers_off"] if one["part"] == "vertebra")
    assert off["how"] == told
    assert off["z_mm"][1] == pytest.approx(z_mm, abs=1e-3)
    assert off["layers"][0] == off["layers"][1]


def test_a_binary_file_is_held_against_the_anatomy_too(build: Build) -> None:
    """The same commands as a .bgcode: whole it passes, and without those of a vessel it does not."""
    part = build.parts["celiac-trunk"]
    packed = build.file.with_suffix(".bgcode")
    packed.write_bytes(binary(build.file.read_text(encoding="utf-8")))
    assert command("verify", packed, "--case", build.folder / "case.toml")["verified"] is True

    def erase(line: Line) -> str:
        return re.sub(r" E[\d.]+", "", line.text) if line.of_model and line.tool == part.tool else line.text

    packed.write_bytes(binary("\n".join(erase(line) for line in lines(build.file))))
    found = command("verify", packed, "--case", build.folder / "case.toml", code=1)
    assert ("deposit-lost", "celiac-trunk") in errors(found)


def boxes(folder: Path, *shapes: Box, accept: str = SMALL, more: str = "") -> Path:
    """A case of one part that is the union of boxes."""
    write_stl(folder / "femur.stl", union(*(box.solid.mesh for box in shapes)))
    (folder / "case.toml").write_text(BOXES + more + accept)
    return folder / "case.toml"


@pytest.mark.parametrize("engine_id", ENGINES)
def test_a_wall_thinned_in_the_mesh_before_slicing(tmp_path: Path, engine_id: str) -> None:
    """The slicer prints what it is given; what was prepared is another thing, and thicker."""
    block = Box(name="block", low_mm=(0, 0, 0), high_mm=(12, 10, 3))
    for name, half_mm in (("asked", 0.6), ("thinned", 0.15)):
        wall = Box(name="wall", low_mm=(4, 5 - half_mm, 2.5), high_mm=(10, 5 + half_mm, 8))
        (tmp_path / name).mkdir()
        toml = boxes(tmp_path / name, block, wall)
        wish = ("--printer", "ender-3", "--process", "standard", "--slicer", engine_id)
        command("run", toml, *wish, "--out", tmp_path / name / "build")
    thinned = tmp_path / "thinned" / "build" / "plate-1.gcode"
    assert command("verify", thinned)["verified"] is True  # as it was thinned, it is all there
    found = command("verify", thinned, "--case", tmp_path / "asked" / "build", code=1)
    assert {("deposit-lost", "femur"), ("deposit-layer-off", "femur")} & errors(found)
    off = next(one for one in found["layers_off"] if one["how"] == "narrow")
    assert off["gap_mm"] == pytest.approx(0.45, abs=0.05)
    assert off["z_mm"] == pytest.approx([3.0, 8.0], abs=0.25)


def test_brim_dense_infill_and_ironing_are_no_fault(tmp_path: Path) -> None:
    step = Box(name="step", low_mm=(0, 0, 0), high_mm=(16, 14, 4))
    top = Box(name="top", low_mm=(2, 2, 3), high_mm=(9, 12, 8))
    toml = boxes(tmp_path, step, top)
    out = tmp_path / "build"
    command("run", toml, "--printer", "ender-3", "--process", "ironed", "--out", out)
    features = {line.feature for line in lines(out / "plate-1.gcode")}
    assert {"Ironing", "Skirt/Brim", "Internal infill"} <= features
    found = command("verify", out / "plate-1.gcode", "--case", toml)
    assert not [f for f in found["findings"] if f["severity"] != "info"]
    assert found["parts"][0]["p95_mm"] < 0.02


def test_each_of_several_plates_is_held_against_its_own_pieces(tmp_path: Path) -> None:
    bar = Box(name="bar", low_mm=(0, 0, 0), high_mm=(300, 130, 1.5))
    toml = boxes(tmp_path, bar, more="[split]\nallowed = true\npins = false\n")
    out = tmp_path / "build"
    document = command("run", toml, "--printer", "ender-3", "--process", "draft", "--out", out)
    files = [plate["file"] for plate in document["plates"]]
    assert files == ["plate-1.gcode", "plate-2.gcode"]
    for number, file in enumerate(files, start=1):
        found = command("verify", out / file, "--case", toml)
        assert (found["plate"], found["verified"], found["state"]) == (number, True, "as locked")
        assert len(found["parts"]) == 1
    wrong = command("verify", out / files[0], "--plate", 2, code=1)
    assert not all(part["holds"] for part in wrong["parts"])
