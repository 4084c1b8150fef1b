"""What speaks against sending a file of layers to a resin printer: another format, panel or machine, or a name in it.

Such a file holds pictures and settings, no commands; the board moves the printer within its own limits. What can go
wrong is that it was made for another panel (the part gets another size), and that its texts name somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from printprep.case import Finding, Severity
from printprep.formats import boards, chitu, sl1
from printprep.gcode.identity import identifying, likely_a_name, strange_words
from printprep.gcode.vocabulary import words_of
from printprep.profiles.models import Printer, Resin

FORMAT_OF: Final = {
    ".sl1": "sl1",
    ".sl1s": "sl1",
    chitu.SUFFIX: "chitu-zip",
    **{suffix: suffix[1:] for suffix in boards.SUFFIXES},
}
READ_TOO: Final[Mapping[str, tuple[str, ...]]] = {"chitu": ("ctb", "goo")}
"""Formats that boards of a firmware read besides their profile's; which of them, the board itself says (SDCP)."""

_DATED: Final = ("fileCreationTimestamp", "prusaSlicerVersion")  # of the slicing
_NAMES: Final = ("jobDir", "fileName", "machineType", "printerProfile", "materialName", "resin")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a file says of itself."""

    format: str
    panel_px: tuple[int, int] | None
    machine: str
    texts: Mapping[str, str]


def guard_layers(file: Path, printer: Printer, known_words: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Everything that keeps ``file`` from ``printer``.

    Parameters
    ----------
    file
        A file of layers.
    printer
        With a resin printer's panel.
    known_words
        That name no person.

    Raises
    ------
    InputError
        The file is damaged, or not what its name says.
    """
    assert printer.resin is not None
    told = _read(file)
    known = words_of((*known_words, printer.id, printer.name, printer.maker, file.stem))
    return (*_for_another(file, told, printer, printer.resin), *_names(file, told, known))


def _read(file: Path) -> _Told:
    suffix = file.suffix.lower()
    if suffix in boards.SUFFIXES:
        head = boards.read_board(file)
        return _Told(format=head.format, panel_px=(head.width_px, head.height_px), machine=head.machine, texts={})
    layered = (chitu if suffix == chitu.SUFFIX else sl1).read(file)
    told = layered.settings
    keys = ("resolutionX", "resolutionY") if suffix == chitu.SUFFIX else ("display_pixels_x", "display_pixels_y")
    machine = told.get("machineType" if suffix == chitu.SUFFIX else "printerModel", "")
    width, height = (told.get(key, "") for key in keys)
    panel = (int(width), int(height)) if width.isdigit() and height.isdigit() else None
    entries = {"an entry": layered.names[0]} if layered.names else {}
    return _Told(format=FORMAT_OF[suffix], panel_px=panel, machine=machine, texts={**told, **entries})


def _for_another(file: Path, told: _Told, printer: Printer, resin: Resin) -> Iterator[Finding]:
    if told.format not in (resin.format, *READ_TOO.get(printer.firmware, ())):
        yield _wrong(f"{file.name} is {told.format}; {printer.id} reads {resin.format}", told.format, resin.format)
    if told.panel_px is not None and set(told.panel_px) != {resin.width_px, resin.height_px}:
        made, has = (f"{a} x {b}" for a, b in (told.panel_px, (resin.width_px, resin.height_px)))
        yield _wrong(f"{file.name} was made for a panel of {made} pixels; {printer.id} has {has}", made, has)
    if told.machine and not _is_called(told.machine, told.format, printer):
        yield Finding(
            code="wrong-printer",
            severity=Severity.ERROR if told.format == "sl1" else Severity.WARNING,  # boards' names are the slicer's
            message=f"{file.name} says that it is for {told.machine!r}; this printer is {printer.id}",
            value=told.machine,
            limit=printer.id,
        )


def _is_called(machine: str, file_format: str, printer: Printer) -> bool:
    if file_format == "sl1":
        return machine.upper() == ("SL1S" if "sl1s" in printer.id else "SL1")
    ours = {name.casefold() for name in (printer.id, printer.name, *printer.called)}
    return machine.casefold() in ours


def _wrong(message: str, value: str, limit: str) -> Finding:
    return Finding(
        code="wrong-printer",
        severity=Severity.ERROR,
        message=f"{message}. Slice it for this one",
        value=value,
        limit=limit,
    )


def _names(file: Path, told: _Told, known: frozenset[str]) -> Iterator[Finding]:
    for key, text in told.texts.items():
        if key in _DATED:
            continue
        given_away = list(identifying(text, (), known))
        if key in (*_NAMES, "an entry") and likely_a_name(strange_words(text, known)):
            given_away.append("a word that could be a name")
        if given_away:
            yield Finding(
                code="gcode-identifying",
                severity=Severity.ERROR,
                message=f"{file.name}: {key} holds {given_away[0]}; slice it again under a name that says nothing",
                value=key,
            )
