from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest

from printprep.errors import InputError
from printprep.lab.jobfile import print_files

GCODE = b"G28\nG1 X1\n"
SHA256 = hashlib.sha256(GCODE).hexdigest()


def build(folder: Path, **changes: object) -> Path:
    plate = {
        "file": "plate-1.gcode",
        "printer": "prusa-xl",
        "process": "rush",
        "sha256": SHA256,
        "layer_count": 3,
        "estimate": {"duration_s": 125.5, "material": [], "cost": {"total": "12.30", "currency": "EUR"}},
    }
    folder.mkdir(exist_ok=True)
    (folder / "plate-1.gcode").write_bytes(GCODE)
    document = {"case": {"id": "CHD-0142"}, "plates": [plate | changes]}
    (folder / "report.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("name", [".", "plate-1.gcode"])
def test_a_build_or_a_file_of_it(tmp_path: Path, name: str) -> None:
    (found,) = print_files(build(tmp_path / "build") / name)
    assert found.file == tmp_path / "build" / "plate-1.gcode"
    assert (found.sha256, found.profile, found.process, found.case_id) == (SHA256, "prusa-xl", "rush", "CHD-0142")
    assert (found.duration_s, found.cost, found.currency) == (125.5, Decimal("12.30"), "EUR")


def test_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "x.gcode").write_bytes(GCODE)
    (found,) = print_files(tmp_path / "x.gcode")
    assert (found.sha256, found.profile, found.duration_s) == (SHA256, None, None)


def test_a_file_that_differs_from_its_report(tmp_path: Path) -> None:
    folder = build(tmp_path / "build")
    (folder / "plate-1.gcode").write_bytes(GCODE + b"G1 X2\n")
    with pytest.raises(InputError, match=r"not the file that report\.json"):
        print_files(folder / "plate-1.gcode")


def test_a_case_id_that_could_be_a_name_is_not_kept(tmp_path: Path) -> None:
    folder = build(tmp_path / "build")
    report = folder / "report.json"
    report.write_text(report.read_text().replace("CHD-0142", "Smith, John"))
    assert print_files(folder)[0].case_id is None


def test_what_cannot_be_queued(tmp_path: Path) -> None:
    (tmp_path / "empty.gcode").touch()
    for path, message in (
        (tmp_path / "none.gcode", "is not a file"),
        (tmp_path / "empty.gcode", "is empty"),
        (tmp_path, "it is not a build"),
        (build(tmp_path / "gone", file="plate-2.gcode"), r"plate-2\.gcode is named in report\.json and is not there"),
        (build(tmp_path / "odd", estimate={"duration_s": "soon"}), "an estimate that cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            print_files(path)
    (tmp_path / "odd" / "report.json").write_text("[1]")
    with pytest.raises(InputError, match="not a report"):
        print_files(tmp_path / "odd")
