from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from printprep.case import Case, Finding, Severity
from printprep.cost import total
from printprep.geometry.deviation import Deviation
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.orient import Weights, rank
from printprep.geometry.shape import Thickness
from printprep.geometry.survey import survey
from printprep.plan import COST_ROWS, Certificate, Check, Orientation, Pair, Plan, SlicedPlate
from printprep.report.document import Json, document, schema
from printprep.report.proof import certificate_schema, proof
from printprep.report.write import write_certificate


@pytest.fixture
def whole(
    case: Case,
    plan: Plan,
    certificate: Certificate,
    plates: tuple[SlicedPlate, ...],
    findings: tuple[Finding, ...],
) -> Json:
    return document(
        case=case,
        plan=plan,
        certificate=certificate,
        plates=plates,
        estimate=total([plate.estimate for plate in plates]),
        findings=findings,
        timings_s={"read": 0.25},
    )


def check(found: Json) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(found, schema())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_complete_run_fits_the_schema(whole: Json) -> None:
    check(whole)


def test_a_run_that_was_stopped_at_any_point_fits_the_schema(case: Case, plan: Plan, certificate: Certificate) -> None:
    check(document(case=None))
    check(document(case=case))
    check(document(case=case, plan=plan))
    check(document(case=case, plan=plan, certificate=certificate))


def test_ways_up_stand_in_it_with_every_figure_of_their_scores(case: Case, plan: Plan) -> None:
    ranking = rank(plan.parts[0].mesh)
    ways = tuple(
        Orientation(pose=pose, number=k, chosen=k == 1, fits=True, reason="because")
        for k, pose in enumerate(ranking.best(3), start=1)
    )
    found = document(case=case, plan=replace(plan, orientations=ways))
    check(found)
    first = found["orientations"][0]
    assert (first["number"], first["chosen"], first["up"]) == (1, True, [0.0, 0.0, 1.0])
    assert set(first["terms"]) == set(Weights().shares)
    assert first["height_mm"] == 10.0


def test_it_has_the_shape_of_the_outside_contract(whole: Json) -> None:
    assert whole["case"]["id"] == "CHD-0142"
    assert whole["case"]["scale"] == 0.6
    red = whole["parts"][0]
    assert {"name", "tissue", "material", "tool", "triangles", "volume_mm3", "closed", "deviation_mm"} <= set(red)
    assert red["deviation_mm"]["p95"] == 0.02
    assert red["volume_mm3"] == pytest.approx(1000)
    assert (red["material"], red["tool"], red["triangles"], red["closed"]) == ("pla", 0, 12, True)
    assert set(whole["findings"][0]) >= {"code", "severity", "part", "message", "value", "limit", "where_mm"}
    assert whole["timings_s"] == {"read": 0.25}


def test_no_name_of_an_input_and_no_folder_gets_out(whole: Json) -> None:
    text = json.dumps(whole)
    assert "mith" not in text
    assert "/home" not in text
    assert ".stl" not in text
    assert whole["plates"][0]["file"] == "plate-1.gcode"


def test_the_whole_is_the_sum_of_the_plates_to_the_cent(whole: Json) -> None:
    estimate = whole["estimate"]
    assert estimate["duration_s"] == 7200
    assert [(u["tool"], u["g"]) for u in estimate["material"]] == [(0, 2.48), (1, 1.24)]
    for cost in (estimate["cost"], whole["plates"][0]["estimate"]["cost"]):
        assert sum(Decimal(str(cost[row])) for row in COST_ROWS) == Decimal(str(cost["total"]))
    assert estimate["cost"]["total"] == 48.68


def test_without_every_price_there_is_no_total(case: Case, plates: tuple[SlicedPlate, ...]) -> None:
    unpriced = replace(plates[1], estimate=replace(plates[1].estimate, cost=None))
    found = document(case=case, plates=plates, estimate=total([plates[0].estimate, unpriced.estimate]))
    check(found)
    assert found["estimate"]["cost"] is None


def test_the_verdict_is_stopped_while_an_error_is_open(case: Case, findings: tuple[Finding, ...]) -> None:
    assert document(case=case, findings=findings)["verdict"] == "stopped"
    assert document(case=case, findings=findings[1:])["verdict"] == "ready"


def test_what_json_cannot_say_is_null(case: Case) -> None:
    odd = Finding(
        code="odd", severity=Severity.INFO, message="x", value=float("nan"), where_mm=(float("inf"), 0.0, 1.0)
    )
    found = document(case=case, findings=[odd])
    check(found)
    assert found["findings"][0]["value"] is None
    assert found["findings"][0]["where_mm"] == [None, 0.0, 1.0]


def test_an_open_mesh_is_not_closed_before_it_is_certified(case: Case) -> None:
    mesh = case.parts[0].mesh
    opened = replace(case.parts[0], mesh=Mesh(mesh.vertices, mesh.faces[:-1]))
    found = document(case=replace(case, parts=(opened, case.parts[1])))
    assert [part["closed"] for part in found["parts"]] == [False, True]


def test_only_settings_that_were_asked_for_are_told(whole: Json) -> None:
    assert [s["key"] for s in whole["plates"][0]["settings"]] == ["layer_height"]


