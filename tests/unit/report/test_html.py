from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from printprep.case import Case, Finding
from printprep.cost import total
from printprep.geometry.orient import rank
from printprep.plan import Certificate, Orientation, Plan, SlicedPlate
from printprep.profiles.load import load_profiles
from printprep.report.document import Json, document
from printprep.report.html import page
from printprep.report.view3d import coarser, view3d
from printprep.report.write import write_report

VOID = {"meta", "img", "br", "input", "link"}


class Balance(HTMLParser):
    """Notes elements that are closed in another order than they were opened, and what elements there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.links: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def parsed(text: str) -> Balance:
    balance = Balance()
    balance.feed(text)
    assert (balance.wrong, balance.open) == ([], [])
    return balance


@pytest.fixture
def whole(
    case: Case, plan: Plan, certificate: Certificate, plates: tuple[SlicedPlate, ...], findings: tuple[Finding, ...]
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


def test_the_page_says_what_an_operator_needs(whole: Json) -> None:
    text = page(whole)
    parsed(text)
    for piece in (
        "CHD-0142", "60 %", "Stopped", "1 open error", "thin-wall", "(1.0, 2.0, 3.0) mm", "decided with the surgeon",
        "2 duplicate faces taken away", "lost to blue, which wins", "48.68", "2 h 00 min", "plate-2.gcode",
        "layer_height", "left", "right",
    ):  # fmt: skip
        assert piece in text, piece
    assert "SYNTHETIC" not in text
    assert "MIRRORED" not in text


def test_synthetic_and_mirrored_cases_are_called_so(case: Case) -> None:
    text = page(document(case=replace(case, synthetic=True, mirrored=True)))
    assert 'class="banner synthetic"' in text
    assert 'class="banner mirrored"' in text


def test_the_ways_up_are_a_table_with_the_chosen_one_marked(case: Case, plan: Plan) -> None:
    ways = tuple(
        Orientation(pose=pose, number=k, chosen=k == 2, fits=True, reason="<because>")
        for k, pose in enumerate(rank(plan.parts[0].mesh).best(3), start=1)
    )
    text = page(document(case=case, plan=replace(plan, orientations=ways)))
    parsed(text)
    assert "Which way up" in text
    assert text.count("&lt;because&gt;") == 3
    assert text.count(">chosen</span>") == 1


def test_a_case_that_could_not_be_read_still_has_a_page() -> None:
    parsed(page(document(case=None)))


def test_what_people_wrote_cannot_become_markup(whole: Json, plan: Plan) -> None:
    text = page(whole)
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    evil = "</script><img src=x onerror=alert(1)>"
    shown = view3d(replace(plan, parts=(replace(plan.parts[0], name=evil), plan.parts[1])))
    assert evil not in shown
    assert "\\u003c/script>" in shown


def test_the_page_reaches_for_nothing_outside(tmp_path: Path, whole: Json, case: Case, plan: Plan) -> None:
    profiles = load_profiles()
    as_json, as_html = write_report(tmp_path, whole, case, plan, profiles.printer("prusa-xl"), profiles)
    text = as_html.read_text("utf-8")
    found = parsed(text)
    assert all(link.startswith("data:") for link in found.links)
    assert found.seen.count("img") == 4
    assert found.seen.count("iframe") == 1
    assert "default-src 'none'" in text
    inner = re.sub(r"https://github.com/mrdoob/three.js/pull/\d+|http://www.w3.org/1999/xhtml", "", text)
    assert not re.search(r"""(src|href)=(&quot;|["'])?https?:|fetch\((&quot;|["'])https?:|@import""", inner)
    assert len(text) < 6_000_000
    assert json.loads(as_json.read_text("utf-8")) == whole
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.html"}


def test_a_stopped_run_has_a_report_without_pictures(tmp_path: Path, case: Case) -> None:
    _, as_html = write_report(tmp_path / "new", document(case=case), case, None, None)
    assert "img" not in parsed(as_html.read_text("utf-8")).seen


def test_the_view_names_every_part_and_every_direction(plan: Plan) -> None:
    text = view3d(plan, mirrored=True)
    assert '"name": "red"' in text
    for name in "RLAPSI":
        assert f'"{name}": [' in text
    assert "MIRRORED" in text
    assert "coarser" not in text


def test_a_coarse_mesh_stays_near_the_fine_one(dissection: Path) -> None:
    from printprep.formats.stl import read

    (part,) = read(dissection / "aorta_true_lumen.stl")
    coarse = coarser(part.mesh, 3.0)
    assert len(coarse) < len(part.mesh) / 3
    assert abs(coarse.bounds_mm - part.mesh.bounds_mm).max() < 3.0
    assert coarse.volume_mm3 == pytest.approx(part.mesh.volume_mm3, rel=0.05)
    assert not (coarse.faces[:, 0] == coarse.faces[:, 1]).any()


def test_a_view_of_many_triangles_is_made_coarser_and_says_so(dissection: Path, plan: Plan) -> None:
    from printprep.formats.stl import read

    (part,) = read(dissection / "aorta_true_lumen.stl")
    fine = replace(plan, parts=(replace(plan.parts[0], mesh=part.mesh),))
    full, small = view3d(fine, triangles=10**6), view3d(fine, triangles=3000)
    assert len(small) < len(full) - 100_000
    assert "coarser" in small


def test_the_page_says_what_a_person_must_remove(whole: Json) -> None:
    text = page(whole)
    parsed(text)
    assert "80 layers of 0.2 mm and 20 of support alone" in text
    assert "100 layers of 0.2 mm, " in text  # of the other plate, whose layers were not counted
    section = text.split("Supports: what a person must remove")[1].split("</table>")[0]
    assert "4.32 ml, 0.50 ml of it soluble, held on by 80.1 mm²" in section
    assert "12.5 mm³ stand where no tool of 3 mm reaches" in section
    assert "60.5 mm² at (7.0, 8.0, 9.2)" in section
    assert text.count("what a person must remove") == 1
