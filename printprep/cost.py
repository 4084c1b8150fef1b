"""What a print costs: material, machine hours, energy, labour and expected reprints, exact to the cent.

All amounts are :class:`decimal.Decimal` in the lab's currency. Every row is rounded half up to the cent first, and the
total is the exact sum of the rounded rows, so a breakdown always adds up as it is printed:

- material: grams of each tool (model, support and purge alike) times the material's price a kilogram, each tool
  rounded; the row is the sum of the tools.
- machine: hours times the lab's rate for that printer (``machine_per_h``, else its ``default``).
- energy: the printer's mean power times hours times the price a kWh.
- labour: preparation and post-processing minutes of the technology times the hourly rate. They are spent once a case,
  so a plate bears an equal share of them; :func:`price` says how the odd cents fall.
- reprints: with a failure rate p, independent from print to print, p / (1 - p) prints fail before one succeeds (the
  mean of a geometric distribution). A failed print is taken to lose its whole material, machine time and energy, which
  is the upper bound (it fails in its last layer); preparation is not repeated and a failed print is not post-processed,
  so labour is not lost. The row is p / (1 - p) times the rounded material, machine and energy rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, TypeVar

from printprep.errors import InputError, ProfileError
from printprep.plan import Cost, Estimate, MaterialUse
from printprep.profiles.load import Profiles
from printprep.profiles.models import Lab, Printer

CENT: Final = Decimal("0.01")
_S_PER_H: Final = Decimal(3600)
_MIN_PER_H: Final = Decimal(60)
_G_PER_KG: Final = Decimal(1000)
_W_PER_KW: Final = Decimal(1000)

Rate = TypeVar("Rate", Decimal, float)


def price(
    estimate: Estimate, *, printer: Printer, profiles: Profiles, lab: Lab, plates: int = 1, plate: int = 1
) -> Estimate:
    """``estimate`` of one plate with its cost, and with the cost of each tool's material.

    Parameters
    ----------
    estimate : Estimate
        Duration and material of one plate, supports and purge included.
    printer : Printer
        Where it is printed: its power and its hourly rate.
    profiles : Profiles
        Where the materials' prices are read.
    lab : Lab
        Rates, minutes of labour and failure rate.
    plates : int
        How many plates the case has: each bears 1/plates of the case's labour.
    plate : int
        Which of them this is, from 1. It settles the odd cents: plate k bears the case's cents up to k/plates of them,
        less those that the plates before it bear, so the plates' labour adds up to the case's labour exactly.

    Raises
    ------
    ProfileError
        A material priced in another currency than the lab's (nothing is converted), or a rate that the lab does not
        have.
    InputError
        A duration or a mass that is negative or no number, or a plate outside 1..plates.
    """
    if not 1 <= plate <= plates:
        raise InputError(f"plate {plate} of {plates} cannot be priced; plates are counted from 1")
    hours = _decimal(estimate.duration_s, "duration_s") / _S_PER_H
    uses = tuple(replace(use, cost=_material(use, profiles, lab)) for use in estimate.material)
    material = sum((use.cost for use in uses), Decimal("0.00"))
    machine = _to_cent(hours * _rate(lab.machine_per_h, printer.id, lab, "machine_per_h"))
    energy = _to_cent(hours * _decimal(printer.power_w, "power_w") / _W_PER_KW * lab.energy_per_kwh)
    labour = _share(_case_labour(printer, lab), plates, plate)
    reprints = _to_cent(failures_per_success(lab.failure_rate) * (material + machine + energy))
    cost = Cost(
        material=material,
        machine=machine,
        energy=energy,
        labour=labour,
        reprints=reprints,
        total=material + machine + energy + labour + reprints,
        currency=lab.currency,
    )
    return replace(estimate, material=uses, cost=cost)


def total(estimates: Iterable[Estimate]) -> Estimate:
    """A case over its plates: durations, masses by material and tool, and costs, row by row.

    ``cost`` is None unless every plate is priced. ``duration_from`` names every source, joined by `` + ``.

    Raises
    ------
    InputError
        No plate, or plates priced in several currencies.
    """
    plates = tuple(estimates)
    if not plates:
        raise InputError("a case without plates has no estimate; slice it first")
    uses: dict[tuple[int, str], MaterialUse] = {}
    for use in (use for plate in plates for use in plate.material):
        before = uses.get((use.tool, use.material), replace(use, mm3=0.0, g=0.0, cost=Decimal(0)))
        uses[use.tool, use.material] = replace(
            use, mm3=before.mm3 + use.mm3, g=before.g + use.g, cost=before.cost + use.cost
        )
    costs = [plate.cost for plate in plates if plate.cost is not None]
    return Estimate(
        duration_s=sum(plate.duration_s for plate in plates),
        duration_from=" + ".join(sorted({plate.duration_from for plate in plates})),
        material=tuple(uses[key] for key in sorted(uses)),
        cost=_add(costs) if len(costs) == len(plates) else None,
    )


def failures_per_success(failure_rate: float) -> Decimal:
    """Mean number of failed prints before one succeeds, p / (1 - p), for independent failures of probability p < 1."""
    p = _decimal(failure_rate, "failure_rate")
    if p >= 1:
        raise InputError(f"a failure_rate of {failure_rate} means that no print ever succeeds; it must be under 1")
    return p / (1 - p)


def _add(costs: list[Cost]) -> Cost:
    currencies = sorted({cost.currency for cost in costs})
    if len(currencies) > 1:
        raise InputError(f"plates priced in {', '.join(currencies)} cannot be added; price them with one lab profile")
    return Cost(
        material=sum((cost.material for cost in costs), Decimal("0.00")),
        machine=sum((cost.machine for cost in costs), Decimal("0.00")),
        energy=sum((cost.energy for cost in costs), Decimal("0.00")),
        labour=sum((cost.labour for cost in costs), Decimal("0.00")),
        reprints=sum((cost.reprints for cost in costs), Decimal("0.00")),
        total=sum((cost.total for cost in costs), Decimal("0.00")),
        currency=currencies[0],
    )


def _material(use: MaterialUse, profiles: Profiles, lab: Lab) -> Decimal:
    """Cost of one tool's material."""
    material = profiles.material(use.material)
    if material.currency != lab.currency:
        raise ProfileError(
            f"material {material.id} is priced in {material.currency} and lab {lab.id} counts in {lab.currency}; "
            f"nothing is converted: write the material's price_per_kg and currency in {lab.currency}"
        )
    return _to_cent(
        _decimal(use.g, f"mass of {use.material} in tool {use.tool}, g") / _G_PER_KG * material.price_per_kg
    )


def _case_labour(printer: Printer, lab: Lab) -> Decimal:
    """Labour of a whole case, to the cent."""
    minutes = sum(
        (
            _decimal(_rate(table, printer.technology, lab, key), key)
            for key, table in (
                ("preparation_min", lab.preparation_min),
                ("post_processing_min", lab.post_processing_min),
            )
        ),
        Decimal(0),
    )
    return _to_cent(minutes / _MIN_PER_H * lab.labour_per_h)


def _share(amount: Decimal, plates: int, plate: int) -> Decimal:
    """Share of plate ``plate`` (from 1) in ``amount``, so that all shares are cents and add up to it."""
    cents = int(amount / CENT)
    return CENT * (cents * plate // plates - cents * (plate - 1) // plates)


def _rate(table: Mapping[str, Rate], key: str, lab: Lab, name: str) -> Rate:
    found = table.get(key, table.get("default"))
    if found is None:
        raise ProfileError(f"lab {lab.id} has no {name} for {key} and no default; add {name}.{key} to its profile")
    return found


def _decimal(value: float, name: str) -> Decimal:
    """``value`` as the shortest decimal that reads back to the same float."""
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{name} = {value} cannot be priced; it must be a number that is not negative")
    return Decimal(str(value))


def _to_cent(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
