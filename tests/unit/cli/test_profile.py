from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from printprep.cli.profile import profile
from printprep.errors import ProfileError


def run(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(profile, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_as_tables_and_as_json() -> None:
    assert "prusa-mk4-mmu3" in run("list", "printers")
    document = json.loads(run("list", "--json"))
    assert {m["id"] for m in document["materials"]} >= {"pla", "resin-clear"}
    assert set(document) == {"printers", "materials", "processes", "tissues", "labs"}


@pytest.mark.parametrize("kind", ["printers", "material", "process", "tissues", "lab"])
def test_every_kind_has_its_table(kind: str) -> None:
    assert " id " in run("list", kind)


def test_show_with_origin() -> None:
    text = run("show", "petg-clear", "--origin")
    assert "materials/petg.toml" in text
    document = json.loads(run("show", "materials/petg-clear", "--origin", "--json"))
    assert document["profile"]["material_class"] == "clear"
    assert document["origin"]["density_g_cm3"] == "materials/petg.toml"


def test_diff() -> None:
    assert "fdm.layer_height_mm" in run("diff", "standard", "rush")
    assert "say the same" in run("diff", "pla", "pla")
    document = json.loads(run("diff", "standard", "rush", "--json"))
    assert any(d["key"] == "fdm.layer_height_mm" and d["b"] == 0.32 for d in document["differences"])


def test_validate_exits_with_2_and_names_what_is_wrong(tmp_path: Path) -> None:
    assert "printers 7" in run("validate")
    (tmp_path / "printers").mkdir()
    (tmp_path / "printers" / "p.toml").write_text('inherits = "ender-3"\nname = "P"\npower = 3\n')
    result = CliRunner().invoke(profile, ["validate", str(tmp_path), "--json"])
    assert result.exit_code == 2
    document = json.loads(result.output)
    assert document["valid"] is False
    assert [p["key"] for p in document["problems"]] == ["power"]
    assert "power_w" in document["problems"][0]["message"]
    assert "power" in CliRunner().invoke(profile, ["validate", str(tmp_path)]).output


def test_an_unknown_profile_is_a_profile_error() -> None:
    with pytest.raises(ProfileError, match="did you mean"):
        CliRunner().invoke(profile, ["show", "prusa-xll"], catch_exceptions=False)
