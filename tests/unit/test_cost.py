from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printprep.cost import failures_per_success, price, total
from printprep.errors import InputError, ProfileError
from printprep.plan import Cost, Estimate, MaterialUse
from printprep.profiles.load import Profiles, load_profiles
from printprep.profiles.models import Lab, Material

ROWS = ("material", "machine", "energy", "labour", "reprints")


SHIPPED = load_profiles()
PRINTER = SHIPPED.printer("prusa-xl").model_copy(update={"power_w": 250.0})


def material(name: str, price_per_kg: str, currency: str = "EUR") -> Material:
    priced = {"id": name, "price_per_kg": Decimal(price_per_kg), "currency": currency}
    return SHIPPED.material("pla").model_copy(update=priced)


LAB = Lab(
    id="default",
    name="Lab",
    currency="EUR",
    energy_per_kwh=Decimal("0.32"),
    labour_per_h=Decimal("48"),
    machine_per_h={"default": Decimal("2.00"), "prusa-xl": Decimal("3.50")},
    preparation_min={"fdm": 40, "resin": 30},
    post_processing_min={"fdm": 20, "resin": 45},
    failure_rate=0.2,
)
PROFILES = Profiles(
    printers={"prusa-xl": PRINTER},
    materials={m.id: m for m in (material("pla", "25"), material("bvoh", "90"), material("abs", "30", "USD"))},
    processes={},
    tissues={},
    labs={"default": LAB},
)
ESTIMATE = Estimate(
    duration_s=36000,
    duration_from="slicer",
    material=(
        MaterialUse(material="pla", tool=0, mm3=80000, g=100.2),
        MaterialUse(material="bvoh", tool=4, mm3=10000, g=12.5),
    ),
)


def rows(cost: Cost | None) -> dict[str, Decimal]:
    assert cost is not None
    return {row: getattr(cost, row) for row in ROWS}


def test_a_price_by_hand() -> None:
    priced = price(ESTIMATE, printer=PRINTER, profiles=PROFILES, lab=LAB)
    # 100.2 g at 25/kg = 2.505 -> 2.51; 12.5 g at 90/kg = 1.125 -> 1.13; 10 h at 3.50; 2.5 kWh at 0.32; 1 h at 48
    assert [use.cost for use in priced.material] == [Decimal("2.51"), Decimal("1.13")]
    assert rows(priced.cost) == {
        "material": Decimal("3.64"),
        "machine": Decimal("35.00"),
        "energy": Decimal("0.80"),
        "labour": Decimal("48.00"),
        "reprints": Decimal("9.86"),  # 0.2 / 0.8 of 39.44
    }
    assert priced.cost is not None
    assert priced.cost.total == Decimal("97.30")
    assert priced.cost.currency == "EUR"
    assert replace(priced, cost=None, material=ESTIMATE.material) == ESTIMATE


def test_a_printer_without_its_own_rate_takes_the_default() -> None:
    other = PRINTER.model_copy(update={"id": "ender-3"})
    assert rows(price(ESTIMATE, printer=other, profiles=PROFILES, lab=LAB).cost)["machine"] == Decimal("20.00")


def test_nothing_is_converted() -> None:
    foreign = replace(ESTIMATE, material=(MaterialUse(material="abs", tool=0, mm3=1, g=1),))
    with pytest.raises(ProfileError, match=r"abs is priced in USD and lab default counts in EUR"):
        price(foreign, printer=PRINTER, profiles=PROFILES, lab=LAB)


def test_a_rate_that_the_lab_lacks_is_named() -> None:
    lab = LAB.model_copy(update={"machine_per_h": {"ender-3": Decimal(1)}})
    with pytest.raises(ProfileError, match=r"no machine_per_h for prusa-xl and no default"):
        price(ESTIMATE, printer=PRINTER, profiles=PROFILES, lab=lab)


