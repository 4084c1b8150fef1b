"""What a user can meet stands in the README: commands with an example, finding codes, the functions of the way."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from printprep.cli.root import COMMANDS, printprep

ROOT = Path(__file__).parent.parent.parent

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


ALL_COMMANDS = dict(commands(printprep))


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_command_has_an_example_in_its_help(name: str) -> None:
    text = ALL_COMMANDS[name].help or ""
    assert f"printprep {name}" in text
    assert "Example" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_readme(name: str) -> None:
    assert re.search(rf"printprep {name}\b", README)


def test_every_command_shown_in_the_readme_parses() -> None:
    shown = re.findall(r"^printprep (.+?)(?:\s+#.*)?$", README, flags=re.MULTILINE)
    assert len(shown) > 15
    for line in shown:
        words = shlex.split(line)
        name = " ".join(words[:2]) if " ".join(words[:2]) in ALL_COMMANDS else words[0]
        known = {
            option for parameter in ALL_COMMANDS[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, line


def finding_codes() -> set[str]:
    codes: set[str] = set()
    for path in (ROOT / "printprep").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in FINDINGS:
                codes.add(node.value)
    return codes


FINDINGS = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (error|warning|info|[a-z, ]+) \|", README, flags=re.MULTILINE))


def test_every_finding_code_in_the_readme_is_one_of_the_code() -> None:
    assert set(FINDINGS) == finding_codes()


def test_every_finding_of_the_code_stands_in_the_readme() -> None:
    made = set()
    for path in (ROOT / "printprep").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                made.add(node.value.value)
    assert made - {None} <= set(FINDINGS)


def test_the_way_of_a_part_names_functions_that_are_there() -> None:
    way = README.split("## The way of a part")[1].split("\n## ")[0]
    named = re.findall(r"`(printprep(?:\.\w+)+)\.(\w+)`", way)
    assert len(named) > 10
    for module, function in named:
        assert callable(getattr(importlib.import_module(module), function)), f"{module}.{function}"
