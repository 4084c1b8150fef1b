"""Parts that are no anatomy: struts, tabs, plugs and supports.

An added part has no tissue and the lowest priority, so that it takes nothing from the anatomy where they meet; it
moves with the one body, is written into prepared.3mf with a mark, and stands in the certificate in a list of its own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from printprep.case import Case, Finding
from printprep.geometry.mesh import Mesh
from printprep.plan import TAB, Change, ToolLoad, are_supports
from printprep.prepare.assign import substituted
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.filaments import bed_temperatures, too_hot, tool_count

GREY: Final = (150, 150, 150)
"""Colour of an added part in pictures; it is printed in the colour of its tool."""

_STRUT: Final = re.compile(r"strut-[1-9]\d*")
_PLUG: Final = re.compile(r"plug-[1-9]\d*")


def strut_name(number: int) -> str:
    """What the strut of that number, from 1, is called."""
    return f"strut-{number}"


def plug_name(number: int) -> str:
    """What the plug of that number, from 1, is called."""
    return f"plug-{number}"


def may_be_added(case: Case, name: str) -> bool:
    """Whether the case asks for additions of that kind."""
    if are_supports(name):
        return True  # whoever asks for a print asks for what holds it up
    if name == TAB:
        return case.label is not None and case.label.style != "none"
    if _PLUG.fullmatch(name):
        return any(part.hollow is not None and part.hollow.plugs for part in case.parts)
    return bool(case.connect) and _STRUT.fullmatch(name) is not None


def add_part(draft: Draft, name: str, mesh: Mesh, *, like: str, change: Change, material: str | None = None) -> Draft:
    """The draft with one more part that is no anatomy; runs after assign.

    Parameters
    ----------
    like
        Name of the part whose tool it takes, unless ``material`` says otherwise.
    change
        What it is and where.
    material
        Id of a material profile: a tool that has it, else a free tool, else the tool of ``like`` with the finding
        ``material-substituted``.
    """
    tools, load, findings = _tool(draft, name, like, material)
    loaded = replace(load, parts=(*load.parts, name))
    part = DraftPart(
        name=name,
        mesh=mesh,
        material=load.material,
        tool=load.tool,
        colour=GREY,
        priority=min((part.priority for part in draft.parts), default=1) - 1,
        changes=(change,),
        added=True,
    )
    tools = tuple(loaded if tool.tool == load.tool else tool for tool in tools)
    return replace(draft, parts=(part, *draft.parts), tools=tools).with_findings(*findings)


def _tool(
    draft: Draft, name: str, like: str, material: str | None
) -> tuple[tuple[ToolLoad, ...], ToolLoad, list[Finding]]:
    """All tools, the one that prints the part, and what is to say of it."""
    own = next(tool for tool in draft.tools if like in tool.parts)
    if material is None or material == own.material:
        return draft.tools, own, []
    there = next((tool for tool in draft.tools if tool.material == material), None)
    if there is not None:
        return draft.tools, there, []
    wanted = draft.profiles.material(material)
    able = wanted.technology == draft.printer.technology and not too_hot(name, wanted, draft.printer)
    if able and len(draft.tools) < tool_count(draft.printer):
        new = ToolLoad(tool=len(draft.tools), material=material, colour=GREY)
        tools = (*draft.tools, new)
        return tools, new, bed_temperatures(tools, draft.profiles)
    reason = "no tool is free" if able else f"{draft.printer.id} cannot print it"
    instead = draft.profiles.material(own.material)
    return draft.tools, own, [substituted(name, material, instead, reason)]
