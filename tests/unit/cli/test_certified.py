"""What an operator sees of the certificate: a row a part, in colours that mean something."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from printprep.cli.certified import certificate_table, whole_line


def part(name: str, *, value: float = 0.0, within: bool = True, **more: Any) -> dict[str, Any]:
    checks = [
        {"what": "deviation-max", "value": value, "limit": 0.5, "unit": "mm", "within": within, "by": "case"},
        {"what": "deviation-p95", "value": 0.0, "limit": 0.2, "unit": "mm", "within": True, "by": "case"},
    ]
    return {
        "name": name,
        "within_limits": within,
        "identical": False,
        "volume_source_mm3": 1000.0,
        "volume_mm3": 990.0,
        "checks": checks,
        "changes": [],
        "lost": [],
        **more,
    }


def document(*parts: dict[str, Any]) -> dict[str, Any]:
    limits = {"deviation_max_mm": 0.5, "deviation_p95_mm": 0.2, "volume_change_percent": 2.0}
    whole = {
        "parts": len(parts),
        "identical": 0,
        "worst_part": "red",
        "deviation_max_mm": 0.61,
        "volume_mm3": 1980.0,
        "added": 1,
        "added_mm3": 300.0,
        "lost_mm3": 0.0,
    }
    return {"case": {"limits": limits}, "certificate": {"parts": list(parts), "whole": whole}}


def shown(asked: dict[str, Any]) -> str:
    console = Console(width=120, record=True, file=StringIO(), force_terminal=True)
    console.print(certificate_table(asked))
    return console.export_text(styles=True)


def test_over_a_limit_is_red_and_says_so() -> None:
    text = shown(document(part("red", value=0.61, within=False), part("blue")))
    assert "over" in text
    assert "\x1b[1;31m0.610" in text
    assert "\x1b[32m0.000" in text


def test_thin_walls_are_yellow_and_what_was_done_is_short() -> None:
    wall = {"what": "thin-wall", "value": 0.3, "limit": 0.8, "unit": "mm", "within": False, "by": "process"}
    thin = part("red", volume_source_mm3=None)
    thin["checks"].append(wall)
    thin["changes"] = [{"stage": stage} for stage in ("hollow", "drain", "drain", "label")]
    thin["lost"] = [{"to": "blue", "mm3": 3.0}]
    text = shown(document(thin))
    assert "\x1b[33m0.30" in text
    assert "open" in text
    assert "drain 2x" in text
    assert "1 more" in text


def test_the_whole_in_one_line() -> None:
    assert whole_line(document(part("red"))) == (
        "0 of 1 parts exactly as they came; farthest from its source: red, 0.610 mm; 1.98 ml of anatomy; "
        "1 added parts, 0.30 ml"
    )
