"""What the lab was asked for, read and checked: :class:`Case` is what the rooms pass on.

Every mesh is in mm, in the case's frame, at the scale of the print.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

import numpy as np

from printprep.casefile import (
    Acceptance,
    ConnectWish,
    Critical,
    Engine,
    Hollow,
    KeepOut,
    LabelStyle,
    Limits,
    OrientWish,
    Side,
    Split,
    SupportsWish,
    ZoneKind,
)
from printprep.geometry.mesh import Mesh, Point


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"  # stops the run unless the case accepts the code with a reason
    WARNING = "warning"  # a person should look
    INFO = "info"  # a change or a choice that was made, so that it is not silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a person should know, with its value and its limit in the unit the message names."""

    code: str
    severity: Severity
    message: str
    part: str | None = None
    value: float | str | None = None
    limit: float | str | None = None
    where_mm: Point | None = None
    accepted: str | None = None  # the case's reason for going on in spite of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a part came from. The name of the file is known here and never written into a file that travels."""

    file: str
    sha256: str
    objects: tuple[str, ...] = ()  # their names in the file, where it says any
    unit: str = "mm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One tissue to print. ``mesh`` is in mm in the case's frame, at the print's scale, as it came (unrepaired)."""

    name: str
    mesh: Mesh
    tissue: str | None  # id of a tissue profile; None: not recognised, which is a finding
    source: Source
    side: Side | None = None
    critical: bool = False
    material: str | None = None
    hollow: Hollow | None = None
    drop_below_mm3: float | None = None  # at the print's scale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Painted:
    """The painted surface of one zone, found in the file of its part."""

    kind: ZoneKind
    index: int  # of its zone among those of the kind
    part: str
    mesh: Mesh  # the triangles, in mm in the case's frame, at the print's scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What is to be written on the print, with nothing left to default."""

    text: str
    height_mm: float
    depth_mm: float
    style: LabelStyle
    part: str | None = None
    marks: tuple[tuple[str, str], ...] = ()  # parts of different sides: the name of each, and its own L or R


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the lab was asked for, read and checked."""

    id: str
    parts: tuple[Part, ...]
    frame: str = "RAS"
    scale: float = 1.0
    mirrored: bool = False
    synthetic: bool = False
    deadline: dt.datetime | None = None
    limits: Limits = field(default_factory=Limits)
    keep_out: tuple[KeepOut, ...] = ()
    critical: tuple[Critical, ...] = ()  # a whole part in them is critical itself
    painted: tuple[Painted, ...] = ()  # the surfaces of all zones that are painted
    orient: OrientWish | None = None
    split: Split = field(default_factory=Split)
    supports: SupportsWish = field(default_factory=SupportsWish)
    slicer: Engine | None = None
    label: Label | None = None
    connect: tuple[ConnectWish, ...] = ()
    accept: tuple[Acceptance, ...] = ()
    findings: tuple[Finding, ...] = ()  # of reading it

    FRAMES: ClassVar[dict[str, np.ndarray]] = {"RAS": np.eye(4), "LPS": np.diag([-1.0, -1.0, 1.0, 1.0])}

    def part(self, name: str) -> Part:
        """The part of that name; a KeyError if there is none."""
        return {part.name: part for part in self.parts}[name]


def settle(findings: tuple[Finding, ...], accept: tuple[Acceptance, ...]) -> tuple[Finding, ...]:
    """``findings`` with the case's reason written into those that it accepts."""

    def reason(finding: Finding) -> str | None:
        value = None if finding.value is None else str(finding.value)
        return next(
            (
                a.reason
                for a in accept
                if a.code == finding.code and a.part in (None, finding.part) and a.value in (None, value)
            ),
            None,
        )

    return tuple(replace(f, accepted=reason(f)) for f in findings)


def stopping(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that stop a run: errors that nobody accepted."""
    return tuple(f for f in findings if f.severity is Severity.ERROR and f.accepted is None)