@pytest.mark.parametrize("duration_s", [-2147483648, float("nan"), float("inf")])
def test_a_duration_that_is_none_is_refused(duration_s: float) -> None:
    with pytest.raises(InputError, match="duration_s"):
        price(replace(ESTIMATE, duration_s=duration_s), printer=PRINTER, profiles=PROFILES, lab=LAB)


def test_a_plate_outside_the_case_is_refused() -> None:
    with pytest.raises(InputError, match="plate 3 of 2"):
        price(ESTIMATE, printer=PRINTER, profiles=PROFILES, lab=LAB, plates=2, plate=3)


def test_expected_failures_of_a_geometric_distribution() -> None:
    assert failures_per_success(0) == 0
    assert failures_per_success(0.16) == Decimal("0.16") / Decimal("0.84")
    p = 0.16  # the mean, summed: n failures happen with probability p^n (1 - p)
    assert float(failures_per_success(p)) == pytest.approx(sum(n * p**n * (1 - p) for n in range(200)), rel=1e-12)
    with pytest.raises(InputError):
        failures_per_success(1)


masses_g = st.floats(0, 5000, allow_nan=False)


@given(
    duration_s=st.floats(0, 1e6),
    masses=st.lists(masses_g, max_size=6),
    failure_rate=st.floats(0, 0.99),
    price_per_kg=st.decimals(0, 500, places=2),
    labour_per_h=st.decimals(0, 200, places=2),
    plates=st.integers(1, 9),
)
def test_breakdown_adds_up_to_the_cent(
    duration_s: float,
    masses: list[float],
    failure_rate: float,
    price_per_kg: Decimal,
    labour_per_h: Decimal,
    plates: int,
) -> None:
    lab = LAB.model_copy(update={"failure_rate": failure_rate, "labour_per_h": labour_per_h})
    profiles = replace(PROFILES, materials={"pla": material("pla", str(price_per_kg))})
    uses = tuple(MaterialUse(material="pla", tool=tool, mm3=g * 800, g=g) for tool, g in enumerate(masses))
    asked = Estimate(duration_s=duration_s, duration_from="trapezoid", material=uses)
    priced = [
        price(asked, printer=PRINTER, profiles=profiles, lab=lab, plates=plates, plate=k) for k in range(1, plates + 1)
    ]
    case = total(priced)
    for estimate in (*priced, case):
        assert estimate.cost is not None
        amounts = rows(estimate.cost)
        assert all(amount == amount.quantize(Decimal("0.01")) and amount >= 0 for amount in amounts.values())
        assert sum(amounts.values()) == estimate.cost.total
        assert sum((use.cost for use in estimate.material), Decimal(0)) == estimate.cost.material
    alone = price(asked, printer=PRINTER, profiles=profiles, lab=lab)
    assert rows(case.cost)["labour"] == rows(alone.cost)["labour"]  # the odd cents of the shares are not lost


def test_a_case_over_its_plates() -> None:
    first = price(ESTIMATE, printer=PRINTER, profiles=PROFILES, lab=LAB, plates=2, plate=1)
    second = price(
        replace(ESTIMATE, duration_from="trapezoid"), printer=PRINTER, profiles=PROFILES, lab=LAB, plates=2, plate=2
    )
    case = total([first, second])
    assert case.duration_s == 72000
    assert case.duration_from == "slicer + trapezoid"
    assert [(use.tool, use.material, use.g, use.cost) for use in case.material] == [
        (0, "pla", 200.4, Decimal("5.02")),
        (4, "bvoh", 25.0, Decimal("2.26")),
    ]
    assert rows(case.cost)["labour"] == Decimal("48.00")
    assert total([first, ESTIMATE]).cost is None


def test_plates_that_cannot_be_added() -> None:
    priced = price(ESTIMATE, printer=PRINTER, profiles=PROFILES, lab=LAB)
    assert priced.cost is not None
    with pytest.raises(InputError, match="EUR, USD"):
        total([priced, replace(priced, cost=replace(priced.cost, currency="USD"))])
    with pytest.raises(InputError, match="without plates"):
        total([])
