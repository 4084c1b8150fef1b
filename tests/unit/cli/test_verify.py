"""``printprep verify FILE``: a file is held against the anatomy of its case, whoever made or edited it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result

from printprep.case import Case, Part, Source
from printprep.casefile import Acceptance
from printprep.cli.gcode import guard
from printprep.cli.verify import verify
from printprep.errors import CaseError, InputError, ProfileError
from printprep.files import sha256_of
from printprep.formats import sl1
from printprep.formats.layers import Image, encode_png
from printprep.formats.stl import write as write_stl
from printprep.formats.threemf import write_prepared
from printprep.lock import write_lock
from printprep.plan import Estimate, Plan, PlannedPart, Plate, SlicedPlate, ToolLoad
from printprep.profiles.load import load_profiles
from printprep.report.proof import certificate_schema
from printprep.run import Request, RunResult, run_case
from printprep.verify import asked_for
from tests.unit.gcode.sliced import Box, Ring, write

ORGAN = Box(name="organ", low_mm=(20, 20, 0), high_mm=(32, 30, 4))
VESSEL = Box(name="vessel", low_mm=(40, 20, 0), high_mm=(42, 22, 4), tool=1)
LAYERS = 20
SHIFT_MM = 100.0  # from the case's frame to the plate's, along x


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build of two boxes that a slicer of ours sliced."""

    folder: Path
    toml: Path

    @property
    def file(self) -> Path:
        return self.folder / "plate-1.gcode"

    def edited(self, change: Callable[[Ring], Ring | None], name: str = "edited.gcode") -> Path:
        return write(self.folder / name, [ORGAN, VESSEL], layers=LAYERS, change=change)


