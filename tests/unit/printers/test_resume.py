"""Taking up a print: the file's own moves from a layer on, on a printer that stands as it stood."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from printprep.errors import InputError, PrinterError
from printprep.gcode.guard import guard
from printprep.printers.job import commands, read_job
from printprep.printers.resume import check_height, far_from_layer, write_resume
from printprep.printers.standing import Standing
from printprep.printers.virtual_firmware import VirtualFirmware
from printprep.profiles.load import load_profiles
from printprep.profiles.models import Printer
from printprep.safety import guard_limits, sending_guard

FILES = ("ender-3.gcode", "cura.gcode", "prusaslicer.gcode")


@pytest.fixture(scope="module")
def ender() -> Printer:
    return load_profiles().printer("ender-3")


def printed(sent: list[bytes]) -> VirtualFirmware:
    """A printer that took the commands."""
    firmware = VirtualFirmware(tools=2, on_accepted=None)
    for command in sent:
        firmware.feed(command + b"\n", 0.0)
    return firmware


def stands(firmware: VirtualFirmware) -> list[object]:
    head = firmware.head
    heat = [heater.target_c for heater in (*firmware.hotends, firmware.bed)]
    e_mm = None if head.relative_e else round(head.e_mm, 3)
    return [head.relative, head.relative_e, head.tool, e_mm, *heat]


@pytest.mark.parametrize("name", FILES)
def test_from_every_layer_the_printer_does_what_it_did(data: Path, tmp_path: Path, name: str, ender: Printer) -> None:
    job = read_job(data / "gcode" / name)
    all_of_it = list(commands(job.file))
    for layer in range(2, len(job.layer_starts) + 1):
        made = write_resume(job, layer, (job.layer_z_mm[layer - 2] or 1.0), ender, tmp_path / "resume.gcode")
        resumed = list(commands(read_job(made.path).file))
        rest = all_of_it[job.layer_starts[layer - 1] :]
        begun = resumed[: -len(rest)]
        assert resumed[-len(rest) :] == rest
        assert (made.commands, made.first_command) == (len(rest), job.layer_starts[layer - 1])
        before = printed(all_of_it[: made.first_command])
        again = printed(begun)
        assert stands(again) == stands(before)
        assert again.head.x_mm == pytest.approx(before.head.x_mm, abs=1e-3)
        assert again.head.y_mm == pytest.approx(before.head.y_mm, abs=1e-3)
        assert again.head.feed_mm_s == pytest.approx(before.head.feed_mm_s)
        height_mm = before.head.z_mm if name == "cura.gcode" else (job.layer_z_mm[layer - 1] or 0.0) + 5.0
        assert again.head.z_mm == pytest.approx(height_mm)
        assert [command for command in begun if command.startswith(b"G28")] == [b"G28 X Y"]


@pytest.mark.parametrize("name", FILES)
def test_its_layers_and_comments_stay(data: Path, tmp_path: Path, name: str, ender: Printer) -> None:
    job = read_job(data / "gcode" / name)
    made = write_resume(job, 3, 1.0, ender, tmp_path / "resume.gcode")
    assert read_job(made.path).layer_z_mm == job.layer_z_mm[2:]


def test_it_never_goes_down_before_the_job_does(data: Path, tmp_path: Path, ender: Printer) -> None:
    job = read_job(data / "gcode" / "ender-3.gcode")
    made = write_resume(job, 4, 30.0, ender, tmp_path / "resume.gcode")  # it was parked
    text = made.path.read_text()
    assert "G92 Z30\nG1 Z35 F600\nG28 X Y\n" in text
    high = write_resume(job, 4, ender.bed.height_mm, ender, tmp_path / "high.gcode")
    assert f"G1 Z{ender.bed.height_mm:g} F600" in high.path.read_text()


@pytest.mark.parametrize("nozzle_at_mm", [0.5, 8.4, 60.0])
def test_the_guard_passes_it_only_where_the_height_is_known(
    data: Path, tmp_path: Path, ender: Printer, nozzle_at_mm: float
) -> None:
    job = read_job(data / "gcode" / "ender-3.gcode")
    made = write_resume(job, 4, nozzle_at_mm, ender, tmp_path / "resume.gcode")
    profiles = load_profiles()

    def codes(stands_at_mm: float | None) -> set[str]:
        found = sending_guard(ender, profiles, stands_at_mm)(made.path)
        return {finding.code for finding in found if finding.severity == "error"}

    assert codes(nozzle_at_mm) == set()
    assert "gcode-not-homed" in codes(None)
    assert codes(nozzle_at_mm - 5.0) == {"gcode-off-bed"}  # it would go into the bed
    assert codes(ender.bed.height_mm) == {"gcode-off-bed"}  # and out of the top


def test_a_whole_file_with_a_known_height_still_has_to_home(tmp_path: Path, ender: Printer) -> None:
    from dataclasses import replace

    path = tmp_path / "x.gcode"
    path.write_text("G90\nM104 S200\nM109 S200\nG1 X20 Y20 F600\nM104 S0\n")
    limits = replace(guard_limits(ender, {}), stands_at_mm=5.0)
    assert "gcode-not-homed" in {finding.code for finding in guard(path, limits)}


def test_what_the_operator_tuned_is_tuned_again(data: Path, tmp_path: Path, ender: Printer) -> None:
    job = read_job(data / "gcode" / "ender-3.gcode")
    tunes = ("M220 S80", "M104 S205", "M140 S55")
    text = write_resume(job, 4, 1.0, ender, tmp_path / "r.gcode", tunes).path.read_text()
    assert text.endswith("\nM220 S100\n")
    assert "M221" not in text.rpartition("\nM220")[2]
    text = text.partition(";LAYER")[0]
    assert "M220 S80\n" in text
    assert "M109 S205\n" in text
    assert "M190 S55\n" in text


@pytest.mark.parametrize(
    ("printer", "reason"),
    [("voron-2.4", "SET_KINEMATIC_POSITION"), ("prusa-xl", "homes_xy_alone"), ("elegoo-saturn", "light")],
)
def test_a_printer_on_which_it_is_unsafe_is_refused(data: Path, tmp_path: Path, printer: str, reason: str) -> None:
    job = read_job(data / "gcode" / "ender-3.gcode")
    with pytest.raises(PrinterError, match=reason):
        write_resume(job, 2, 1.0, load_profiles().printer(printer), tmp_path / "r.gcode")
    assert not (tmp_path / "r.gcode").exists()


LAYER = ";LAYER_CHANGE\n;Z:{z}\n{lift}G1 X20 Y10 E1\n"


@pytest.mark.parametrize(
    ("before", "lift", "reason"),
    [
        ("G1 X1 Y1 Z0.2\nG91\n", "G1 Z0.2\n", "relative steps"),
        ("G1 X1 Y1 Z0.2\nG92 X0\n", "G1 Z0.4\n", "moved its origin"),
        ("G20\nG1 X1 Y1 Z0.2\n", "G1 Z0.4\n", "inches"),
        ("G28\n", "G1 Z0.4\n", "where the head is"),
        ("G1 X1 Y1 Z0.2\nG1 X5 E1\n", "", "does not say its height"),
    ],
)
def test_a_state_that_cannot_be_brought_back_is_refused(
    tmp_path: Path, ender: Printer, before: str, lift: str, reason: str
) -> None:
    path = tmp_path / "job.gcode"
    path.write_text(";LAYER_CHANGE\n;Z:0.2\n" + before + LAYER.format(z=0.4, lift=lift))
    with pytest.raises(PrinterError, match=reason):
        write_resume(read_job(path), 2, 1.0, ender, tmp_path / "r.gcode")


@pytest.mark.parametrize(("layer", "nozzle_at_mm"), [(0, 1.0), (99, 1.0), (2, -1.0), (2, 1e4)])
def test_what_cannot_be_is_said(data: Path, tmp_path: Path, ender: Printer, layer: int, nozzle_at_mm: float) -> None:
    with pytest.raises(InputError, match=r"none of them|impossible"):
        write_resume(read_job(data / "gcode" / "ender-3.gcode"), layer, nozzle_at_mm, ender, tmp_path / "r.gcode")


def test_settings_are_kept_in_the_order_they_were_said_last() -> None:
    standing = Standing()
    standing.follow([b"M204 P500", b"M220 S90", b"M204 P800", b"M204 P500", b"M106 S255", b"M106 P1 S10", b"M107"])
    assert list(standing.settings) == [b"M220 S90", b"M204 P800", b"M204 P500"]
    assert list(standing.fans.values()) == [b"M107", b"M106 P1 S10"]


def test_retraction_is_followed_over_all_forms_of_extrusion() -> None:
    standing = Standing()
    standing.follow([b"M82", b"G92 E0", b"G1 X1 E10", b"G1 E8.5 F2100", b"G92 E0"])
    assert standing.retracted_mm == pytest.approx(1.5)
    standing.follow([b"M83", b"G1 E1"])
    assert standing.retracted_mm == pytest.approx(0.5)
    standing.follow(islice([b"G1 X5 E3"], 1))
    assert standing.retracted_mm == 0.0


def test_what_is_said_of_the_nozzle_when_it_is_sent_is_what_the_file_was_made_for(
    data: Path, tmp_path: Path, ender: Printer
) -> None:
    job = read_job(data / "gcode" / "ender-3.gcode")
    made = write_resume(job, 4, 8.4, ender, tmp_path / "resume.gcode")
    check_height(made.path, 8.4)
    with pytest.raises(InputError, match=r"made for a nozzle at 8\.4 mm, and --nozzle-at says 8 mm"):
        check_height(made.path, 8.0)
    with pytest.raises(InputError, match="does not begin with a height"):
        check_height(job.path, 8.4)


def test_a_resume_file_beside_a_build_is_judged_as_what_it_is(data: Path, tmp_path: Path, ender: Printer) -> None:
    (tmp_path / "case.lock").write_text("not even a lock")
    job = read_job(data / "gcode" / "ender-3.gcode")
    made = write_resume(job, 4, 8.4, ender, tmp_path / "resume.gcode")
    found = sending_guard(ender, load_profiles(), 8.4)(made.path)
    assert [finding.code for finding in found if finding.severity == "error"] == []
    assert "goes on with the right part" in next(f.message for f in found if f.code == "not-certified")


def test_a_nozzle_far_from_the_layer_is_told_with_the_layer_that_fits(data: Path) -> None:
    job = read_job(data / "gcode" / "ender-3.gcode")
    fifth = job.layer_z_mm[4]
    assert fifth is not None
    assert far_from_layer(job, 5, fifth) is None  # laid down in part
    assert far_from_layer(job, 5, job.layer_z_mm[3] or 0.0) is None  # not begun
    assert far_from_layer(job, 1, 0.0) is None
    why = far_from_layer(job, 5, 0.0)
    assert why is not None
    assert why.endswith("the layer that comes onto 0 mm is 1")
    assert "comes onto" not in (far_from_layer(job, 5, 100.0) or "comes onto")


def test_every_tool_that_was_hot_is_waited_for(tmp_path: Path) -> None:
    """The job changes to the other one without asking: it was warm then."""
    path = tmp_path / "two.gcode"
    first = "M140 S60\nM104 T0 S210\nM104 T1 S240\nM109 T0 S210\nM109 T1 S240\nG28\nG90\nM82\nT0\nG92 E0\n"
    layers = [
        f";LAYER_CHANGE\n;Z:{z}\nG1 Z{z} F600\nT{n % 2}\nG92 E0\nG1 X{20 + n} Y10 E1.5 F1200\nG1 X40 E3\n"
        for n, z in enumerate((0.2, 0.4, 0.6, 0.8))
    ]
    path.write_text(first + "".join(layers), encoding="ascii")
    made = write_resume(read_job(path), 3, 0.4, load_profiles().printer("virtual"), tmp_path / "resume.gcode")
    begun = list(commands(read_job(made.path).file))
    assert begun.index(b"T1") < begun.index(b"M109 T0 S210") < begun.index(b"M109 T1 S240") < begun.index(b"G92 E0")
    assert b"G92 E3.00000" in begun  # as it stood, in absolute steps
    before, again = printed(list(commands(path))[: made.first_command]), printed(begun)
    assert stands(again) == stands(before)
