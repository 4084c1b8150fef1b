"""The dress that a profile puts around an engine's moves, and what is measured in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from printprep.errors import DoesNotFit, SettingNotHonoured, SliceFailed
from printprep.gcode.read import Gcode, read_gcode
from printprep.geometry.mesh import Mesh
from printprep.plan import Plan
from printprep.profiles.load import Profiles
from printprep.slicers.dressed import LAYER, Dress, dress_of, put_on, seen_in, tool_changes
from printprep.slicers.job import Job, implausible, job_of, least_s, uses_of, verify
from printprep.slicers.laid import check_laid

Cube = Callable[[float, tuple[float, float, float]], Mesh]
WIDTH_MM, HEIGHT_MM = 0.4, 0.2
E_PER_MM = WIDTH_MM * HEIGHT_MM / (3.14159265 / 4 * 1.75**2)


@pytest.fixture
def job(plan_of: Callable[..., Plan], cube: Cube, profiles: Profiles) -> Job:
    """Two cubes by tools 1 and 3 of a printer with five; the engine counts them 0 and 1."""
    plan = plan_of({"bone": (cube(10, (100, 100, 0)), 1, "pla"), "artery": (cube(10, (110, 100, 0)), 3, "tpu-95a")})
    return job_of(plan, plan.plates[0], profiles, "Engine")


def engine_lines(layers: int = 50, e: float = E_PER_MM, z: float = HEIGHT_MM) -> Iterator[str]:
    """What an engine writes: heat and modes of its own, a square by each of its tools in each layer."""
    yield from ("M104 S1", "G90", "M82", "T1")
    for layer in range(layers):
        yield f"{LAYER};LAYER:{layer}"
        yield f"G0 X110 Y100 Z{z * (layer + 1):.3f}"
        for tool, x in ((1, 110), (0, 100)) if layer % 2 == 0 else ((0, 100), (1, 110)):
            yield from (f"T{tool}", "M109 S200", "M106 S99", f"G0 X{x} Y100 F9000", ";TYPE:WALL-OUTER")
            for dx, dy in ((10, 0), (10, 10), (0, 10), (0, 0)):
                yield f"G1 X{x + dx} Y{100 + dy} E{10 * e:.5f}"


@pytest.fixture
def dressed(job: Job, tmp_path: Path) -> Callable[..., Gcode]:
    def make(**changed: float) -> Gcode:
        put_on(engine_lines(**changed), tmp_path / "x.gcode", dress_of(job), ";engine")  # type: ignore[arg-type]
        return read_gcode(tmp_path / "x.gcode")

    return make


def test_the_profile_starts_changes_tools_and_ends(dressed: Callable[..., Gcode], tmp_path: Path) -> None:
    gcode = dressed()
    lines = (tmp_path / "x.gcode").read_text().splitlines()
    assert lines[:2] == [";engine", ";TYPE:Custom"]
    assert "M109 T3 S235" in lines[: lines.index("T3") + 2]  # its first tool, by the printer's count
    assert lines[lines.index(";LAYER:0") - 3 : lines.index(";LAYER:0")] == ["G21", "G90", "M83"]
    changes = [line for line in lines if line.startswith("T")]
    assert changes[:3] == ["T3", "T1", "T3"]
    first_change = lines.index("T1")
    assert lines[first_change - 1] == "M109 T1 S215"
    assert lines[lines.index(";LAYER:1") - 1] == "M104 T3 S230"  # after the first layer; PLA keeps its 215
    assert "G1 Z20 F600" in lines[-12:]  # 10 mm above the print
    assert not {"M104 S1", "M82", "M109 S200"} & set(lines)
    assert tool_changes(gcode) == 50


def test_a_fan_of_its_own_runs_as_each_material_wants_from_the_second_layer_on(job: Job, tmp_path: Path) -> None:
    put_on(engine_lines(), tmp_path / "x.gcode", dress_of(job, own_fan=True), ";engine")
    lines = (tmp_path / "x.gcode").read_text().splitlines()
    assert "M106 S99" not in lines
    second = lines.index(";LAYER:1")
    assert not any(line.startswith("M106") for line in lines[: second - 1])
    assert lines[second - 1] == "M106 S255"
    assert lines[lines.index("T3", second) + 1] == "M106 S153"


@pytest.mark.parametrize(
    ("lines", "said"), [(["T7", f"{LAYER};LAYER:0"], "calls a tool"), (["T0", "G1 X1"], "without a layer")]
)
def test_what_is_no_print_is_refused(lines: list[str], said: str, job: Job, tmp_path: Path) -> None:
    with pytest.raises(SliceFailed, match=said):
        put_on(iter(["T0", f"{LAYER};LAYER:0", *lines] if "T7" in lines else lines), tmp_path / "x", dress_of(job), ";")


def test_a_printer_without_gcode_of_its_own_still_changes_tools(job: Job) -> None:
    dress = dress_of(job)
    plain = replace(dress, fdm=dress.fdm.model_copy(update={"tool_change_gcode": ""}))
    assert isinstance(plain, Dress)
    assert plain.change(1, 3, 0, 0.2) == "T3\n"


def test_tools_layers_and_places_are_seen_in_the_file(dressed: Callable[..., Gcode], job: Job) -> None:
    seen = seen_in(dressed(), "0")
    assert seen.tools == {1: 200, 3: 200}
    assert seen.layer_count == 50
    assert seen.top_mm == pytest.approx(10.0)
    assert seen.first_layer == {"WALL-OUTER": (100.0, 100.0, 120.0, 110.0)}
    verify(job, seen, 50)


def test_what_is_missing_or_off_the_bed_is_refused(dressed: Callable[..., Gcode], job: Job) -> None:
    seen = seen_in(dressed(), "0")
    with pytest.raises(SliceFailed, match="artery vanished"):
        verify(job, replace(seen, tools={1: 5}), 50)
    with pytest.raises(SliceFailed, match="anatomy is missing"):
        verify(job, seen, 40)
    with pytest.raises(DoesNotFit, match="the bed is 360 x 360"):
        verify(job, replace(seen, first_layer={"SKIRT": (-1, 0, 5, 5)}), 50)
    with pytest.raises(SliceFailed, match="the wipe tower came out as 300"):
        verify(job, replace(seen, first_layer={"PRIME-TOWER": (0, 0, 300, 5)}), 50)


def test_layers_walls_and_filament_as_asked_pass(dressed: Callable[..., Gcode], job: Job) -> None:
    fed_mm3 = 50 * 40 * WIDTH_MM * HEIGHT_MM
    check_laid(job, dressed(), "Engine", {1: fed_mm3, 3: fed_mm3}, WIDTH_MM)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"e": E_PER_MM * (1.75 / 2.85) ** 2}, "takes another diameter than 1.75 mm"),
        ({"z": 0.25, "layers": 40}, "lays one that ends at z ="),
    ],
)
def test_another_diameter_or_layer_is_found(
    changed: dict[str, float], said: str, dressed: Callable[..., Gcode], job: Job
) -> None:
    with pytest.raises(SettingNotHonoured, match=said):
        check_laid(job, dressed(**changed), "Engine", {}, WIDTH_MM)


def test_filament_that_is_not_the_engines_own_sum_is_found(dressed: Callable[..., Gcode], job: Job) -> None:
    with pytest.raises(SettingNotHonoured, match="says that tool 1 feeds 500 mm3, its file feeds 160 mm3"):
        check_laid(job, dressed(), "Engine", {1: 500.0})


def test_material_that_nothing_is_fed_of_is_refused_and_a_time_that_cannot_be_is_told(job: Job) -> None:
    uses = uses_of(job, {1: 1000.0, 3: 400.0}, "Engine")
    assert [(use.tool, use.material) for use in uses] == [(1, "pla"), (3, "tpu-95a")]
    with pytest.raises(SliceFailed, match=r"feeds no filament through tools \[3\]"):
        uses_of(job, {1: 1000.0}, "Engine")
    assert least_s(job, uses) == pytest.approx(1400 / 15)
    assert implausible(job, "Engine", 600.0, least_s(job, uses), 700.0) is None
    for wrong in (None, -2147483648.0, 1.0, 1e9):
        finding = implausible(job, "Engine", wrong, least_s(job, uses), 700.0)
        assert finding is not None
        assert finding.code == "slicer-time-implausible"
