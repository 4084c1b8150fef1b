from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from printprep.cli.gcode import estimate

ARTERY = Path(__file__).parents[2] / "data" / "samples" / "case_aortic_dissection" / "pulmonary_artery.ply"


def test_every_process_is_told_without_slicing(tmp_path: Path) -> None:
    wish = [str(ARTERY), "--units", "mm", "--scale", "0.3", "--synthetic", "--out", str(tmp_path)]
    done = CliRunner().invoke(estimate, [*wish, "--printer", "ender-3", "--variants", "--json"])
    assert done.exit_code == 0, done.output
    variants = json.loads(done.stdout)["variants"]
    assert [one["process"] for one in variants] == ["fine", "standard", "draft", "rush"]
    seconds = [one["duration_s"] for one in variants]
    assert seconds == sorted(seconds, reverse=True)
    assert all(one["duration_from_s"] <= one["duration_s"] < one["duration_to_s"] for one in variants)
    assert not list(tmp_path.glob("*.gcode"))
