"""Which layers of a file a person should look at: those with the worst of what is wrong, or that come nearest to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.case import Severity
from printprep.gcode.deposit import Checked
from printprep.gcode.outline import REACH_MM
from printprep.gcode.printed import Printed
from printprep.gcode.proof import LEAST_OUTLINE_MM, OffLayers, Proof
from printprep.gcode.regions import Region
from printprep.gcode.spots import Kind

MOST: Final = 4  # layers of a plate
EVERYWHERE_MM: Final = 12.0
"""A shown window has at least this edge, so that one sees where it is."""

WHAT: Final = {
    Kind.LOST: "not printed",
    Kind.WRONG_TOOL: "by the wrong tool",
    Kind.ADDED: "plastic where no part is",
    Kind.FLOATING: "begins in the air",
}
_RANK: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """A layer to look at."""

    layer: int  # 0-based
    z_mm: float  # its top
    part: str | None
    what: str
    severity: Severity | None  # None: nothing is wrong with it
    box_mm: tuple[float, float, float, float] | None  # x0 y0 x1 y1 of what is wrong; None: the whole part


def worst_layers(proof: Proof, checked: Checked, printed: Printed, names: Sequence[str]) -> tuple[Worst, ...]:
    """The worst layers, the gravest first, at most one of a part and kind; never none but of an empty plate."""
    wrong = sorted(_wrong(proof, printed), key=lambda one: one[0])
    found: dict[tuple[str | None, str], Worst] = {}
    for _, worst in wrong:
        if worst.severity is not Severity.INFO or not found:
            found.setdefault((worst.part, worst.what.partition(":")[0]), worst)
    if found:
        return tuple(found.values())[:MOST]
    return _farthest(checked, printed, names)


def _wrong(proof: Proof, printed: Printed) -> Iterator[tuple[tuple[int, float], Worst]]:
    """What is wrong, with its place in the order."""
    for region, severity in zip(proof.regions, proof.severity, strict=True):
        yield (_RANK[severity], -region.volume_mm3), _of_region(region, severity, printed)
    for off in proof.off:
        severity = _of_off(off, proof)
        layers = off.last_layer - off.first_layer + 1
        yield (_RANK[severity], -abs(off.gap_mm) * layers), _of_layers(off, severity, printed)


def _of_region(region: Region, severity: Severity, printed: Printed) -> Worst:
    return Worst(
        layer=region.worst_layer,
        z_mm=float(printed.layer_z_mm[region.worst_layer]),
        part=region.part,
        what=f"{WHAT[region.kind]}: {region.area_mm2:.2f} mm2, {region.thickness_mm:.2f} mm thick",
        severity=severity,
        box_mm=region.box_mm,
    )


def _of_off(off: OffLayers, proof: Proof) -> Severity:
    """As grave as the finding about it."""
    of_part = [f.severity for f in proof.findings if f.code == "deposit-layer-off" and f.part == off.part]
    return min(of_part, key=_RANK.__getitem__, default=Severity.WARNING)


def _of_layers(off: OffLayers, severity: Severity, printed: Printed) -> Worst:
    how = {"shifted": "stands elsewhere", "narrow": "too narrow", "wide": "too wide"}[off.how]
    return Worst(
        layer=off.worst_layer,
        z_mm=float(printed.layer_z_mm[off.worst_layer]),
        part=off.part,
        what=f"{how}: by {abs(off.gap_mm):.2f} mm",
        severity=severity,
        box_mm=None,
    )


def _farthest(checked: Checked, printed: Printed, names: Sequence[str]) -> tuple[Worst, ...]:
    """Where nothing is wrong, the layer of a part whose outline is farthest off at 95 % of it."""
    near = np.flatnonzero(np.abs(checked.gap_mm) < REACH_MM)  # else it is the seam between parts that nearly touch
    if not len(near):
        return ()
    key = checked.part[near].astype(np.int64) * len(printed.layer_z_mm) + checked.layer[near]
    far = np.abs(checked.gap_mm[near])
    order = np.lexsort((far, key))
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    long = np.add.reduceat(checked.weight_mm[near][order], starts) >= LEAST_OUTLINE_MM
    at_95 = far[order][starts + np.floor(0.95 * (ends - 1 - starts)).astype(np.int64)]
    k = int(np.argmax(np.where(long, at_95, -1.0)))
    row = near[order[starts[k]]]
    layer = int(checked.layer[row])
    return (
        Worst(
            layer=layer,
            z_mm=float(printed.layer_z_mm[layer]),
            part=names[int(checked.part[row])],
            what=f"nothing wrong: 95 % of the outline within {at_95[k]:.3f} mm",
            severity=None,
            box_mm=None,
        ),
    )
