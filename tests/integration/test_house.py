"""One real case through the whole house, by the installed command line: from meshes to a streamed print."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from printprep.files import sha256_of
from printprep.formats import read_meshes
from printprep.geometry.mesh import Float
from printprep.report.document import schema

pytestmark = pytest.mark.integration

PRINTPREP = str(Path(sys.executable).parent / "printprep")
DISSECTION = Path(__file__).parent.parent.parent / "printprep" / "demo" / "dissection"
SCALE = 0.3  # small, so that slicing takes seconds


def printprep(*arguments: object, code: int = 0) -> str:
    """Run the installed command line and return its stdout."""
    done = subprocess.run([PRINTPREP, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The demonstration case run for five tools, and the JSON document that it printed."""
    if shutil.which("prusa-slicer") is None:
        pytest.fail("prusa-slicer is not installed; run .ci/system-packages")
    folder = tmp_path_factory.mktemp("build")
    text = printprep(
        "run", *sorted(DISSECTION.glob("*.stl")), "--units", "mm", "--scale", SCALE, "--printer", "prusa-xl",
        "--process", "draft", "--out", folder, "--synthetic", "--json",
    )  # fmt: skip
    return folder, json.loads(text)


@pytest.mark.xdist_group("house")
class TestTheWholeWay:
    def test_the_document_is_valid_and_complete(self, build: tuple[Path, dict[str, Any]]) -> None:
        folder, document = build
        jsonschema.validate(document, schema())
        assert len(document["parts"]) == 8
        assert all(part["deviation_mm"]["max"] < 1e-3 for part in document["parts"])
        assert document["plates"][0]["sha256"] == sha256_of(folder / "plate-1.gcode")
        cost = document["estimate"]["cost"]
        rows = sum(round(100 * cost[row]) for row in ("material", "machine", "energy", "labour", "reprints"))
        assert rows == round(100 * cost["total"])
        assert document["estimate"]["duration_s"] > 600

    def test_the_gcode_uses_every_assigned_tool(self, build: tuple[Path, dict[str, Any]]) -> None:
        folder, document = build
        assigned = {part["tool"] for part in document["parts"]}
        lines = (folder / "plate-1.gcode").read_text().splitlines()
        used = {int(line[1:2]) for line in lines if line[:1] == "T" and line[1:2].isdigit()}
        assert len(assigned) >= 2
        assert assigned <= used

    def test_the_parts_have_not_moved_against_each_other(self, build: tuple[Path, dict[str, Any]]) -> None:
        folder, document = build
        prepared = {one.name: one.placed().vertices for one in read_meshes(folder / "prepared.3mf")}
        by_hash = {sha256_of(path): path for path in DISSECTION.glob("*.stl")}
        sources, printed = [], []
        for part in document["certificate"]["parts"]:
            source = read_meshes(by_hash[part["source_sha256"]])[0].mesh.vertices * SCALE
            assert len(source) == len(prepared[part["name"]])  # vertices keep their order all the way
            sources.append(source)
            printed.append(prepared[part["name"]])
        assert rigid_residual_mm(np.concatenate(sources), np.concatenate(printed)) < 0.01

    def test_nothing_that_names_an_input_travels(self, build: tuple[Path, dict[str, Any]]) -> None:
        folder, _ = build
        for path in folder.iterdir():
            text = path.read_bytes()
            assert str(DISSECTION).encode() not in text
            assert b"aorta_true_lumen.stl" not in text, path.name

    def test_every_line_is_printed_exactly_once_in_order(self, build: tuple[Path, dict[str, Any]]) -> None:
        folder, _ = build
        log = folder / "printed.log"
        result = json.loads(printprep("send", folder / "plate-1.gcode", "--printer", "virtual", "--log", log, "--json"))
        wanted = commands((folder / "plate-1.gcode").read_text())
        anew = ("M105", "M110 N0")  # where lines are counted from 1 again
        accepted = [line for line in commands(log.read_text()) if line not in anew]
        start = accepted.index(wanted[0])
        assert accepted[start : start + len(wanted)] == wanted
        assert result["lines_total"] == result["lines_sent"] == result["lines_accepted"] == len(wanted)

    def test_the_same_case_gives_the_same_bytes(self, build: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
        folder, _ = build
        printprep(
            "slice", *sorted(DISSECTION.glob("*.stl")), "--units", "mm", "--scale", SCALE, "--printer", "prusa-xl",
            "--process", "draft", "--out", tmp_path, "--synthetic", "--json",
        )  # fmt: skip
        first, second = (json.loads((one / "case.lock").read_text()) for one in (folder, tmp_path))
        reports = {"report.json", "report.html"}  # they hold timings
        first["files"] = {name: sha256 for name, sha256 in first["files"].items() if name not in reports}
        assert first == second
        pictures = {name for name in second["files"] if name.startswith("plate-1-worst-")}
        assert "plate-1-worst-1.png" in pictures
        assert {"prepared.3mf", "certificate.json", "plate-1.gcode"} == second["files"].keys() - pictures

    def test_a_build_that_was_touched_is_found_and_not_sent(
        self, build: tuple[Path, dict[str, Any]], tmp_path: Path
    ) -> None:
        touched = shutil.copytree(build[0], tmp_path / "touched")
        printprep("verify", touched)
        for name in ("report.html", "certificate.json", "plate-1.gcode"):
            path = touched / name
            before = path.read_text()
            path.write_text(before.replace("1", "2", 1))
            printprep("verify", touched, code=1)
            if name == "plate-1.gcode":
                printprep("send", path, "--printer", "virtual", code=4)
            path.write_text(before)
        printprep("verify", touched)

    def test_a_run_that_stops_leaves_no_build_that_looks_whole(
        self, build: tuple[Path, dict[str, Any]], data: Path, tmp_path: Path
    ) -> None:
        old = shutil.copytree(build[0], tmp_path / "old")
        skull = data / "small" / "skull_metres.stl"
        printprep("run", skull, "--units", "mm", "--printer", "prusa-xl", "--out", old, code=1)
        printprep("verify", old, code=2)


def commands(text: str) -> list[str]:
    """The commands of a file, without comments and blank lines."""
    stripped = (line.split(";", 1)[0].strip() for line in text.splitlines())
    return [line for line in stripped if line]


def rigid_residual_mm(a: Float, b: Float) -> float:
    """Largest distance left between two point sets after the best proper rigid motion (Kabsch 1976)."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return float(np.linalg.norm(a @ (u @ flip @ vt) - b, axis=1).max())


def test_skull_in_metres_is_refused_and_the_unit_proposed(data: Path) -> None:
    done = subprocess.run(
        [PRINTPREP, "check", str(data / "small" / "skull_metres.stl")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert '"m"' in done.stderr or "units m" in done.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "skull_metres.stl",
            {"open-edges", "non-manifold", "inconsistent-winding", "duplicate-faces", "self-intersection"},
        ),
        ("jaw_metres.stl", {"open-edges", "non-manifold", "self-intersection"}),
        ("scaphoid_metres.stl", set()),
    ],
)
def test_check_names_the_defects_that_are_there_and_no_other(data: Path, name: str, expected: set[str]) -> None:
    document = json.loads(printprep("check", data / "small" / name, "--units", "m", "--json"))
    defects = {
        "open-edges",
        "inconsistent-winding",
        "duplicate-faces",
        "self-intersection",
        "inside-out",
        "non-manifold",
    }
    assert {finding["code"] for finding in document["findings"]} & defects == expected


def test_a_resin_print_needs_no_slicer(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    printprep(
        "run",
        data / "small" / "scaphoid_metres.stl",
        "--units",
        "m",
        "--printer",
        "prusa-sl1s",
        "--out",
        tmp_path / "b",
    )
    assert (tmp_path / "b" / "plate-1.sl1").stat().st_size > 10_000


def test_a_missing_slicer_ends_with_3_and_says_how_to_get_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = subprocess.run(
        [PRINTPREP, "slice", str(data / "small" / "scaphoid_metres.stl"), "--units", "m", "--printer", "ender-3"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 3
    assert "prusa-slicer" in done.stderr
    assert not list(tmp_path.rglob("*.gcode*"))


def test_the_doctor_finds_the_engines(engine: Callable[[str], str]) -> None:
    engine("prusa-slicer")
    found = {program["name"]: program for program in json.loads(printprep("doctor", "--json"))["programs"]}
    assert found["PrusaSlicer"]["version"] is not None
