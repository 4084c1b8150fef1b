from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from printprep.cli.gcode import estimate

ARTERY = Path(__file__).parents[2] / "data" / "samples" / "case_aortic_dissection" / "pulmonary_artery.ply"


WISH = [str(ARTERY), "--units", "mm", "--scale", "0.3", "--synthetic"]


def test_printers_layers_and_fillings_are_told_together(tmp_path: Path) -> None:
    many = ["--printers", "voron-2.4,elegoo-saturn", "--layers", "0.15,0.5", "--infills", "0,30", "--ways", "1"]
    wish = [*WISH, "--scale", "0.8", "--out", str(tmp_path), "--printer", "ender-3", "--variants", *many, "--json"]
    done = CliRunner().invoke(estimate, wish)
    assert done.exit_code == 0, done.output
    variants = json.loads(done.stdout)["variants"]
    told = {(one["printer"], one["layer_height_mm"], one["infill_percent"]): one for one in variants}
    assert len(told) == 2 * 2 * 2 + 1, "by light there is one, in layers of its own"
    for printer in ("ender-3", "voron-2.4"):
        empty, full = (told[printer, 0.15, infill]["material"][0]["mm3"] for infill in (0.0, 30.0))
        assert empty < full
        assert "0.5" in told[printer, 0.5, 30.0]["problem"], "thicker than the nozzle is wide"
    assert told["ender-3", 0.15, 0.0]["duration_s"] > told["voron-2.4", 0.15, 0.0]["duration_s"]


def test_wishes_that_nothing_is_told_of_are_refused() -> None:
    alone = CliRunner().invoke(estimate, [*WISH, "--printer", "ender-3", "--layers", "0.1"])
    assert alone.exit_code == 2
    assert "--variants" in alone.output
    wrong = CliRunner().invoke(estimate, [*WISH, "--printer", "ender-3", "--variants", "--infills", "10,nan"])
    assert wrong.exit_code == 2
    assert "nan" in wrong.output


def test_every_process_is_told_without_slicing(tmp_path: Path) -> None:
    wish = [str(ARTERY), "--units", "mm", "--scale", "0.3", "--synthetic", "--out", str(tmp_path)]
    done = CliRunner().invoke(estimate, [*wish, "--printer", "ender-3", "--variants", "--json"])
    assert done.exit_code == 0, done.output
    variants = json.loads(done.stdout)["variants"]
    seconds = [one["duration_s"] for one in variants]
    assert seconds == sorted(seconds), "the quickest first"
    quickest = {one["process"]: one["duration_s"] for one in reversed(variants)}
    assert sorted(quickest, key=quickest.__getitem__) == ["rush", "draft", "standard", "fine"]
    assert {one["way_up"] for one in variants} == {1, 2, 3}
    assert len(variants) == 4 * 3
    assert all(one["duration_from_s"] <= one["duration_s"] < one["duration_to_s"] for one in variants)
    assert not list(tmp_path.glob("*.gcode"))
