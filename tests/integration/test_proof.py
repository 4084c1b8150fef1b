"""What the real PrusaSlicer made of real vessels, spoilt line by line: the proof finds it, and says where."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from printprep.case import Severity
from printprep.casefile import Limits
from printprep.gcode.proof import Proof
from printprep.plan import Plan, Plate
from printprep.profiles.load import Profiles, load_profiles
from printprep.run import Request, run_case
from printprep.slicers.proven import prove_plate

pytestmark = pytest.mark.integration

DEMO = Path(sys.modules["printprep"].__path__[0]) / "demo" / "dissection"
SUPPORT = ("Support material", "Support material interface", "Wipe tower", "Skirt/Brim", "Custom")
CASE = """[case]
id = "T-1"
units = "mm"
scale = 0.6
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the file, and where the slicer says that it is."""

    text: str
    z_mm: float
    feature: str
    tool: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced:
    """A plate of two parts, sliced once."""

    file: Path
    plan: Plan
    plate: Plate
    profiles: Profiles

    def spoilt(self, change: Callable[[Line], str], folder: Path) -> Proof:
        spoilt = folder / "spoilt.gcode"
        spoilt.write_text("\n".join(change(line) for line in lines(self.file)), encoding="utf-8")
        return prove_plate(spoilt, self.plan, self.plate, self.profiles.printer("prusa-xl"), Limits())

    def span_mm(self, part: str) -> tuple[float, float]:
        mesh = self.plan.part(part).mesh.transformed(self.plate.motion(self.plan.part(part)))
        return float(mesh.bounds_mm[0, 2]), float(mesh.bounds_mm[1, 2])

    def tool(self, part: str) -> int:
        return self.plan.part(part).tool


def lines(file: Path) -> Iterator[Line]:
    z_mm, feature, tool = 0.0, "", 0
    for text in file.read_text(encoding="utf-8").split("\n"):
        if text.startswith(";Z:"):
            z_mm = float(text[3:])
        elif text.startswith(";TYPE:"):
            feature = text[6:]
        elif re.fullmatch(r"T\d", text):
            tool = int(text[1:])
        yield Line(text=text, z_mm=z_mm, feature=feature, tool=tool)


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> Sliced:
    folder = tmp_path_factory.mktemp("proof")
    for name in ("celiac_trunk.stl", "vertebrae_T12.stl"):
        (folder / name).write_bytes((DEMO / name).read_bytes())
    (folder / "case.toml").write_text(CASE, encoding="utf-8")
    profiles = load_profiles()
    request = Request(
        sources=(folder / "case.toml",), printer="prusa-xl", process="standard", out=folder / "build", supports=True
    )
    result = run_case(request, profiles, "prove")
    assert result.plan is not None
    assert not result.stopped, result.findings
    assert [held.holds for held in result.plates[0].held] == [True, True]
    return Sliced(file=result.plates[0].file, plan=result.plan, plate=result.plan.plates[0], profiles=profiles)


@pytest.fixture(autouse=True)
def _installed(engine: Callable[[str], str]) -> None:
    engine("prusa-slicer")


def errors(found: Proof) -> set[tuple[str, str | None]]:
    return {(f.code, f.part) for f in found.findings if f.severity is Severity.ERROR}


def moves_of_model(line: Line) -> bool:
    return line.text.startswith("G1 ") and line.feature not in SUPPORT


def test_as_it_was_sliced_it_holds_to_a_fiftieth_of_a_millimetre(sliced: Sliced, tmp_path: Path) -> None:
    found = sliced.spoilt(lambda line: line.text, tmp_path)
    assert not errors(found)
    assert all(held.holds and held.p95_mm < 0.02 for held in found.held)


def test_the_erased_moves_of_a_small_vessel_are_found(sliced: Sliced, tmp_path: Path) -> None:
    low, high = sliced.span_mm("celiac-trunk")
    tool = sliced.tool("celiac-trunk")
    first, last = low + 0.4 * (high - low), low + 0.7 * (high - low)

    def erase(line: Line) -> str:
        gone = moves_of_model(line) and line.tool == tool and first < line.z_mm < last
        return re.sub(r" E[\d.]+", "", line.text) if gone else line.text

    found = sliced.spoilt(erase, tmp_path)
    assert ("deposit-lost", "celiac-trunk") in errors(found)
    lost = max((r for r in found.regions if r.part == "celiac-trunk"), key=lambda region: region.volume_mm3)
    assert lost.z_mm[0] == pytest.approx(first, abs=0.3)
    assert lost.z_mm[1] == pytest.approx(last, abs=0.3)
    assert {held.part: held.holds for held in found.held} == {"celiac-trunk": False, "vertebra": True}


def test_two_tools_swapped_are_found(sliced: Sliced, tmp_path: Path) -> None:
    one, other = sliced.tool("celiac-trunk"), sliced.tool("vertebra")
    assert one != other
    low, high = sliced.span_mm("celiac-trunk")
    swap = {f"T{one}": f"T{other}", f"T{other}": f"T{one}"}
    found = sliced.spoilt(
        lambda line: swap.get(line.text, line.text) if line.z_mm > (low + high) / 2 else line.text, tmp_path
    )
    assert {("deposit-wrong-tool", "celiac-trunk"), ("deposit-wrong-tool", "vertebra")} <= errors(found)


@pytest.mark.parametrize("change", ["shift", "halve"])
def test_one_layer_shifted_or_halved_is_found(sliced: Sliced, tmp_path: Path, change: str) -> None:
    low, high = sliced.span_mm("vertebra")
    z_mm = min({line.z_mm for line in lines(sliced.file)}, key=lambda z: abs(z - (low + high) / 2))

    def spoil(line: Line) -> str:
        if not moves_of_model(line) or line.z_mm != z_mm:
            return line.text
        if change == "shift":
            return re.sub(r"X([\d.]+)", lambda found: f"X{float(found[1]) + 1:.3f}", line.text)
        return re.sub(r"E([\d.]+)", lambda found: f"E{float(found[1]) / 2:.5f}", line.text)

    found = sliced.spoilt(spoil, tmp_path)
    (off,) = (off for off in found.off if off.part == "vertebra")
    assert off.how == ("shifted" if change == "shift" else "narrow")
    assert off.first_layer == off.last_layer
    assert off.z_mm[1] == pytest.approx(z_mm, abs=1e-3)
    assert ("deposit-layer-off", "vertebra") in {(f.code, f.part) for f in found.findings}
