"""Which material and tool each tissue gets, and which part wins where two overlap.

    tissue or wish -> material -> needs (material and colour) -> merged to the printer's tools -> priority

The same parts give the same tools and the same order, whatever order they came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np

from printprep.case import Finding, Part, Severity
from printprep.errors import ProfileError
from printprep.plan import ToolLoad
from printprep.prepare.draft import NEUTRAL, Draft, DraftPart, Rgb
from printprep.prepare.filaments import bed_temperatures, jams, support_load, too_hot, tool_count
from printprep.profiles.load import Profiles
from printprep.profiles.models import Material, MaterialClass, Printer
from printprep.progress import SILENT, Progress

_CLASSES: Final[tuple[MaterialClass, ...]] = ("rigid", "clear", "flexible", "soluble")  # the order of tools
_FIRST_CHOICE: Final = ("pla", "tpu-95a", "petg-clear", "bvoh", "resin-standard", "resin-elastic-50a", "resin-clear")
"""Materials that are taken before others of their class; after them the cheapest a litre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """A material in a colour, and the parts that want it."""

    material: Material
    colour: Rgb
    parts: tuple[str, ...]
    tissues: tuple[str, ...]
    wished: bool  # a case.toml names the material
    volume_mm3: float

    @property
    def weight(self) -> tuple[bool, float, str]:
        """Whose material and colour a shared tool takes: a wish before a default, then the larger volume."""
        return self.wished, self.volume_mm3, self.parts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tool:
    """Needs that share a tool; the first is the one it is loaded for."""

    needs: tuple[_Need, ...]

    @property
    def order(self) -> tuple[int, str, Rgb, tuple[str, ...]]:
        """Where the tool stands among the others."""
        first = self.needs[0]
        return _CLASSES.index(first.material.material_class), first.material.id, first.colour, first.parts


