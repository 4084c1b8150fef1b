"""At which heights PrusaSlicer lays supports: their layers are not those of the part.

Its rule (2.5): below each overhang a layer ends where the gap to the part begins, and another where it would begin were
the part's lines as thick as the nozzle is wide, as bridges are; above each surface that supports stand on one ends, as
thick as the nozzle, beyond the gap. All of the plate's supports are cut at all of these heights, and what is farther
apart than a layer may be high is cut in equal layers.
"""

from __future__ import annotations

import math

import numpy as np

from printprep.geometry.mesh import Float
from printprep.geometry.strata import Layers, Propped
from printprep.slicers import prusa_habits as habit


def tops_mm(props: Propped, layers: Layers, nozzle_mm: float) -> Float:
    """Heights (n,) at which layers of supports end, rising.

    Parameters
    ----------
    props
        All that is held.
    layers
        Of the part.
    nozzle_mm
        Its width.
    """
    first_mm, layer_mm = layers.first_mm, layers.layer_mm
    over = np.unique(np.ceil((props.high_mm - first_mm) / layer_mm + 0.5))  # the layers that hang over
    held = np.unique(np.ceil((props.low_mm[props.low_mm > 0] - first_mm) / layer_mm - 0.5))  # that supports stand on
    below = first_mm + (over - 1.0) * layer_mm - habit.CONTACT_MM
    contacts = _apart(np.sort(np.concatenate([below, below - max(nozzle_mm - layer_mm, 0.0)])))
    above = first_mm + held * layer_mm + nozzle_mm + habit.CONTACT_MM
    if len(contacts) and len(above):
        nearest = contacts[np.abs(contacts[:, None] - above[None, :]).argmin(axis=0)]
        above = np.unique(np.where(np.abs(nearest - above) < habit.LEAST_LAYER_MM, nearest, above))
    ends = [(float(at), True) for at in contacts] + [(float(at), False) for at in above]
    ends.sort(key=lambda end: (end[0], not end[1]))
    return np.array(_between(ends, first_mm, habit.MOST_LAYER * nozzle_mm))


def _between(ends: list[tuple[float, bool]], first_mm: float, most_mm: float) -> list[float]:
    """Tops of the layers between ``ends``, each with whether it lies below a part.

    What is right below a part is as thick as one of the equal layers down to the end before it, and lies on that; it
    is no layer of what carries it. Where it would reach below the end before it, a layer is put in there.
    """
    tops = [first_mm]
    before_mm, before_low_mm, before_below = first_mm, first_mm, False
    for at_mm, below in ends:
        if at_mm <= first_mm + habit.LEAST_LAYER_MM:
            continue
        from_mm = before_low_mm
        number = math.ceil((at_mm - from_mm) / most_mm)
        if before_below and number and before_mm + habit.LEAST_LAYER_MM > from_mm + (at_mm - from_mm) / number:
            tops.append(before_mm)
            from_mm = before_mm
            number = math.ceil((at_mm - from_mm) / most_mm)
        low_mm = at_mm
        if number:
            step_mm = (at_mm - from_mm) / number
            if below:
                low_mm, number = at_mm - step_mm, number - 1
            tops += [from_mm + step_mm * (i + 1) for i in range(number)]
        before_mm, before_low_mm, before_below = at_mm, low_mm, below
    return sorted(tops)


def _apart(rising_mm: Float) -> Float:
    """Of heights that are closer than the least layer the lower."""
    kept: list[float] = []
    for at_mm in rising_mm:
        if not kept or at_mm - kept[-1] >= habit.LEAST_LAYER_MM - 1e-6:
            kept.append(float(at_mm))
    return np.array(kept)


def shares(tops: Float, layers: Layers) -> Float:
    """Layers of supports for each layer of the part, (k,) by the layers that stand for all."""
    last = np.cumsum(layers.count)
    edges = layers.first_mm + (np.concatenate([[0], last]) - 1.0) * layers.layer_mm + 1e-6
    number = np.diff(np.searchsorted(tops, edges, side="right"))
    found = number / layers.count
    found[0] = 1.0
    return np.asarray(found, np.float64)
