"""Whether a file may be sent to a printer, by the lock of its build."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Finding, Severity, stopping
from printprep.errors import ProfileError
from printprep.files import sha256_of
from printprep.gcode.guard import guard
from printprep.geometry.mesh import Mesh
from printprep.lock import NAME, PREPARED
from printprep.plan import Plan, PlannedPart, Plate
from printprep.profiles.load import Profiles, load_profiles
from printprep.safety import (
    anatomy_words,
    files_not_named_as,
    guard_limits,
    parking_of,
    sending_guard,
    takes_mm3,
    vouched,
)

JOB = "G90\nM83\nM140 S60\nM104 S200\nG28\nM190 S60\nM109 S200\nG1 X20 Y20 Z0.2 F3000\nG1 X40 E1 F1200\n"
END = "M104 S0\nM140 S0\nM84\n"


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """A plate for an ender-3 in a locked build."""
    build = tmp_path / "build"
    build.mkdir()
    (build / "plate-1.gcode").write_text(JOB + END, encoding="ascii")
    (build / PREPARED).write_bytes(b"parts")
    lock = {
        "case": "CHD-0142",
        "printer": "ender-3",
        "tools": [{"tool": 0, "material": "pla"}],
        "files": {name: sha256_of(build / name) for name in (PREPARED, "plate-1.gcode")},
    }
    (build / NAME).write_text(json.dumps(lock), encoding="utf-8")
    return build / "plate-1.gcode"


def look(plate: Path, printer: str | None, profiles: Profiles) -> dict[str, Finding]:
    guard = sending_guard(None if printer is None else profiles.printer(printer), profiles)
    return {finding.code: finding for finding in guard(plate)}


@pytest.mark.parametrize("printer", ["ender-3", "virtual"])
def test_the_printer_it_was_made_for_and_the_simulated_one_take_it(
    plate: Path, printer: str, profiles: Profiles
) -> None:
    assert look(plate, printer, profiles) == {}


def test_another_printer_does_not(plate: Path, profiles: Profiles) -> None:
    assert look(plate, "prusa-mk4-mmu3", profiles)["wrong-printer"].severity is Severity.ERROR


@pytest.mark.parametrize(("locked", "limit"), [(True, "ender-3"), (False, "virtual")])
def test_a_printer_that_nobody_named_is_never_passed_over_in_silence(
    plate: Path, profiles: Profiles, tmp_path: Path, locked: bool, limit: str
) -> None:
    if not locked:
        plate = plate.rename(tmp_path / "alone.gcode")
    found = look(plate, None, profiles)
    assert "file-changed" not in found
    assert found["printer-not-said"].severity is Severity.WARNING
    assert found["printer-not-said"].limit == limit


def test_a_file_that_was_touched_is_not_sent(plate: Path, profiles: Profiles) -> None:
    plate.write_text(JOB + "G1 X41 E1\n" + END, encoding="ascii")
    assert "plate-1.gcode is not the file" in look(plate, "ender-3", profiles)["file-changed"].message


def test_a_plate_whose_case_was_prepared_anew_since_is_not_sent(plate: Path, profiles: Profiles) -> None:
    (plate.parent / PREPARED).write_bytes(b"other parts, of a run that was stopped before it sliced")
    assert PREPARED in look(plate, "ender-3", profiles)["file-changed"].message


def test_a_plate_may_travel_with_its_lock_alone(plate: Path, profiles: Profiles) -> None:
    (plate.parent / PREPARED).unlink()
    assert look(plate, "ender-3", profiles) == {}


def test_a_file_in_a_build_that_is_not_of_it_is_not_sent(plate: Path, profiles: Profiles) -> None:
    stale = plate.rename(plate.with_name("plate-2.gcode"))
    assert "no file of it" in look(stale, "ender-3", profiles)["file-changed"].message


def test_what_a_stopped_run_left_is_not_sent(plate: Path, profiles: Profiles) -> None:
    (plate.parent / NAME).unlink()
    assert "run was stopped" in look(plate, "ender-3", profiles)["file-changed"].message


@pytest.mark.parametrize(("firmware", "command"), [("ender-3", "M203 X501"), ("voron-2.4", "M204 S3500")])
def test_a_file_asks_no_more_than_the_profile_allows(
    tmp_path: Path, profiles: Profiles, firmware: str, command: str
) -> None:
    plate = tmp_path / "alone.gcode"
    plate.write_text(f"{JOB}M203 X300\nM204 S500\n{END}", encoding="ascii")
    assert "gcode-over-limits" not in look(plate, firmware, profiles)
    plate.write_text(f"{JOB}{command}\n{END}", encoding="ascii")
    assert "gcode-over-limits" in look(plate, firmware, profiles)


BOARDS = {
    "duet": 'firmware = "reprapfirmware"',
    "old": 'firmware = "repetier"',
    "smoothie": 'firmware = "smoothieware"\n[motion]\njunction_deviation_mm = 0.05',
}
"""Profiles of a lab of its own, of one printer with other boards."""


@pytest.fixture
def boards(tmp_path: Path) -> Profiles:
    folder = tmp_path / "lab" / "printers"
    folder.mkdir(parents=True)
    for name, text in BOARDS.items():
        (folder / f"{name}.toml").write_text(f'inherits = "ender-3"\nname = "{name}"\n{text}\n', encoding="utf-8")
    return load_profiles(folder.parent)


@pytest.mark.parametrize(
    ("board", "command", "code"),
    [
        ("duet", "M203 X30000", None),  # mm/min: 500 mm/s
        ("duet", "M203 X30300", "gcode-over-limits"),
        ("ender-3", "M203 X30000", "gcode-over-limits"),
        ("duet", "M204 P500 T500", None),
        ("old", "M204 X20 Y1 Z60", "gcode-refused-command"),  # there a heater's control
        ("old", "M201 X400 Y400", None),
        ("old", "M202 X500 Y500", None),  # PrusaSlicer writes both
        ("old", "M202 X5000", "gcode-over-limits"),
        ("ender-3", "M202 X500", "gcode-unknown-command"),
        ("duet", "G10 P0 R400", "gcode-refused-command"),
        ("smoothie", "G10 L2 P1 X50", "gcode-refused-command"),
        ("smoothie", "M205 X5", "gcode-refused-command"),
        ("smoothie", "M1000 rm -r /sd", "gcode-refused-command"),
        ("smoothie", "M204 S500", None),
        ("smoothie", "M900 K0.1", "gcode-unknown-command"),
    ],
)
def test_each_firmware_is_guarded_by_its_own_note(
    tmp_path: Path, boards: Profiles, board: str, command: str, code: str | None
) -> None:
    plate = tmp_path / "alone.gcode"
    plate.write_text(JOB + END, encoding="ascii")
    before = set(look(plate, board, boards))
    assert before == {"not-certified"}
    plate.write_text(f"{JOB}{command}\n{END}", encoding="ascii")
    assert set(look(plate, board, boards)) - before == ({code} if code else set())


def test_a_smoothieboard_says_how_it_takes_corners(tmp_path: Path) -> None:
    (tmp_path / "printers").mkdir()
    file = tmp_path / "printers" / "smoothie.toml"
    file.write_text('inherits = "ender-3"\nname = "s"\nfirmware = "smoothieware"\n', encoding="utf-8")
    with pytest.raises(ProfileError, match="junction_deviation_mm"):
        load_profiles(tmp_path).printer("smoothie")


def accept(plate: Path, **entry: str) -> None:
    lock = json.loads((plate.parent / NAME).read_text(encoding="utf-8"))
    lock["accept"] = [{"code": "gcode-unknown-command", "reason": "the beeper of this printer", **entry}]
    lock["files"]["plate-1.gcode"] = sha256_of(plate)
    (plate.parent / NAME).write_text(json.dumps(lock), encoding="utf-8")


@pytest.mark.parametrize(("value", "stops"), [("M355", False), ("M81", True), (None, False)])
def test_what_the_case_accepts_by_name_is_sent_and_says_why(
    plate: Path, profiles: Profiles, value: str | None, stops: bool
) -> None:
    plate.write_text(f"{JOB}M355 S1\n{END}", encoding="ascii")
    accept(plate, **({} if value is None else {"value": value}))
    finding = look(plate, "ender-3", profiles)["gcode-unknown-command"]
    assert (finding.value, bool(stopping((finding,)))) == ("M355", stops)
    assert finding.accepted == (None if stops else "the beeper of this printer")


def test_a_lock_accepts_no_file_for_another_printer(plate: Path, profiles: Profiles) -> None:
    accept(plate, code="wrong-printer")
    assert stopping((look(plate, "prusa-xl", profiles)["wrong-printer"],))


@pytest.mark.parametrize(("name", "said"), [("femur", True), ("Graft_Aneu", True), ("Erika_Mustermann", False)])
def test_the_guard_alone_knows_the_words_of_the_build_and_no_others(
    plate: Path, profiles: Profiles, name: str, said: bool
) -> None:
    document = json.loads((plate.parent / NAME).read_text())
    document["inputs"] = {"Graft_Aneu": {"sha256": "0"}}
    (plate.parent / NAME).write_text(json.dumps(document))
    plate.write_text(f";MESH:{name}\n{JOB}{END}", encoding="ascii")
    known = vouched(plate, profiles)
    words, accepted = known.words, known.accept
    found = guard(plate, guard_limits(profiles.printer("ender-3"), {}, known_words=words))
    assert accepted == ()
    assert ("gcode-identifying" not in {finding.code for finding in found}) is said
    assert set(vouched(plate.rename(plate.with_name("other.gcode")), profiles).words) == set(anatomy_words(profiles))


def test_the_guard_alone_is_told_what_the_case_accepts(plate: Path, profiles: Profiles) -> None:
    accept(plate, code="gcode-unknown-command", reason="ours")
    assert [entry.code for entry in vouched(plate, profiles).accept] == ["gcode-unknown-command"]


def test_a_cube_takes_a_skin_at_least_and_its_box_at_most(profiles: Profiles) -> None:
    corners = np.array([[x, y, z] for x in (0, 20) for y in (0, 20) for z in (0, 20)], np.float64)
    faces = [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]  # fmt: skip
    cube = PlannedPart(
        name="bone", mesh=Mesh(corners, np.array(faces, np.int32)), tissue=None, material="pla", tool=0,
        colour=(1, 2, 3), priority=1,
    )  # fmt: skip
    plan = Plan(
        case_id="CHD-1", printer="ender-3", process="draft", parts=(cube,), tools=(), changes={}, findings=(),
        plates=(Plate(index=1, parts=("bone",), case_to_plate=np.eye(4)),),
    )  # fmt: skip
    bounds = takes_mm3(plan, plan.plates[0], profiles.printer("ender-3"), profiles.process("draft"))
    assert bounds is not None
    assert bounds[0] == pytest.approx(0.25 * 6 * 20 * 20 * 0.4)
    assert bounds[1] == pytest.approx(1.1 * (40 * 40 * 20 + 500))
    assert bounds[0] < 8000 * 0.15 < 8000 < bounds[1], "sparse and solid cubes are both in it"


def test_a_file_named_as_its_part_gives_nothing_away() -> None:
    parts = ["kidney cortex", "left-ventricle"]
    assert files_not_named_as(["cortex", "left_ventricle", "Cortex Meier", "meier", "0042"], parts) == {
        "Cortex Meier",
        "meier",
        "0042",
    }


def test_a_pause_puts_the_head_where_no_part_lies(tmp_path: Path) -> None:
    profiles = load_profiles()
    ender = profiles.printer("ender-3")
    parking = parking_of(tmp_path / "plate-1.gcode", ender, profiles)
    assert parking is not None
    assert (parking.x_mm, parking.y_mm, parking.top_mm, parking.retract_mm) == (5.0, 3.0, 250.0, 5.0)
    anywhere = ender.model_copy(update={"bed": ender.bed.model_copy(update={"keep_outs_mm": ()})})
    lifted = parking_of(tmp_path / "plate-1.gcode", anywhere, profiles)
    assert lifted is not None
    assert lifted.x_mm is None
    assert parking_of(tmp_path / "plate-1.gcode", None, profiles) is None