def assign(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Give every part its material, tool, colour and priority; sort the parts by rising priority.

    Parameters
    ----------
    draft
        With repaired parts: their volumes decide ties.
    progress
        Who is told.

    Returns
    -------
    Draft
        ``tools`` filled, parts with priorities 1 to n, all different, and a finding for every tissue that shares a
        tool, every material that was replaced, and every material that the printer is not good at.

    Raises
    ------
    ProfileError
        No profile of a material, or none that the printer can print.
    """
    with progress.step("assign"):
        parts = by_priority(draft)
        findings: list[Finding] = []
        wants = [_want(draft, part, findings) for part in parts]
        tools = _merge(_needs(draft, parts, wants), tool_count(draft.printer))
        loads = _loads(tools, parts)
        by_part = {name: load for load in loads for name in load.parts}
        findings += _sharing(tools, loads, draft.printer)
        support, unused = support_load(draft, loads)
        findings += unused
        findings += bed_temperatures((*loads, *support), draft.profiles)
        findings += _shrinkage(loads, parts, draft)
        assigned = tuple(
            replace(part, material=by_part[part.name].material, tool=by_part[part.name].tool, colour=colour, priority=k)
            for k, (part, (_, colour)) in enumerate(zip(parts, wants, strict=True), start=1)
        )
    tool = support[0].tool if support else None
    return replace(draft, parts=assigned, tools=(*loads, *support), support_tool=tool).with_findings(*findings)


def by_priority(draft: Draft) -> list[DraftPart]:
    """The parts by rising priority: critical parts last, then by the tissue's priority, then the smaller ones.

    A part whose tissue is not known is judged by its size alone: it ranks with the highest tissue among the parts
    larger than it, so that a small thing inside a large one does not vanish.
    """
    volumes = {part.name: abs(part.mesh.volume_mm3) for part in draft.parts}
    known = {
        part.name: draft.profiles.tissue(tissue).priority
        for part in draft.parts
        if (tissue := draft.case.part(part.name).tissue) is not None
    }

    def rank(part: DraftPart) -> tuple[bool, int, float, str]:
        larger = [p for name, p in known.items() if volumes[name] > volumes[part.name]]
        lowest = min(known.values(), default=0)
        priority = known.get(part.name, max(larger, default=lowest))
        return draft.case.part(part.name).critical, priority, -volumes[part.name], part.name

    return sorted(draft.parts, key=rank)


def colour_difference(a: Rgb, b: Rgb) -> float:
    """CIE 1976 colour difference (Delta E*ab) of two sRGB colours; about 2.3 is just noticeable.

    ISO/CIE 11664-4:2019 for L*a*b*, IEC 61966-2-1 for sRGB and its white (D65).
    """
    return float(np.linalg.norm(_lab(a) - _lab(b)))


def _lab(rgb: Rgb) -> np.ndarray:
    """CIE L*a*b* of an sRGB colour, (3,) float64."""
    v = np.array(rgb) / 255.0
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = to_xyz @ linear / (to_xyz @ np.ones(3))
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _want(draft: Draft, drafted: DraftPart, findings: list[Finding]) -> tuple[Material, Rgb]:
    """Material and colour that a part should have on this printer."""
    part = draft.case.part(drafted.name)
    tissue = draft.profiles.tissue(part.tissue) if part.tissue else None
    colour = tissue.colour if tissue else NEUTRAL
    if part.material is not None:
        return _wished(draft, part, part.material, findings), colour
    wanted: MaterialClass = tissue.material_class if tissue else "rigid"
    if tissue is None:
        findings.append(
            Finding(
                code="material-assumed",
                severity=Severity.WARNING,
                part=part.name,
                message=f"part {part.name}: its tissue is not known, so it is taken for rigid; name tissue or material",
                value=wanted,
            )
        )
    material = _choose(draft.profiles, draft.printer, wanted)
    if material.material_class != wanted:
        findings.append(substituted(part.name, wanted, material, f"no {wanted} material fits {draft.printer.id}"))
    findings += jams(part.name, material, draft.printer)
    return material, colour


def _wished(draft: Draft, part: Part, wish: str, findings: list[Finding]) -> Material:
    """The material a case names; what the printer cannot do is an error, and another technology's is replaced."""
    material, printer = draft.profiles.material(wish), draft.printer
    findings += too_hot(part.name, material, printer) + jams(part.name, material, printer)
    if material.technology == printer.technology:
        return material
    instead = _choose(draft.profiles, printer, material.material_class)
    findings.append(
        Finding(
            code="material-not-printable",
            severity=Severity.ERROR,
            part=part.name,
            message=f"part {part.name}: {wish} is for {material.technology} printers, {printer.id} is a "
            f"{printer.technology} printer; name a material of that technology, {instead.id} stands in",
            value=material.technology,
            limit=printer.technology,
        )
    )
    return instead


def _choose(profiles: Profiles, printer: Printer, wanted: MaterialClass) -> Material:
    """The printer's material of a class, else of the nearest class; the same one every time."""

    def rank(material: Material) -> tuple[int, int, float, str]:
        place = _FIRST_CHOICE.index(material.id) if material.id in _FIRST_CHOICE else len(_FIRST_CHOICE)
        price_per_litre = float(material.price_per_kg) * material.density_g_cm3
        return classes.index(material.material_class), place, price_per_litre, material.id

    classes = [wanted, *(c for c in _CLASSES if c != wanted and c != "soluble")]
    able = [
        material
        for material in profiles.materials.values()
        if material.technology == printer.technology
        and material.material_class in classes
        and not too_hot("", material, printer)
    ]
    if not able:
        raise ProfileError(f"no material profile fits {printer.id}; add one for {printer.technology} printers")
    return min(able, key=rank)


def _needs(draft: Draft, parts: Sequence[DraftPart], wants: Sequence[tuple[Material, Rgb]]) -> list[_Need]:
    """Parts that want the same material in the same colour, together."""
    grouped: dict[tuple[str, Rgb], list[DraftPart]] = {}
    materials = {}
    for part, (material, colour) in zip(parts, wants, strict=True):
        grouped.setdefault((material.id, colour), []).append(part)
        materials[material.id] = material
    return [
        _Need(
            material=materials[material],
            colour=colour,
            parts=tuple(part.name for part in group),
            tissues=tuple(dict.fromkeys(draft.case.part(part.name).tissue or part.name for part in group)),
            wished=any(draft.case.part(part.name).material for part in group),
            volume_mm3=sum(abs(part.mesh.volume_mm3) for part in group),
        )
        for (material, colour), group in grouped.items()
    ]


def _merge(needs: Iterable[_Need], count: int) -> list[_Tool]:
    """At most ``count`` tools for the needs, in their order.

    As long as there are too many, the two that differ least share one: the same material class first, then the same
    material, then the least colour difference.
    """
    tools = sorted((_Tool(needs=(need,)) for need in needs), key=lambda tool: tool.order)

    def apart(pair: tuple[_Tool, _Tool]) -> tuple[bool, bool, float]:
        a, b = (tool.needs[0] for tool in pair)
        return (
            a.material.material_class != b.material.material_class,
            a.material.id != b.material.id,
            colour_difference(a.colour, b.colour),
        )

    while len(tools) > count:
        nearest = min(combinations(tools, 2), key=apart)  # of equals the first: they are in order
        together = sorted((need for tool in nearest for need in tool.needs), key=lambda need: need.weight, reverse=True)
        rest = [tool for tool in tools if tool not in nearest]
        tools = sorted([*rest, _Tool(needs=tuple(together))], key=lambda tool: tool.order)
    return tools


def _loads(tools: Sequence[_Tool], parts: Sequence[DraftPart]) -> tuple[ToolLoad, ...]:
    order = [part.name for part in parts]
    return tuple(
        ToolLoad(
            tool=number,
            material=tool.needs[0].material.id,
            colour=tool.needs[0].colour,
            parts=tuple(sorted((name for need in tool.needs for name in need.parts), key=order.index)),
        )
        for number, tool in enumerate(tools)
    )


def _sharing(tools: Sequence[_Tool], loads: Sequence[ToolLoad], printer: Printer) -> list[Finding]:
    """What was merged: the tissues that share a tool, and each part that gets another material for it."""
    findings = []
    alone = tool_count(printer) == 1
    wanted = sum(len(tool.needs) for tool in tools)
    for tool, load in zip(tools, loads, strict=True):
        first, *others = tool.needs
        if not others:
            continue
        tissues = list(dict.fromkeys(tissue for need in tool.needs for tissue in need.tissues))
        where = f"{printer.id} prints one material at a time" if alone else f"{printer.id} has {len(tools)} tools"
        findings.append(
            Finding(
                code="tissues-merged",
                severity=Severity.INFO if alone else Severity.WARNING,
                message=f"{', '.join(tissues)} share tool {load.tool} ({load.material}): {where}, "
                f"{wanted} materials and colours were wanted",
                value=max(round(colour_difference(first.colour, need.colour), 1) for need in others),
            )
        )
        for need in others:
            if need.material.id != first.material.id:
                reason = f"it shares tool {load.tool} of {printer.id}"
                findings += [
                    substituted(name, f"{need.material.id} ({need.material.material_class})", first.material, reason)
                    for name in need.parts
                ]
    return findings


def substituted(part: str, wanted: str, material: Material, reason: str) -> Finding:
    """The finding that a part is printed in another material than it should be, and why."""
    return Finding(
        code="material-substituted",
        severity=Severity.WARNING,
        part=part,
        message=f"part {part} should be {wanted}, is printed in {material.id} ({material.material_class}): {reason}",
        value=material.id,
        limit=wanted,
    )


def _shrinkage(loads: Sequence[ToolLoad], parts: Sequence[DraftPart], draft: Draft) -> list[Finding]:
    """How much each material shrinks over its longest part: nothing compensates it, so nobody may overlook it."""
    limit_mm = draft.case.limits.deviation_max_mm
    findings = []
    for material_id in dict.fromkeys(load.material for load in loads):
        percent = draft.profiles.material(material_id).shrinkage_percent
        named = {name for load in loads if load.material == material_id for name in load.parts}
        longest = max((part for part in parts if part.name in named), key=lambda part: float(part.mesh.size_mm.max()))
        shrinks_mm = float(longest.mesh.size_mm.max()) * percent / 100.0
        if not shrinks_mm:
            continue
        findings.append(
            Finding(
                code="shrinkage",
                severity=Severity.WARNING if shrinks_mm > limit_mm else Severity.INFO,
                part=longest.name,
                message=(
                    f"{material_id} shrinks by about {percent:g} %: {shrinks_mm:.2f} mm over the length of this part; "
                    "nothing compensates it"
                ),
                value=shrinks_mm,
                limit=limit_mm,
            )
        )
    return findings
