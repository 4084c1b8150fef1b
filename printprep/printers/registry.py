"""The lab's printers by name, in ``printers.toml`` of the user's configuration folder.

    [printers.xl]
    link = "serial"
    profile = "prusa-xl"
    port = "/dev/ttyACM0"
    baud = 115200

The file may hold keys of servers, so it is readable by its owner only. ``PRINTPREP_CONFIG`` names another folder.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from printprep.errors import InputError
from printprep.files import write_text
from printprep.printers.dialects import DIALECTS

FILE = "printers.toml"


_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "serial": ("port",),
    "octoprint": ("url", "key"),
    "moonraker": ("url",),  # and a key, unless the server trusts this computer
    "prusalink": ("url", "key"),
    "sdcp": ("url",),  # knows no key
    "virtual": (),
}


class NamedPrinter(BaseModel):
    """One printer of the lab and the way to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
    link: Literal["serial", "octoprint", "moonraker", "prusalink", "sdcp", "virtual"]
    profile: str = Field(description="id of a printer profile")
    port: str | None = Field(default=None, description="serial: /dev/ttyACM0, /dev/serial/by-id/…")
    dtr: bool = Field(default=True, description="serial: raise the line DTR, which restarts many boards")
    baud: Annotated[int, Field(ge=1200, le=4_000_000)] = 115_200
    firmware: str = Field(default="marlin", description="serial: that it is spoken to as")
    url: str | None = Field(default=None, description="of a server: http://printer.local, path prefixes are kept")
    user: str | None = Field(default=None, description="prusalink: of the log-in; then the key is its password")
    key: str | None = Field(default=None, repr=False, description="of a server: an application's or a user's key")
    allow_insecure: bool = Field(default=False, description="of a server: accept one that asks for no key")

    @field_validator("firmware")
    @classmethod
    def _is_spoken(cls, value: str) -> str:
        if value not in DIALECTS:
            raise ValueError(f"{value!r} is not spoken; choose one of {', '.join(DIALECTS)}")
        return value

    @model_validator(mode="after")
    def _has_a_way(self) -> NamedPrinter:
        needs = _NEEDS[self.link]
        if self.link == "moonraker" and not self.allow_insecure:
            needs = (*needs, "key")
        missing = [key for key in needs if not getattr(self, key)]
        if missing:
            raise ValueError(f"a printer with link = {self.link!r} needs {' and '.join(missing)}")
        return self


VIRTUAL = NamedPrinter(name="virtual", link="virtual", profile="virtual")
"""The printer that every lab has."""


def registry_path(directory: Path | None = None) -> Path:
    """Where the lab's printers are written down."""
    named = os.environ.get("PRINTPREP_CONFIG")
    return (directory or (Path(named) if named else Path(platformdirs.user_config_dir("printprep")))) / FILE


def load_printers(directory: Path | None = None) -> dict[str, NamedPrinter]:
    """All named printers; ``virtual`` is always there.

    Raises
    ------
    InputError
        For a file that is not TOML, an unknown key or a bad value, with file and key.
    """
    path = registry_path(directory)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {VIRTUAL.name: VIRTUAL}
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path} cannot be read: {exc}") from exc
    try:
        tables = tomllib.loads(text).get("printers", {})
    except tomllib.TOMLDecodeError as exc:
        raise InputError(f"{path} is not TOML: {exc}") from exc
    if not isinstance(tables, dict):
        raise InputError(f"{path}: write [printers.NAME] tables")
    return {VIRTUAL.name: VIRTUAL, **{name: _read_printer(path, name, table) for name, table in tables.items()}}


def find_printer(name: str, directory: Path | None = None) -> NamedPrinter:
    """The printer of that name; an InputError that lists the known ones."""
    printers = load_printers(directory)
    if name not in printers:
        near = difflib.get_close_matches(name, printers, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(printers))}"
        raise InputError(f"no printer is named {name!r}; {hint} (printprep printer add {name} …)")
    return printers[name]


def add_printer(printer: NamedPrinter, directory: Path | None = None, *, replace: bool = False) -> Path:
    """Write a printer down; the file's other lines and comments stay. The file is returned.

    Raises
    ------
    InputError
        The name is taken and ``replace`` is not set, or another name leads to the same printer: two prints at once
        would go to it.
    """
    import tomlkit

    path = registry_path(directory)
    refuse_taken(printer, directory, replace=replace)  # a broken file is not written to
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    if "printers" not in document:
        document.add("printers", tomlkit.table(is_super_table=True))
    table = tomlkit.table()
    for key, value in printer.model_dump(exclude={"name"}, exclude_none=True, exclude_defaults=True).items():
        table.add(key, value)
    document["printers"][printer.name] = table
    try:
        write_text(path, tomlkit.dumps(document), private=True)
    except OSError as exc:
        raise InputError(f"{path} cannot be written: {exc.strerror}") from exc
    return path


def refuse_taken(printer: NamedPrinter, directory: Path | None = None, *, replace: bool = False) -> None:
    """Raise InputError when a name is taken, or another name leads to the same printer."""
    if printer.name == VIRTUAL.name:
        raise InputError("the name 'virtual' belongs to the project's own printer; choose another")
    known = load_printers(directory)
    old = known.get(printer.name)
    if old is not None and not replace:
        where = old.port or old.url or "in this computer"
        raise InputError(
            f"{printer.name} is set up already ({old.profile} at {where}); choose another name, or write it anew "
            "with --replace"
        )
    for other in known.values():
        if other.name == printer.name:
            continue
        # a port has several names: /dev/serial/by-id/… is a link to /dev/ttyACM…
        if printer.port and other.port and os.path.realpath(printer.port) == os.path.realpath(other.port):
            raise InputError(f"{printer.port} is the port of {other.name} already; each printer has a port of its own")
        if printer.url and other.url and printer.url.rstrip("/") == other.url.rstrip("/"):
            raise InputError(f"{printer.url} is the server of {other.name} already; each printer has one of its own")


def new_printer(**values: object) -> NamedPrinter:
    """A printer from a command line's values; an InputError names what is wrong."""
    return _validated(values, "the printer")


def _read_printer(path: Path, name: str, table: object) -> NamedPrinter:
    if not isinstance(table, dict):
        raise InputError(f"{path}: printers.{name} is not a table")
    return _validated({"name": name, **table}, f"{path}: printers.{name}")


def _validated(values: dict[str, object], where: str) -> NamedPrinter:
    try:
        return NamedPrinter.model_validate(values)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}{f': {key}' if key else ''}: {first['msg']}") from exc
