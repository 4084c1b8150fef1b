from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Case, Finding, Part, Severity, Source
from printprep.geometry.deviation import Deviation
from printprep.geometry.mesh import Mesh
from printprep.plan import (
    Certificate,
    Change,
    Cost,
    Estimate,
    MaterialUse,
    PartCertificate,
    Plan,
    PlannedPart,
    Plate,
    Setting,
    SlicedPlate,
    SupportContact,
    Supports,
    ToolLoad,
)

RED, BLUE = (220, 30, 30), (30, 60, 220)
CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)
CUBE_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]],
    dtype=np.int32,
)  # fmt: skip


def box(lower: tuple[float, float, float], size: tuple[float, float, float]) -> Mesh:
    return Mesh(CUBE * size + lower, CUBE_FACES)


@pytest.fixture
def plan() -> Plan:
    """A red box on the patient's right and a blue one on the left, in RAS, standing on a plate."""
    red, blue = box((20, 0, 0), (10, 10, 10)), box((0, 0, 0), (10, 10, 20))
    planned = [
        PlannedPart(
            name=name, mesh=mesh, tissue="artery", material="pla", tool=tool, colour=colour, priority=50, side=side
        )
        for name, mesh, tool, colour, side in (("red", red, 0, RED, "right"), ("blue", blue, 1, BLUE, "left"))
    ]
    to_plate = np.eye(4)
    to_plate[:3, 3] = (150, 150, 0)
    return Plan(
        case_id="CHD-0142",
        printer="prusa-xl",
        process="standard",
        parts=tuple(planned),
        tools=(
            ToolLoad(tool=0, material="pla", colour=RED, parts=("red",)),
            ToolLoad(tool=1, material="pla", colour=BLUE, parts=("blue",)),
        ),
        plates=(Plate(index=1, parts=("red", "blue"), case_to_plate=to_plate),),
        changes={},
        findings=(),
    )


@pytest.fixture
def case(plan: Plan) -> Case:
    parts = [
        Part(
            name=p.name,
            mesh=p.mesh,
            tissue=p.tissue,
            side="right" if p.name == "red" else "left",
            source=Source(file="Smith_John_artery.stl", sha256="0" * 64),
        )
        for p in plan.parts
    ]
    return Case(id="CHD-0142", parts=tuple(parts), scale=0.6)


@pytest.fixture
def certificate(plan: Plan) -> Certificate:
    parts = [
        PartCertificate(
            name=p.name,
            source_sha256="0" * 64,
            closed=True,
            triangles=len(p.mesh),
            volume_source_mm3=p.mesh.volume_mm3,
            volume_mm3=p.mesh.volume_mm3,
            deviation=Deviation(max_mm=0.1, p95_mm=0.02, mean_mm=0.01, where_mm=(1, 2, 3), samples=1000),
            lost_to_mm3={"blue": 2.5} if p.name == "red" else {},
            changes=(Change(stage="repair", what="2 duplicate faces taken away"),),
            within_limits=True,
        )
        for p in plan.parts
    ]
    return Certificate(case_id="CHD-0142", parts=tuple(parts), findings=(), prepared_sha256="a" * 64)


SUPPORTS = Supports(
    volume_mm3=4321.0,
    interface_mm3=500.0,
    soluble_mm3=500.0,
    out_of_reach_mm3=12.5,
    out_of_reach_mm=(1.0, 2.0, 3.0),
    contacts=(
        SupportContact(
            part="red",
            under_mm2=77.125,
            on_mm2=3.0,
            critical_mm2=1.5,
            critical_mm=(4.0, 5.0, 6.0),
            thin_mm2=2.25,
            thin_mm=(0.0, 0.0, 1.0),
            keep_out_mm2=0.0,
            keep_out_mm=None,
            places=(((7.0, 8.0, 9.25), 60.5), ((1.0, 1.0, 1.0), 19.5)),
        ),
    ),
)


@pytest.fixture
def plates() -> tuple[SlicedPlate, ...]:
    """Two plates of the same cost."""

    def plate(index: int) -> SlicedPlate:
        cost = Cost(
            material=Decimal("1.10"),
            machine=Decimal("2.20"),
            energy=Decimal("0.30"),
            labour=Decimal("20.05"),
            reprints=Decimal("0.69"),
            total=Decimal("24.34"),
            currency="EUR",
        )
        return SlicedPlate(
            index=index,
            file=Path(f"/home/smith/build/plate-{index}.gcode"),
            printer="prusa-xl",
            process="standard",
            engine="prusaslicer 2.5.0",
            sha256=str(index) * 64,
            layer_count=100,
            anatomy_layer_count=80 if index == 1 else None,
            supports=SUPPORTS if index == 1 else None,
            layer_height_mm=0.2,
            estimate=Estimate(
                duration_s=3600,
                duration_from="slicer",
                material=(
                    MaterialUse(material="pla", tool=0, mm3=1000, g=1.24, cost=Decimal("0.60")),
                    MaterialUse(material="pla", tool=1, mm3=500, g=0.62, cost=Decimal("0.50")),
                ),
                cost=cost,
            ),
            settings=(
                Setting(key="layer_height", requested="0.2", resolved="0.2"),
                Setting(key="elefant_foot_compensation", requested=None, resolved="0"),
            ),
        )

    return plate(1), plate(2)


@pytest.fixture
def findings() -> tuple[Finding, ...]:
    return (
        Finding(
            code="thin-wall",
            severity=Severity.ERROR,
            message="0.4 mm <script>alert(1)</script>",
            part="red",
            value=0.4,
            limit=0.8,
            where_mm=(1, 2, 3),
        ),
        Finding(code="overlap", severity=Severity.ERROR, message="they overlap", accepted="decided with the surgeon"),
        Finding(code="units-said", severity=Severity.INFO, message="mm", value="mm"),
    )
