"""The case.toml that is written: every key of the models in it, and readable as it stands."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel

from printprep.casefile import Acceptance, Box, CaseFile, CaseHeader, Hollow, KeepOut, Limits, PartWish, Sphere
from printprep.cli.case import case
from printprep.cli.steps import UNITS
from printprep.errors import CaseError
from printprep.prepare.intake import read_case
from printprep.prepare.intake.sizes import UNITS as ALLOWED
from printprep.profiles.load import Profiles, load_profiles


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def new(*arguments: object) -> Result:
    result = CliRunner().invoke(case, ["new", *map(str, arguments)])
    if result.exception:
        raise result.exception
    return result


def copy(folder: Path, *sources: Path) -> None:
    for source in sources:
        (folder / source.name).write_bytes(source.read_bytes())


def test_the_file_written_is_read_as_it_stands(tmp_path: Path, data: Path, profiles: Profiles) -> None:
    copy(tmp_path, data / "small" / "skull_metres.stl", data / "samples" / "heart_female_parts.3mf")
    before = read_case(tmp_path, profiles, units="m")
    new(tmp_path)
    after = read_case(tmp_path, profiles)
    assert [(p.name, p.tissue, p.side, len(p.mesh)) for p in after.parts] == [
        (p.name, p.tissue, p.side, len(p.mesh)) for p in before.parts
    ]
    assert after.id == before.id
    text = (tmp_path / "case.toml").read_text(encoding="utf-8")
    assert "proposed because it fits" in text.split('units = "m"')[1].splitlines()[0]


def test_meshes_elsewhere_are_named_by_their_way_from_the_file(
    tmp_path: Path, dissection: Path, profiles: Profiles
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    copy(scans, dissection / "subclavian_artery_left.stl")
    new(tmp_path / "cases" / "A", scans / "subclavian_artery_left.stl", "--units", "mm")
    written = tomllib.loads((tmp_path / "cases" / "A" / "case.toml").read_text(encoding="utf-8"))
    assert written["case"]["units"] == "mm"
    assert written["parts"] == [
        {
            "name": "subclavian-artery-left",
            "mesh": "../../scans/subclavian_artery_left.stl",
            "tissue": "subclavian-artery",
            "side": "left",
        }
    ]
    assert len(read_case(tmp_path / "cases" / "A", profiles).parts) == 1


def test_without_meshes_an_example_shows_what_to_write(tmp_path: Path) -> None:
    result = new(tmp_path / "new")
    assert "an example of a part" in result.output
    CaseFile.model_validate(tomllib.loads((tmp_path / "new" / "case.toml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("model", [CaseHeader, PartWish, Limits, Hollow, KeepOut, Sphere, Box, Acceptance])
def test_every_key_of_every_table_is_shown(tmp_path: Path, model: type[BaseModel]) -> None:
    new(tmp_path)
    text = (tmp_path / "case.toml").read_text(encoding="utf-8")
    for key, field in model.model_fields.items():
        assert f"{key} = " in text
        if field.description and model not in (Hollow, Sphere, Box):
            assert f"# {field.description}" in text


def test_every_example_may_stand_where_it_is_shown(tmp_path: Path) -> None:
    new(tmp_path)
    lines = (tmp_path / "case.toml").read_text(encoding="utf-8").splitlines()
    shown = [line.removeprefix("# ") if " = " in line or line.startswith("# [") else line for line in lines[3:]]
    text = "\n".join(line for line in shown if not line.startswith(("box = ", "choice = ", "keep = ")))
    whole = CaseFile.model_validate(tomllib.loads(text))
    assert whole.limits == Limits()
    assert whole.case.deadline is not None
    assert whole.case.deadline.tzinfo is not None
    assert whole.parts[0].hollow == Hollow(wall_mm=2.0)


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(CaseError, match="is there already"):
        new(tmp_path)
    assert (tmp_path / "case.toml").read_text(encoding="utf-8") == "mine"


def test_json_names_the_file_and_what_is_doubtful(tmp_path: Path, data: Path) -> None:
    copy(tmp_path, data / "small" / "scaphoid_metres.stl")
    document = json.loads(new(tmp_path, "--json").output)
    assert document["parts"] == ["scaphoid"]
    assert [finding["code"] for finding in document["findings"]] == ["side-not-said"]


def test_the_schema_is_that_of_the_models() -> None:
    result = CliRunner().invoke(case, ["schema"])
    assert json.loads(result.output) == json.loads(json.dumps(CaseFile.model_json_schema()))
    assert set(UNITS) == set(ALLOWED)
