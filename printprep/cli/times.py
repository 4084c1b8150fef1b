"""What ``estimate`` shows of a G-code file: how long, of what, on which tool, and how sure that is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from printprep.cli.terminal import out, print_json, table

if TYPE_CHECKING:
    from printprep.gcode.embedded import Embedded
    from printprep.gcode.estimate import GcodeTimes
    from printprep.lab.pace import Pace
    from printprep.profiles.load import Profiles
    from printprep.profiles.models import Printer

BAR = 24  # characters of the longest bar


def print_times(file: Path, printer: str, materials: tuple[str, ...], store_url: str | None, as_json: bool) -> None:
    """Read a G-code file and print its times and its material.

    Parameters
    ----------
    file
        The file.
    printer
        Id of a profile, or name of a printer of the lab, whose earlier prints then count.
    materials
        Id of a material profile for each tool, from the first on; without one there are no grams and no cost.
    store_url
        Of the lab.
    as_json
        For programs.
    """
    from printprep.gcode.embedded import read_embedded
    from printprep.profiles.load import load_profiles
    from printprep.slicers.own_time import times_on

    profiles = load_profiles()
    profile, pace = _printer(file, printer, profiles, store_url)
    times = times_on(profile, file)
    tools = [_tool(tool, times, profile, materials, profiles) for tool in sorted(times.by_tool_s)]
    if as_json:
        print_json(_document(file, printer, profile, times, tools, pace) | {"slicer": _slicer(read_embedded(file))})
    else:
        _show(file, printer, times, tools, pace, len(materials))
        _show_assumed(_assumed(profile, times))
        _show_slicer(read_embedded(file))


def _printer(file: Path, named: str, profiles: Profiles, store_url: str | None) -> tuple[Printer, Pace]:
    """The profile, and the pace of that very printer if it is one of the lab's."""
    from printprep.lab.pace import pace_of, pace_on
    from printprep.printers.registry import load_printers

    registered = load_printers()
    if named not in registered or named in profiles.printers:
        return profiles.printer(named), pace_of(())
    return profiles.printer(registered[named].profile), pace_on(named, file, store_url)


def _tool(
    tool: int, times: GcodeTimes, printer: Printer, materials: tuple[str, ...], profiles: Profiles
) -> dict[str, Any]:
    """One tool's share: times, filament, and what it costs."""
    from printprep.cost import CENT

    mm3 = times.extruded_mm3.get(tool, 0.0)
    assert printer.fdm is not None, "only extruding printers are timed"
    material = profiles.material(materials[min(tool, len(materials) - 1)]) if materials else None
    g = None if material is None else mm3 * material.density_g_cm3 / 1000
    cost = None
    if material is not None and g is not None:
        amount = material.price_per_kg.__class__(repr(g / 1000)) * material.price_per_kg
        cost = {"amount": str(amount.quantize(CENT)), "currency": material.currency}
    return {
        "tool": tool,
        "material": None if material is None else material.id,
        "moving_s": times.by_tool_s[tool],
        "waiting_s": times.waiting_s.get(tool, 0.0),
        "mm": mm3 / (math.pi * printer.fdm.filament_mm**2 / 4),
        "mm3": mm3,
        "g": g,
        "cost": cost,
    }


def _document(
    file: Path, named: str, profile: Printer, times: GcodeTimes, tools: list[dict[str, Any]], pace: Pace
) -> dict[str, Any]:
    low_s, high_s = pace.range_s(times.duration_s)
    return {
        "file": file.name,
        "printer": named,
        "profile": profile.id,
        "firmware": profile.firmware,
        "duration_s": times.duration_s,
        "expected_s": times.duration_s * pace.factor,
        "range_s": [low_s, high_s],
        "learned": {"prints": pace.prints, "factor": pace.factor, "low": pace.low, "high": pace.high},
        "by_feature_s": times.by_feature_s,
        "by_tool_s": times.by_tool_s,
        "per_layer_s": [round(float(seconds), 3) for seconds in times.per_layer_s],
        "extruded_mm3": times.extruded_mm3,
        "tools": tools,
        "layer_count": len(times.per_layer_s),
        "anatomy_layer_count": times.anatomy_layer_count,
        "tool_changes": times.tool_changes,
        "waits_for_person": times.for_person,
        "assumed": _assumed(profile, times),
    }


def _assumed(profile: Printer, times: GcodeTimes) -> list[str]:
    """Keys of the printer's profile that the time rests on and that nobody measured: how fast nozzle and bed warm."""
    if not any(times.by_feature_s.get(name) for name in ("heat-up", "waiting for heat")):
        return []
    heaters = {"timing.nozzle": profile.timing.nozzle, "timing.bed": profile.timing.bed}
    return [key for key, heater in heaters.items() if not heater.measured]


