"""The root of the command line. Commands load only when they are called, so that help answers at once."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from printprep import __version__
from printprep.errors import PrintprepError, exit_code

# name: (module under printprep.cli, with :attribute where it is not the name; one line for --help), in help's order
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Take a real case from segmented meshes to a streamed print."),
    "doctor": ("doctor", "What is installed, what is missing, how to get it."),
    "case": ("case", "Write a commented case.toml; the schema of its keys."),
    "check": ("steps", "Name the defects of meshes or of a whole case."),
    "compare": ("compare", "How far two meshes are from each other, both ways."),
    "prepare": ("steps", "Repair, assign, orient, hollow and arrange; certify the result."),
    "slice": ("steps:slice_", "Prepare and slice, without a report."),
    "run": ("steps", "The whole way: from meshes to checked print files and a report."),
    "estimate": ("gcode", "Time, material and cost of a case or of a G-code file."),
    "guard": ("gcode", "Refuse a G-code file that could harm or that identifies."),
    "preview": ("preview", "Draw what a G-code file prints: a layer, or the whole."),
    "verify": ("verify", "Prove that the files of a build are the ones certified."),
    "send": ("send", "Print a file, every line accounted for."),
    "printer": ("printer", "The lab's printers: list, add, test, virtual."),
    "profile": ("profile", "Printers, materials, processes, tissues: list, show, diff, validate."),
    "queue": ("queue", "The lab's jobs: add, list, show, move, cancel, clear-plate."),
    "rush": ("rush", "The best print that is ready in time, and what it gives up."),
    "cost": ("cost", "What a build costs, row by row."),
    "agent": ("agent", "Run the queue on the lab's printers."),
}


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"printprep.cli.{module}"), attribute or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve, and propose the nearest name for a typo."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="printprep")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def printprep(ctx: click.Context, debug: bool) -> None:
    """From a patient's segmented anatomy to a finished, verified 3D print.

    \b
    Example:
      printprep run case.toml --printer prusa-xl --process standard --out build
      printprep send build/plate-1.gcode --printer virtual

    Exit codes: 0 done, 1 findings of severity error, 2 bad input, 3 slicer, 4 printer or guard, 5 lab.
    Completion: eval "$(_PRINTPREP_COMPLETE=bash_source printprep)" (or zsh_source, fish_source).
    """
    ctx.ensure_object(dict)["debug"] = debug


def say_error(error: PrintprepError, code: int, *, as_json: bool) -> None:
    """One message on stderr, after what was found of the case until then; for programs also a document on stdout."""
    if as_json:
        said = {"type": type(error).__name__, "message": str(error), "exit_code": code}
        click.echo(json.dumps({"error": said, **_gathered(error)}))
    elif error.gathered:
        from printprep.cli.terminal import out, print_findings

        print_findings(error.gathered, out())
    click.secho(f"{type(error).__name__}: ", fg="red", bold=True, nl=False, err=True)
    click.echo(str(error), err=True)


def _gathered(error: PrintprepError) -> dict[str, Any]:
    """The findings that came before an error, as in every document; nothing where there are none."""
    if not error.gathered:
        return {}
    from printprep.report.document import finding_json

    return {"findings": [finding_json(finding) for finding in error.gathered]}


def run(arguments: list[str]) -> NoReturn:
    """Run a command line and exit with the code of its end."""
    with ending(arguments):
        code = printprep.main(args=arguments, prog_name="printprep", standalone_mode=False)
    sys.exit(code if isinstance(code, int) else 0)  # click answers the code of an Exit that a command raised


@contextmanager
def ending(arguments: list[str]) -> Iterator[None]:
    """Exit with one message and the code of whatever goes wrong in the block, never with a traceback."""
    try:
        yield
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except PrintprepError as exc:
        if "--debug" in arguments:
            raise
        say_error(exc, exit_code(exc), as_json="--json" in arguments)
        sys.exit(exit_code(exc))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: nothing left to say
        sys.exit(0)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except OSError as exc:
        if "--debug" in arguments:
            raise
        click.secho(f"{exc.strerror or exc}: {exc.filename or 'a file'}", fg="red", nl=False, err=True)
        click.echo("; is the disk full, or the folder read-only? Choose another folder with --out", err=True)
        sys.exit(2)
