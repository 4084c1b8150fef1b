"""What a file says that it was made for: a printer, a nozzle, filaments, by its settings and by its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from printprep.gcode.asked import Asked
from printprep.gcode.limits import GuardLimits

CODE: Final = "gcode-made-for-other"
SIZE_TOLERANCE_MM: Final = 0.011  # slicers write two digits

_SETTING: Final = re.compile(r"\s*(printer_model|nozzle_diameter|filament_diameter|filament_type) = (.*)")
_CURA: Final = re.compile(r"TARGET_MACHINE\.NAME:(.*)")
_CHECK: Final = re.compile(r"\s*M862\.([13])\b(.*)", re.IGNORECASE)


def claims(text: str, limits: GuardLimits) -> Iterator[Asked]:
    """Where ``text``, a comment without its semicolon or a command, names another printer, nozzle or filament.

    What the limits do not say is not judged. Nozzle and filament are compared tool by tool.
    """
    if setting := _SETTING.match(text):
        key, value = setting[1], setting[2].strip()
        if key == "printer_model":
            yield from _printer(value, limits)
        elif key == "filament_type":
            yield from _filaments(value, limits)
        elif key == "nozzle_diameter":
            yield from _sizes("nozzle", value, limits.nozzle_mm)
        else:
            yield from _sizes("filament", value, limits.filament_mm)
    elif machine := _CURA.match(text):
        yield from _printer(machine[1].strip(), limits)
    elif check := _CHECK.match(text):
        said = re.search(r'P\s*"?([^"\s]+)', check[2])
        if said and check[1] == "1":
            yield from _sizes("nozzle", said[1], limits.nozzle_mm)
        elif said:
            yield from _printer(said[1], limits)


def _printer(said: str, limits: GuardLimits) -> Iterator[Asked]:
    if said and limits.called and _plain(said) not in {_plain(name) for name in limits.called}:
        called = ", ".join(limits.called)
        yield _other("printer", f"the file is for the printer {said!r}, this one is called {called}", said, called)


def _sizes(what: str, said: str, size_mm: float | None) -> Iterator[Asked]:
    if size_mm is None:
        return
    for value in re.findall(r"\d*\.?\d+", said):
        if abs(float(value) - size_mm) > SIZE_TOLERANCE_MM:
            yield _other(what, f"the file is for a {what} of {float(value):g} mm, the printer's has {size_mm:g}",
                         float(value), size_mm)  # fmt: skip
            return


def _filaments(said: str, limits: GuardLimits) -> Iterator[Asked]:
    for tool, name in enumerate(said.split(";")):
        wanted = limits.filament_types.get(tool)
        if wanted and name and _plain(name) != _plain(wanted):
            yield _other(f"filament {tool}", f"the file is for {name} in tool {tool}, the job has {wanted} there", name,
                         wanted)  # fmt: skip


def _other(key: str, why: str, value: float | str, limit: float | str) -> Asked:
    return Asked(code=CODE, why=why, key=key, value=value, limit=limit)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