def _show(file: Path, named: str, times: GcodeTimes, tools: list[dict[str, Any]], pace: Pace, given: int) -> None:
    """Tables for people."""
    from rich.markup import escape

    from printprep.units import format_duration

    low_s, high_s = pace.range_s(times.duration_s)
    learned = f"learned from {pace.prints} prints" if pace.prints else "no print of this printer is known yet"
    out().print(f"[bold]{escape(file.name)}[/bold] on {escape(named)}", soft_wrap=True)
    out().print(
        f"  [bold green]{format_duration(times.duration_s * pace.factor)}[/], "
        f"9 of 10 such prints within {format_duration(low_s)} to {format_duration(high_s)} [dim]({learned})[/dim]",
        soft_wrap=True,
    )
    by_time = sorted(times.by_feature_s.items(), key=lambda row: -row[1])
    longest_s = by_time[0][1] if by_time else 1.0
    rows = [
        (escape(name), format_duration(s), f"{100 * s / times.duration_s:.1f} %", _bar(s / longest_s))
        for name, s in by_time
    ]
    title = f"{layers_said(times.anatomy_layer_count, len(times.per_layer_s))}{_changes(times)}"
    out().print(table(title, ("feature", ">time", ">share", ""), rows))
    shown = [
        (
            f"T{tool['tool']}",
            tool["material"] or "",
            format_duration(tool["moving_s"]),
            format_duration(tool["waiting_s"]),
            f"{tool['mm'] / 1000:.2f} m",
            f"{tool['mm3'] / 1000:.2f} cm3",
            "" if tool["g"] is None else f"{tool['g']:.1f} g",
            "" if tool["cost"] is None else f"{tool['cost']['amount']} {tool['cost']['currency']}",
        )
        for tool in tools
        if tool["mm3"] > 0 or tool["moving_s"] > 60
    ]
    columns = ("tool", "material", ">moves", ">waits", ">filament", ">volume", ">weight", ">cost")
    filled = [i for i in range(len(columns)) if any(row[i] for row in shown)]
    out().print(table("", [columns[i] for i in filled], [[row[i] for i in filled] for row in shown]))
    if shown and not shown[0][1]:
        out().print("[dim]--material ID, one for each tool, tells grams and cost.[/dim]")
    after = [row for row in shown if int(row[0][1:]) >= given]
    if given and after:
        what = f"{', '.join(row[0] for row in after)} told as {escape(after[0][1])}"
        out().print(f"[yellow]{what}, the last --material: say one for each tool, from T0 on.[/]")
    if times.for_person:
        out().print(f"[yellow]It waits {times.for_person} times for a person, and nobody knows how long.[/]")


def _show_assumed(keys: list[str]) -> None:
    if keys:
        out().print(
            f"[dim]Heat-up and waits for heat rest on {' and '.join(keys)} of the printer's profile, which are assumed "
            "(typical or computed). Measure them, or have Marlin do it (M306 T), and say measured = true.[/dim]",
            soft_wrap=True,
        )


def layers_said(own: int | None, every: int) -> str:
    """Layers of the parts; supports have heights of their own besides, which a printer counts, too."""
    return f"{own or every} layers" + (f", and {every - own} of supports alone" if own and own < every else "")


def _slicer(said: Embedded) -> dict[str, Any]:
    """What the slicer wrote into the file of itself."""
    return {
        "name": said.slicer,
        "settings": said.settings,
        "figures": said.figures,
        "pictures": [[picture.kind, picture.width_px, picture.height_px] for picture in said.pictures],
        "finished": said.finished,
    }


def _show_slicer(said: Embedded) -> None:
    from rich.markup import escape

    slicer = escape(said.slicer) if said.slicer else "an unknown slicer"
    pictures = f", {len(said.pictures)} pictures" if said.pictures else ""
    out().print(f"[dim]Made by {slicer}; {len(said.settings)} settings{pictures} in it.[/]")
    if said.finished is False:
        out().print("[yellow]The slicer's last words are missing: the file was cut short, or was edited.[/]")


def _changes(times: GcodeTimes) -> str:
    return f", {times.tool_changes} changes of tool" if times.tool_changes else ""


def _bar(share: float) -> str:
    """A bar of blocks, in eighths of a character."""
    eighths = round(8 * BAR * share)
    return "[cyan]" + "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip() + "[/]"