def test_the_certificate_is_a_document_of_its_own_with_the_same_shapes(
    tmp_path: Path, case: Case, plan: Plan, certificate: Certificate, findings: tuple[Finding, ...]
) -> None:
    write_certificate(tmp_path / "certificate.json", case, plan, certificate, findings)
    said = json.loads((tmp_path / "certificate.json").read_text())
    jsonschema.Draft202012Validator.check_schema(certificate_schema())
    jsonschema.validate(said, certificate_schema())
    whole = document(case=case, plan=plan, certificate=certificate, findings=findings)
    assert said["certificate"] == whole["certificate"]
    assert said["case"] == whole["case"]
    own, report = certificate_schema()["$defs"], schema()
    for name in ("point_mm", "change", "certificate"):
        assert own[name] == report["$defs"][name]
    assert own["finding"] == report["properties"]["findings"]["items"]
    assert own["case"] == report["properties"]["case"]["anyOf"][0]


def test_each_value_stands_beside_its_limit_and_the_whole_is_summed_up(plan: Plan, certificate: Certificate) -> None:
    check = Check(what="deviation-max", value=0.1, limit=0.5, unit="mm", within=True)
    parts = tuple(replace(part, checks=(check,)) for part in certificate.parts)
    pair = Pair(low="red", high="blue", coincident_mm2=12.5, lost_mm3=2.5, same_tool=False)
    said = proof(replace(certificate, parts=parts, pairs=(pair,)), plan)
    assert said["parts"][0]["checks"] == [
        {"what": "deviation-max", "value": 0.1, "limit": 0.5, "unit": "mm", "within": True, "by": "case"}
    ]
    assert said["parts"][0]["lost"] == [{"to": "blue", "mm3": 2.5, "percent": 0.25}]
    assert said["whole"]["worst_part"] == "red"
    assert said["whole"]["lost_mm3"] == 2.5
    assert said["whole"]["changes"] == [
        {"stage": "repair", "done": "mended", "count": 2, "volume_mm3": 0.0, "area_mm2": 0.0}
    ]
    assert [(p["low"], p["high"], p["lost_mm3"]) for p in said["pairs"]] == [("red", "blue", 2.5)]
    assert said["merged"] == []
    one_tool = replace(plan, tools=(replace(plan.tools[0], parts=("red", "blue")),))
    assert proof(certificate, one_tool)["merged"] == [{"tool": 0, "material": "pla", "parts": ["red", "blue"]}]


def test_a_part_that_nothing_was_done_to_is_identical(plan: Plan, certificate: Certificate) -> None:
    same = Deviation(max_mm=2e-5, p95_mm=1e-5, mean_mm=1e-5, where_mm=(0, 0, 0), samples=10)
    parts = tuple(replace(part, deviation=same, changes=()) for part in certificate.parts)
    said = proof(replace(certificate, parts=parts), plan)
    assert [part["identical"] for part in said["parts"]] == [True, True]
    assert (said["whole"]["identical"], said["whole"]["worst_part"]) == (2, None)


def test_what_a_person_must_remove_is_told_by_plate_and_part(whole: Json) -> None:
    one, other = whole["plates"]
    assert (one["layer_count"], one["anatomy_layer_count"]) == (100, 80)
    assert (other["anatomy_layer_count"], other["supports"]) == (None, None)
    supports = one["supports"]
    assert supports["contact_mm2"] == pytest.approx(80.12, abs=0.01)
    assert (supports["volume_mm3"], supports["soluble_mm3"], supports["out_of_reach_mm3"]) == (4321.0, 500.0, 12.5)
    assert supports["out_of_reach_mm"] == [1.0, 2.0, 3.0]
    (red,) = supports["parts"]
    assert (red["name"], red["on_mm2"], red["critical_mm"], red["keep_out_mm"]) == ("red", 3.0, [4.0, 5.0, 6.0], None)
    assert red["places"][0] == {"where_mm": [7.0, 8.0, 9.25], "mm2": 60.5}


def test_bodies_and_walls_of_a_part_stand_in_it(case: Case, plan: Plan, certificate: Certificate) -> None:
    name = case.parts[0].name
    mesh = case.parts[0].mesh
    walls = Thickness(min_mm=0.8, p05_mm=1.0, median_mm=2.5, where_mm=(1.0, 2.0, 3.0), points=5000)
    found = document(case=case, shapes={name: (survey(mesh), walls)})
    check(found)
    part = found["parts"][0]
    assert part["bodies"]["count"] == len(part["bodies"]["largest"]) == 1
    assert part["bodies"]["largest"][0]["volume_mm3"] == pytest.approx(mesh.volume_mm3, abs=1e-3)
    assert part["thickness_mm"]["min"] == 0.8
    printed = replace(certificate, parts=(replace(certificate.parts[0], thickness=walls), *certificate.parts[1:]))
    whole = document(case=case, plan=plan, certificate=printed)
    check(whole)
    assert whole["certificate"]["parts"][0]["thickness_mm"]["p05"] == 1.0
    assert whole["parts"][0]["thickness_mm"]["median"] == 2.5


def test_of_a_million_bodies_twenty_are_listed(case: Case) -> None:
    name, cube = case.parts[0].name, case.parts[0].mesh
    many = survey(
        join([Mesh(cube.vertices + np.array([3.0 * k * cube.size_mm[0], 0, 0]), cube.faces) for k in range(30)])
    )
    found = document(case=case, shapes={name: (many, None)})
    check(found)
    assert found["parts"][0]["bodies"]["count"] == 30
    assert len(found["parts"][0]["bodies"]["largest"]) == 20
