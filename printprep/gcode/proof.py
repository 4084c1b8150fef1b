"""The verdict on a file: spots become regions, outlines become figures, and both become findings of the case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.case import Finding, Severity
from printprep.casefile import Limits
from printprep.gcode.beads import Beads
from printprep.gcode.deposit import ONE_BEAD, PRINTABLE, Checked, Solid
from printprep.gcode.outline import REACH_MM
from printprep.gcode.printed import Printed, Strips
from printprep.gcode.regions import Region, Whole, merge
from printprep.gcode.spots import Kind
from printprep.geometry.mesh import Float
from printprep.plan import Held

OFF_MM: Final = 0.05
"""A layer whose outline is off by more than this, at its median, has other beads than it should: slicers keep 0.01."""
SHIFT_MM: Final = 0.12  # farther off on one side and deeper in on the other: the layer stands elsewhere
SHIFT_SHARE: Final = 0.15  # of the outline, on each side
NEAR_SHARE: Final = 0.5  # of the outline; where less has plastic near it, what is near is that of other parts
APART_SHARE: Final = 0.25  # of a bead's width; one that lacks more does not hold on to the next
LEAST_OUTLINE_MM: Final = 3.0  # of a part in a layer; on less there is nothing to say
WRONG_MM2: Final = 1.0  # of a layer by the wrong tool; less is how beads overlap at a border
WRONG_MM3: Final = 2.0  # and in all
SHOWN: Final = 5  # regions of a kind and part that are told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class OffLayers:
    """Layers that follow each other in which the outline of a part is not where it should be."""

    part: str
    how: str  # shifted, narrow, wide
    first_layer: int
    last_layer: int
    z_mm: tuple[float, float]
    gap_mm: float  # the worst layer's: 95 % for a shift, the median for the others
    worst_layer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What a region is judged by."""

    limits: Limits
    line_mm: float  # width of the file's usual bead: what is thinner cannot be printed
    critical: frozenset[str]  # parts
    volume_mm3: Mapping[str, float]  # by part

    def over(self, region: Region) -> bool:
        """Whether a region is beyond the limits, and not only because no bead is so thin.

        Of what is too thin to print well, only that of a critical part is an error, or more of a part than its volume
        may change. What lies in two pieces is an error if one bead fits: below and above it was printed. So is what
        begins above the bed on nothing: it would be laid into the air, and the print fails.
        """
        if region.kind is Kind.WRONG_TOOL:
            return region.area_mm2 >= WRONG_MM2 and (region.volume_mm3 >= WRONG_MM3 or region.part in self.critical)
        if region.whole is Whole.BETWEEN and region.thickness_mm >= ONE_BEAD * self.line_mm:
            return True
        if region.whole is Whole.FIRST and region.first_layer == 0 and self.lacks_layers(region):
            return True
        if region.kind is Kind.FLOATING or region.depth_mm <= self.limits.deviation_max_mm:
            return False
        whole_mm3 = self.volume_mm3[region.part] if region.part else sum(self.volume_mm3.values())
        share = region.volume_mm3 / max(whole_mm3, 1e-9)
        return (
            not self._is_thin(region)
            or region.part in self.critical
            or share > self.limits.volume_change_percent / 100.0
        )

    def lacks_layers(self, region: Region) -> bool:
        """Whether layers are missing at an end that no engine leaves out, as they do tips that two lines do not fit."""
        return region.whole in (Whole.FIRST, Whole.LAST) and not self._is_thin(region)

    def _is_thin(self, region: Region) -> bool:
        return region.thickness_mm < PRINTABLE * self.line_mm

    def off_limit_mm(self, off: OffLayers) -> float:
        """How far the outline of layers may be off: as 95 % of a surface; of thin beads, while they hold together."""
        most_mm = self.limits.deviation_p95_mm
        return min(most_mm, APART_SHARE * self.line_mm / 2.0) if off.how == "narrow" else most_mm

    def far(self, off: OffLayers) -> bool:
        """Whether layers are farther off than they may be."""
        return abs(off.gap_mm) > self.off_limit_mm(off)

    def severity(self, region: Region) -> Severity:
        """How much a region matters."""
        if self.over(region):
            return Severity.ERROR
        far = region.kind in (Kind.LOST, Kind.ADDED) and region.depth_mm > self.limits.deviation_max_mm
        told = region.kind is Kind.FLOATING or region.part in self.critical or self.lacks_layers(region)
        return Severity.WARNING if far or told else Severity.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How the file holds the anatomy."""

    held: tuple[Held, ...]
    regions: tuple[Region, ...]
    off: tuple[OffLayers, ...]
    layers: int
    severity: tuple[Severity, ...]  # of each region
    findings: tuple[Finding, ...]  # places in the plate frame


def prove(
    laid: Beads | Printed,
    solids: Sequence[Solid],
    checked: Checked,
    limits: Limits,
    critical: frozenset[str] = frozenset(),
) -> Proof:
    """The verdict on what :func:`printprep.gcode.deposit.check` found."""
    printed = Strips.of(laid) if isinstance(laid, Beads) else laid
    regions = merge(checked.spots, printed, solids)
    off = tuple(_off_layers(checked, printed, solids))
    judge = Judge(
        limits=limits,
        line_mm=printed.line_mm,
        critical=critical,
        volume_mm3={solid.name: solid.mesh.volume_mm3 for solid in solids},
    )
    held = tuple(_part(number, solids, checked, regions, off, judge) for number in range(len(solids)))
    findings = [*_of_regions(regions, judge), *(_of_layers(one, judge) for one in off)]
    return Proof(
        held=held,
        regions=regions,
        off=off,
        layers=len(printed.layer_z_mm),
        severity=tuple(judge.severity(region) for region in regions),
        findings=tuple(findings),
    )


def _off_layers(checked: Checked, printed: Printed, solids: Sequence[Solid]) -> Iterator[OffLayers]:
    """Runs of layers of a part that are off in the same way; of what is too thin, regions tell that it is lost."""
    beads = np.flatnonzero(~checked.thin)
    order = beads[np.lexsort((checked.layer[beads], checked.part[beads]))]
    # where no line fits in, missing plastic says nothing; a line that is wider than all there is to fill does
    gap_mm = np.where(checked.narrow, np.minimum(checked.gap_mm, 0.0), checked.gap_mm)
    key = checked.part[order].astype(np.int64) * (len(printed.layer_z_mm) + 1) + checked.layer[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    run: list[tuple[int, float]] = []
    before: tuple[int, str] | None = None
    for rows in np.split(order, starts[1:]) if len(order) else []:
        part, layer = int(checked.part[rows[0]]), int(checked.layer[rows[0]])
        how, off_mm = _how_off(gap_mm[rows], checked.weight_mm[rows])
        follows = run and before == (part, how) and layer == run[-1][0] + 1
        if run and before and not follows:
            yield _run(before, run, printed, solids)
            run = []
        if how:
            run.append((layer, off_mm))
        before = (part, how)
    if run and before:
        yield _run(before, run, printed, solids)


def _how_off(gap_mm: Float, weight_mm: Float) -> tuple[str, float]:
    """How the outline of a part in one layer is off, "" for not, and by how much."""
    near = gap_mm < REACH_MM  # where no plastic is near at all, a region is lost, which is another finding
    every = float(weight_mm.sum())
    gap_mm, weight_mm = gap_mm[near], weight_mm[near]
    whole = float(weight_mm.sum())
    if whole < max(LEAST_OUTLINE_MM, NEAR_SHARE * every):
        return "", 0.0
    out, inside = gap_mm > SHIFT_MM, gap_mm < -SHIFT_MM
    if min(float(weight_mm[out].sum()), float(weight_mm[inside].sum())) > SHIFT_SHARE * whole:
        return "shifted", float(np.quantile(gap_mm, 0.95))
    median_mm = float(np.median(gap_mm))
    if abs(median_mm) <= OFF_MM:
        return "", 0.0
    return ("narrow" if median_mm > 0 else "wide"), median_mm


def _run(which: tuple[int, str], run: list[tuple[int, float]], printed: Printed, solids: Sequence[Solid]) -> OffLayers:
    first, last = run[0][0], run[-1][0]
    worst = max(run, key=lambda one: abs(one[1]))
    return OffLayers(
        part=solids[which[0]].name,
        how=which[1],
        first_layer=first,
        last_layer=last,
        z_mm=(float(printed.layer_z_mm[first] - printed.layer_height_mm[first]), float(printed.layer_z_mm[last])),
        gap_mm=worst[1],
        worst_layer=worst[0],
    )


def _part(
    number: int,
    solids: Sequence[Solid],
    checked: Checked,
    regions: Sequence[Region],
    off: Sequence[OffLayers],
    judge: Judge,
) -> Held:
    name = solids[number].name
    rows = checked.part == number
    far = np.abs(checked.gap_mm[rows])
    own = [region for region in regions if region.part == name]
    displaced = any(one.part == name and judge.far(one) for one in off)
    return Held(
        part=name,
        outline_mm=float(checked.weight_mm[rows].sum()),
        p95_mm=_weighted(far, checked.weight_mm[rows], 0.95),
        max_mm=float(far.max(initial=0.0)),
        lost_mm3=sum(region.volume_mm3 for region in own if region.kind is Kind.LOST),
        wrong_tool_mm3=sum(region.volume_mm3 for region in own if region.kind is Kind.WRONG_TOOL),
        holds=not displaced and not any(judge.over(region) for region in own),
    )


def _weighted(values: Float, weights: npt.NDArray[np.float64], share: float) -> float:
    """The value below which ``share`` of the weight lies; 0 of nothing."""
    if not len(values):
        return 0.0
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(summed, share * summed[-1])), len(values) - 1)])


_RANK: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_WHAT: Final[Mapping[Kind, str]] = {
    Kind.LOST: "is not printed",
    Kind.WRONG_TOOL: "is printed by the wrong tool",
    Kind.ADDED: "is printed where no part is",
    Kind.FLOATING: "begins in the air",
}
_CODE: Final[Mapping[Kind, str]] = {
    Kind.LOST: "deposit-lost",
    Kind.WRONG_TOOL: "deposit-wrong-tool",
    Kind.ADDED: "deposit-added",
    Kind.FLOATING: "deposit-floating",
}


def _of_regions(regions: Sequence[Region], judge: Judge) -> Iterator[Finding]:
    """The regions that matter one by one, the largest first, and the others of a kind and part in one line."""
    groups: dict[tuple[Kind, str], list[Region]] = {}
    for region in regions:
        groups.setdefault((region.kind, region.part or ""), []).append(region)
    for (_, part), group in sorted(groups.items()):
        group.sort(key=lambda region: (_RANK[judge.severity(region)], -region.volume_mm3))
        told = [region for region in group[:SHOWN] if judge.severity(region) is not Severity.INFO]
        yield from (_finding(region, judge) for region in told)
        if rest := group[len(told) :]:
            yield _rest(rest, part, judge, more=bool(told))


def _finding(region: Region, judge: Judge) -> Finding:
    if judge.lacks_layers(region):
        return _lacking(region, judge)
    of = f" of {region.part}" if region.part else ""
    layers = _layers_named(region)
    message = (
        f"{region.volume_mm3:.1f} mm3{of} {_WHAT[region.kind]}: z {region.z_mm[0]:.2f} to {region.z_mm[1]:.2f} mm "
        f"({layers}), up to {region.area_mm2:.1f} mm2 a layer, {region.thickness_mm:.2f} mm thick"
    )
    if region.kind is Kind.WRONG_TOOL:
        message += f", by tool {region.tool}"
    value, limit = _measure(region, judge)
    return Finding(
        code=_CODE[region.kind],
        severity=judge.severity(region),
        part=region.part,
        message=message,
        value=value,
        limit=limit,
        where_mm=region.where_mm,
    )


def _lacking(region: Region, judge: Judge) -> Finding:
    """Layers that are missing at an end of a part."""
    count = region.last_layer - region.first_layer + 1
    low_mm, high_mm = region.z_mm
    if region.whole is Whole.LAST:
        then = f"it ends {high_mm - low_mm:.2f} mm too low"
    elif region.first_layer == 0:
        then = f"it begins {high_mm:.2f} mm above the bed, in the air"
    else:
        then = f"it begins {high_mm - low_mm:.2f} mm too high"
    value, limit = _measure(region, judge)
    return Finding(
        code="deposit-layers-missing",
        severity=judge.severity(region),
        part=region.part,
        message=(
            f"the {region.whole} {f'{count} layers' if count > 1 else 'layer'} of {region.part} "
            f"{'are' if count > 1 else 'is'} not printed: z {low_mm:.2f} to {high_mm:.2f} mm "
            f"({_layers_named(region)}), up to {region.area_mm2:.1f} mm2 a layer; {then}"
        ),
        value=value,
        limit=limit,
        where_mm=region.where_mm,
    )


def _layers_named(of: Region | OffLayers) -> str:
    if of.last_layer == of.first_layer:
        return f"layer {of.first_layer + 1}"
    return f"layers {of.first_layer + 1} to {of.last_layer + 1}"


def _rest(rest: Sequence[Region], part: str, judge: Judge, *, more: bool) -> Finding:
    first = rest[0]
    message = (
        f"{len(rest)} {'more ' if more else ''}place{'s' * (len(rest) > 1)}{f' of {part}' if part else ''}, "
        f"{sum(region.volume_mm3 for region in rest):.1f} mm3 in all: what {_WHAT[first.kind]}; the first of them has "
        f"{first.area_mm2:.1f} mm2 at z {first.z_mm[0]:.2f} mm"
    )
    value, limit = _measure(first, judge)
    return Finding(
        code=_CODE[first.kind],
        severity=judge.severity(first),
        part=part or None,
        message=message,
        value=value,
        limit=limit,
        where_mm=first.where_mm,
    )


def _measure(region: Region, judge: Judge) -> tuple[float, float | None]:
    """What a region is judged by: mm2 for what floats or is by the wrong tool, mm of depth for the others."""
    if region.kind is Kind.FLOATING:
        return round(region.area_mm2, 3), None
    if region.kind is Kind.WRONG_TOOL:
        return round(region.area_mm2, 3), WRONG_MM2
    return round(region.depth_mm, 3), judge.limits.deviation_max_mm


def _of_layers(off: OffLayers, judge: Judge) -> Finding:
    how = {
        "shifted": f"elsewhere, up to {off.gap_mm:.2f} mm from the outline",
        "narrow": f"the plastic ends {off.gap_mm:.2f} mm inside the outline",
        "wide": f"the plastic ends {-off.gap_mm:.2f} mm outside the outline",
    }[off.how]
    layers = _layers_named(off)
    message = f"{layers} of {off.part}, z {off.z_mm[0]:.2f} to {off.z_mm[1]:.2f} mm: {how}"
    return Finding(
        code="deposit-layer-off",
        severity=Severity.ERROR if judge.far(off) else Severity.WARNING,
        part=off.part,
        message=message,
        value=round(off.gap_mm, 3),
        limit=round(judge.off_limit_mm(off), 3),
    )