def build_of(folder: Path, accept: tuple[Acceptance, ...] = ()) -> Build:
    """Write the build of a plan by hand, as a run does."""
    out = folder / "build"
    out.mkdir(parents=True)
    to_plate = np.eye(4)
    to_plate[0, 3] = SHIFT_MM
    meshes = {box.name: box.solid.mesh.transformed(np.linalg.inv(to_plate)) for box in (ORGAN, VESSEL)}
    parts, planned = [], []
    for box in (ORGAN, VESSEL):
        stl = folder / f"{box.name}.stl"
        write_stl(stl, meshes[box.name])
        source = Source(file=stl.name, sha256=sha256_of(stl))
        parts.append(Part(name=box.name, mesh=meshes[box.name], tissue=None, source=source))
        planned.append(
            PlannedPart(
                name=box.name, mesh=meshes[box.name], tissue=None, material="pla", tool=box.tool,
                colour=(200, 40 + 90 * box.tool, 40), priority=box.tool,
            )
        )  # fmt: skip
    case = Case(id="T-1", parts=tuple(parts), accept=accept)
    plan = Plan(
        case_id="T-1",
        printer="prusa-xl",
        process="standard",
        parts=tuple(planned),
        tools=tuple(ToolLoad(tool=box.tool, material="pla", colour=(9, 9, 9)) for box in (ORGAN, VESSEL)),
        plates=(Plate(index=1, parts=("organ", "vessel"), case_to_plate=to_plate),),
        changes={},
        findings=(),
    )
    write_prepared(out / "prepared.3mf", plan)
    (out / "certificate.json").write_text("{}")
    file = write(out / "plate-1.gcode", [ORGAN, VESSEL], layers=LAYERS)
    estimate = Estimate(duration_s=1.0, duration_from="slicer", material=())
    sliced = SlicedPlate(
        index=1, file=file, printer="prusa-xl", process="standard", engine="ours", sha256=sha256_of(file),
        layer_count=LAYERS, layer_height_mm=0.2, estimate=estimate,
    )  # fmt: skip
    write_lock(out, case, plan, (sliced,))
    rows = "".join(f'[[parts]]\nname = "{box.name}"\nmesh = "{box.name}.stl"\n' for box in (ORGAN, VESSEL))
    (folder / "case.toml").write_text(f'[case]\nid = "T-1"\nunits = "mm"\nsynthetic = true\n{rows}')
    return Build(folder=out, toml=folder / "case.toml")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return build_of(tmp_path / "case")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(verify, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def said(*arguments: object, code: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json", code=code).stdout)
    return document


def errors(document: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(f["code"], f["part"]) for f in document["findings"] if f["severity"] == "error"}


def without_vessel(ring: Ring) -> Ring | None:
    return None if ring.box == "vessel" and 8 <= ring.layer < 16 else ring


def test_the_file_that_was_certified_holds_every_part(build: Build) -> None:
    found = said(build.file, "--case", build.toml)
    assert found["verified"] is True
    assert (found["state"], found["case"], found["plate"], found["layers"]) == ("as locked", "T-1", 1, LAYERS)
    assert {part["part"]: (part["holds"], part["tool"]) for part in found["parts"]} == {
        "organ": (True, 0),
        "vessel": (True, 1),
    }
    assert found["findings"] == []


def test_a_lost_vessel_is_told_with_place_height_size_and_thickness(build: Build) -> None:
    file = build.edited(without_vessel)
    found = said(file, code=1)
    assert found["verified"] is False
    assert found["state"] == "not of the build"
    assert ("deposit-lost", "vessel") in errors(found)
    (lost,) = (region for region in found["regions"] if region["kind"] == "lost")
    assert (lost["part"], lost["layers"], lost["z_mm"]) == ("vessel", [9, 16], [1.6, 3.2])
    assert lost["thickness_mm"] == pytest.approx(2.0, abs=0.15)
    assert lost["volume_mm3"] == pytest.approx(6.4, rel=0.1)
    assert lost["on_plate_mm"][:2] == pytest.approx([41, 21], abs=0.1)
    where = next(f["where_mm"] for f in found["findings"] if f["code"] == "deposit-lost")
    assert where[0] == pytest.approx(41 - SHIFT_MM, abs=0.1)  # findings speak of the case's frame
    text = run(file, code=1).output
    assert "does not hold the anatomy" in text
    assert "was not certified with this build" in text


def test_a_wrong_tool_is_told_with_the_one_that_was_asked_for(build: Build) -> None:
    found = said(build.edited(lambda ring: replace(ring, tool=1 - ring.tool) if ring.layer >= 10 else ring), code=1)
    assert errors(found) == {("deposit-wrong-tool", "organ"), ("deposit-wrong-tool", "vessel")}
    assert {(r["part"], r["tool"], r["tool_asked"], r["z_mm"][0]) for r in found["regions"]} == {
        ("organ", 1, 0, 2.0),
        ("vessel", 0, 1, 2.0),
    }


def test_a_layer_of_half_the_plastic_is_an_error_though_its_outline_is_near(build: Build) -> None:
    found = said(build.edited(lambda ring: replace(ring, flow=0.5) if ring.layer == 7 else ring), code=1)
    assert ("deposit-layer-off", "organ") in errors(found)
    off = next(one for one in found["layers_off"] if one["part"] == "organ")
    assert (off["how"], off["layers"], off["z_mm"]) == ("narrow", [8, 8], [1.4, 1.6])
    assert 0.05 < off["gap_mm"] < found["limits"]["deviation_p95_mm"]


def test_the_worst_layers_are_drawn_with_what_is_lost_in_magenta(build: Build, tmp_path: Path) -> None:
    found = said(build.edited(without_vessel), "--pictures", tmp_path / "shown", code=1)
    first = found["worst"][0]
    assert (first["part"], first["severity"]) == ("vessel", "error")
    assert 9 <= first["layer"] <= 16
    picture = cv2.imread(str(tmp_path / "shown" / first["picture"]))
    assert picture is not None
    magenta = (np.abs(picture.astype(int) - (122, 0, 226)).max(axis=2) < 30).mean()
    fine = said(build.file, "--pictures", tmp_path / "fine")
    (nearest,) = fine["worst"]
    assert nearest["severity"] is None
    good = cv2.imread(str(tmp_path / "fine" / nearest["picture"]))
    assert good is not None
    assert magenta > 0.005 > 3 * (np.abs(good.astype(int) - (122, 0, 226)).max(axis=2) < 30).mean()


def test_a_copy_elsewhere_is_held_against_the_build_that_is_named(build: Build, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "mine.gcode"
    copy.parent.mkdir()
    shutil.copyfile(build.file, copy)
    assert said(copy, "--case", build.folder)["state"] == "as locked"
    assert said(copy, "--case", build.toml)["verified"] is True  # its build lies right below it
    with pytest.raises(CaseError, match=r"no build of printprep beside mine\.gcode"):
        run(copy)


@pytest.mark.parametrize("place", ["case/build", "case/tour", "here/build", "here/build/tour", "here/mine"])
def test_the_build_of_a_case_is_found_wherever_a_run_may_have_put_it(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    home, here = build.toml.parent, tmp_path / "here"
    here.mkdir()
    shutil.move(build.folder, home / "moved")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(home / "moved", tmp_path / place)
    away = tmp_path / "away" / "mine.gcode"
    away.parent.mkdir()
    shutil.copyfile(tmp_path / place / "plate-1.gcode", away)
    monkeypatch.chdir(here)
    for case in (build.toml, home, tmp_path / place, tmp_path / place / "case.lock"):
        assert asked_for(away, case).folder.resolve() == tmp_path / place


def test_the_answer_says_which_lock_it_believes(build: Build, tmp_path: Path) -> None:
    away = shutil.copyfile(build.file, tmp_path / "mine.gcode")
    assert said(away, "--case", build.toml)["build"] == str(build.folder)
    assert f"{build.folder / 'case.lock'} says" in run(away, "--case", build.toml).output


def test_a_build_of_another_case_that_lies_near_is_passed_over(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build_of(tmp_path / "other")
    lock = json.loads((other.folder / "case.lock").read_text())
    (other.folder / "case.lock").write_text(json.dumps({**lock, "case": "T-2"}))
    monkeypatch.chdir(other.folder.parent)
    assert asked_for(build.file, build.toml).folder.resolve() == build.folder
    away = tmp_path / "away.gcode"
    shutil.copyfile(build.file, away)
    assert asked_for(away, build.toml).folder.resolve() == build.folder


def test_of_several_builds_of_a_case_the_one_that_knows_the_file_is_taken(build: Build, tmp_path: Path) -> None:
    second = build.toml.parent / "second"
    shutil.copytree(build.folder, second)
    lock = json.loads((second / "case.lock").read_text())
    written = {name: sha256 for name, sha256 in lock["files"].items() if name != "plate-1.gcode"}
    (second / "case.lock").write_text(json.dumps({**lock, "files": {**written, "plate-1.gcode": "0" * 64}}))
    away = tmp_path / "away.gcode"
    shutil.copyfile(build.file, away)
    assert asked_for(away, build.toml).folder.resolve() == build.folder
    with away.open("a") as file:
        file.write("; more\n")
    with pytest.raises(CaseError, match=r"several builds of .*case\.toml: .*build, .*second; name the folder of one"):
        asked_for(away, build.toml)


def test_a_case_without_a_build_says_where_it_was_looked_for(build: Build, tmp_path: Path) -> None:
    away = tmp_path / "away.gcode"
    shutil.copyfile(build.file, away)
    shutil.rmtree(build.folder)
    with pytest.raises(CaseError, match=r"no build of .*case\.toml: there is no case\.lock in .*build"):
        asked_for(away, build.toml)


def test_a_file_of_something_else_is_refused(build: Build) -> None:
    other = [Box(name="other", low_mm=(150, 150, 0), high_mm=(160, 160, 4))]
    found = said(write(build.folder / "other.gcode", other, layers=LAYERS), code=1)
    assert ("not-this-case", None) in errors(found)


def test_a_build_of_another_case_or_of_other_meshes_is_refused(build: Build, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.toml"
    stranger.write_text(build.toml.read_text().replace("T-1", "T-2"))
    with pytest.raises(CaseError, match="is a build of case T-1"):
        run(build.file, "--case", stranger)
    (build.toml.parent / "vessel.stl").write_bytes((build.toml.parent / "organ.stl").read_bytes())
    with pytest.raises(CaseError, match=r"not made of the meshes of .*: vessel came from another file"):
        run(build.file, "--case", build.toml)


def test_prepared_parts_that_were_touched_prove_nothing(build: Build) -> None:
    with (build.folder / "prepared.3mf").open("ab") as file:
        file.write(b" ")
    with pytest.raises(CaseError, match=r"prepared\.3mf is not the one that was certified"):
        run(build.file)


def test_what_the_case_accepts_is_no_reason_to_refuse(tmp_path: Path) -> None:
    reason = Acceptance(code="deposit-lost", part="vessel", reason="decided with the surgeon")
    build = build_of(tmp_path / "accepting", (reason,))
    found = said(build.edited(without_vessel))
    assert found["verified"] is True
    assert [f["accepted"] for f in found["findings"] if f["code"] == "deposit-lost"] == ["decided with the surgeon"]
    tightened = build.toml.read_text() + "[limits]\ndeviation_max_mm = 0.4\n"
    build.toml.write_text(tightened)
    strict = said(build.folder / "edited.gcode", "--case", build.toml, code=1)  # the case.toml accepts nothing
    assert strict["limits"]["deviation_max_mm"] == 0.4


def test_a_plate_that_is_not_there(build: Build) -> None:
    with pytest.raises(InputError, match="the build has no plate 2; it has 1"):
        run(build.file, "--plate", 2)


def test_pictures_of_light_are_no_file_for_a_printer_that_extrudes(build: Build) -> None:
    strange = build.file.rename(build.folder / "plate-1.sl1")
    with pytest.raises(ProfileError, match=r"plate-1\.sl1 is a resin file of layers, and prusa-xl prints none"):
        run(strange)


def test_the_options_of_a_file_are_refused_for_a_build(build: Build) -> None:
    assert "are for a FILE" in run(build.folder, "--plate", 1, code=2).output
    assert said(build.folder)["verified"] is True


@pytest.fixture(scope="module")
def resin(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A bone and a vessel beside it, printed by light; no engine is needed for that."""
    folder = tmp_path_factory.mktemp("resin")
    write_stl(folder / "femur.stl", Box(name="femur", low_mm=(0, 0, 0), high_mm=(6, 5, 3)).solid.mesh)
    write_stl(folder / "artery.stl", Box(name="artery", low_mm=(8, 1, 0), high_mm=(10, 3, 3)).solid.mesh)
    (folder / "case.toml").write_text(
        '[case]\nid = "T-2"\nunits = "mm"\nsynthetic = true\n'
        '[[parts]]\nname = "femur"\nside = "left"\nmesh = "femur.stl"\nmaterial = "resin-standard"\n'
        '[[parts]]\nname = "artery"\nmesh = "artery.stl"\nmaterial = "resin-standard"\n'
        '[orient]\nkeep = true\n[[accept]]\ncode = "floating-part"\nreason = "they stand apart"\n'
        '[[accept]]\ncode = "size-implausible"\nreason = "small, so that it is quick"\n'
    )
    request = Request(
        sources=(folder / "case.toml",), printer="prusa-sl1s", process="draft", out=folder / "build", supports=False
    )
    result = run_case(request, load_profiles(), "report")
    assert not result.stopped, result.findings
    return result


def relit(source: Path, target: Path, change: Callable[[int, Image], Image]) -> Path:
    """A resin file with other layers, as seen from above."""
    file = sl1.read(source)
    turn = {key: file.settings[f"display_{key}"] == "1" for key in ("mirror_x", "mirror_y")}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename in file.names:
                layer = file.names.index(info.filename)
                data = encode_png(sl1.to_panel(change(layer, file.layer(layer).copy()), **turn))
            new.writestr(info, data)
    return target


def test_a_run_names_the_worst_layer_in_certificate_and_report(resin: RunResult) -> None:
    folder = resin.request.out
    certificate = json.loads((folder / "certificate.json").read_text())
    jsonschema.validate(certificate, certificate_schema())
    (printed,) = certificate["printed"]
    assert printed["holds"] is True
    assert printed["sha256"] == sha256_of(folder / "plate-1.sl1")
    assert {part["part"] for part in printed["parts"]} == {"femur", "artery"}
    assert all(part["p95_mm"] < 0.03 for part in printed["parts"])
    (worst,) = printed["worst"]
    assert (folder / worst["picture"]).is_file()
    assert "comes nearest to being wrong" in (folder / "report.html").read_text()
    assert said(folder)["verified"] is True
    assert said(folder / "plate-1.sl1", "--case", folder.parent / "case.toml")["state"] == "as locked"


def test_what_is_dark_shifted_or_stray_in_a_resin_file_is_found(resin: RunResult, tmp_path: Path) -> None:
    folder = resin.request.out
    assert resin.plan is not None
    plate = resin.plan.plates[0]
    artery = resin.plan.part("artery").mesh.transformed(plate.motion(resin.plan.part("artery"))).bounds_mm
    x0, y0, x1, y1 = (round(v / 0.05) for v in (*artery[0, :2], *artery[1, :2]))

    def change(layer: int, image: Image) -> Image:
        if 10 <= layer < 20:
            image[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = 0
        if layer == 25:
            return np.roll(image, 20, axis=1)  # 1 mm
        if layer == 5:
            image[100:120, 100:120] = 255  # 1 mm2 of nothing
        return image

    found = said(relit(folder / "plate-1.sl1", tmp_path / "plate-1.sl1", change), "--case", folder, code=1)
    assert {("deposit-lost", "artery"), ("deposit-layer-off", "femur"), ("deposit-added", None)} <= errors(found)
    lost = next(r for r in found["regions"] if r["kind"] == "lost" and r["part"] == "artery")
    assert lost["layers"] == [11, 20]
    off = next(one for one in found["layers_off"] if one["part"] == "femur")
    assert (off["how"], off["layers"]) == ("shifted", [26, 26])
    assert any(r["kind"] == "added" and r["layers"] == [6, 6] for r in found["regions"])
    assert any(r["kind"] == "floating" and r["layers"] == [6, 6] for r in found["regions"])


def test_a_resin_file_of_another_panel_is_refused(resin: RunResult, tmp_path: Path) -> None:
    small = relit(resin.request.out / "plate-1.sl1", tmp_path / "small.sl1", lambda _, image: image[::2, ::2].copy())
    with pytest.raises(InputError, match="it is for another printer"):
        run(small, "--case", resin.request.out)


def test_the_guard_takes_printer_words_and_acceptances_from_the_build_of_a_case(build: Build, tmp_path: Path) -> None:
    def guarded(*arguments: object) -> Result:
        return CliRunner(env={"COLUMNS": "160"}).invoke(guard, [str(a) for a in arguments], catch_exceptions=False)

    away = tmp_path / "mine.gcode"
    away.write_text('M862.3 P "MK4"\n;MESH:Erika_Mustermann\n' + build.file.read_text() + "M500\n")
    unsaid = guarded(away)
    assert unsaid.exit_code == 2
    assert "mine.gcode lies in no build: say which printer it is for, with --printer or --case" in unsaid.output
    found = json.loads(guarded(away, "--case", build.toml, "--json").stdout)["findings"]
    codes = {finding["code"] for finding in found}
    assert {"gcode-made-for-other", "gcode-identifying", "gcode-refused-command"} <= codes
    with build.toml.open("a") as toml:
        toml.write('[[accept]]\ncode = "gcode-made-for-other"\nreason = "the firmware was renamed"\n')
    found = json.loads(guarded(away, "--case", build.toml, "--json").stdout)["findings"]
    accepted = {finding["code"]: finding["accepted"] for finding in found}
    assert accepted["gcode-made-for-other"] == "the firmware was renamed"
    assert accepted["gcode-refused-command"] is None
