from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Severity
from printprep.errors import DoesNotFit, ProfileError, SliceFailed
from printprep.files import sha256_of
from printprep.formats import chitu, sl1
from printprep.geometry.islands import find_islands
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.raster import Panel
from printprep.plan import Plan, SlicedPlate
from printprep.profiles.load import Profiles
from printprep.slicers import resin

MakeCube = Callable[[float, tuple[float, float, float]], Mesh]
MakePlan = Callable[..., Plan]


def cut(plan: Plan, profiles: Profiles, out: Path) -> SlicedPlate:
    return resin.slice_plate(plan, plan.plates[0], profiles, out)


def bare(plan: Plan) -> Plan:
    return replace(plan, supports=False)


def test_a_hollow_cube_is_in_the_layers_to_the_last_pixel(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path
) -> None:
    inner = cube(2.0, (11.52, 11.53, 1.5))
    mesh = join([cube(5.0, (10.013, 10.026, 0.0)), Mesh(inner.vertices, inner.faces[:, ::-1])])
    plan = bare(plan_of({"heart": (mesh, 0, "resin-standard")}, "prusa-sl1s"))
    plate = cut(plan, profiles, tmp_path)
    file = sl1.read(plate.file)
    assert plate.file.name == "plate-1.sl1"
    assert plate.sha256 == sha256_of(plate.file)
    assert plate.layer_count == len(file) == 100
    area = [float(file.layer(i).sum(dtype=np.int64)) / 255 * 0.05 * 0.05 for i in range(100)]
    assert sum(area) * 0.05 == pytest.approx(125 - 8, rel=2e-3)
    assert plate.estimate.material[0].mm3 == pytest.approx(125 - 8, rel=2e-3)
    assert plate.estimate.material[0].g == pytest.approx(0.117 * 1.10, rel=2e-3)
    assert area[50] == pytest.approx(21, rel=2e-3), "the cavity is dark"
    assert [f.code for f in plate.findings] == ["resin-no-supports"]
    assert plate.findings[0].severity is Severity.INFO


def test_leaving_supports_out_is_a_warning_for_a_body_that_does_not_lie_flat(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path
) -> None:
    foot = {"foot": (cube(0.5, (5, 5, 0)), 0, "resin-standard"), "top": (cube(4.0, (5, 5, 0.5)), 0, "resin-standard")}
    told = next(f for f in cut(bare(plan_of(foot, "prusa-sl1s")), profiles, tmp_path).findings)
    assert (told.code, told.severity) == ("resin-no-supports", Severity.WARNING)
    assert "too small for the largest layer" in told.message


def test_supports_are_lit_like_every_other_part(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path
) -> None:
    parts = {
        "supports-1": (cube(2.0, (5, 5, 0)), 0, "resin-standard"),
        "a": (cube(2.0, (5, 5, 2)), 0, "resin-standard"),
    }
    plate = cut(plan_of(parts, "prusa-sl1s"), profiles, tmp_path)
    assert plate.findings == ()
    assert plate.extras["supports_mm3"] == pytest.approx(8.0)
    assert plate.extras["raster_mm3"] == pytest.approx(16.0, rel=2e-3)
    assert plate.engine.startswith("printprep-resin ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plate-1.sl1"]


def test_time_is_light_and_what_a_layer_costs(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path
) -> None:
    plan = bare(plan_of({"a": (cube(2.0, (5, 5, 0)), 0, "resin-standard")}, "elegoo-saturn"))
    plate = cut(plan, profiles, tmp_path)
    assert plate.file.name == "plate-1.zip"
    file = chitu.read(plate.file)
    assert len(file) == 40
    # 6 bottom layers of 30 s, 6 that fade to 2.4 s in equal steps, 28 of 2.4 s; 6 mm up at 1.2 and down at 3 mm/s; 1 s
    light_s = 6 * 30 + sum(30 - (30 - 2.4) * k / 7 for k in range(1, 7)) + 28 * 2.4
    assert plate.estimate.duration_s == pytest.approx(light_s + 40 * (6 / 1.2 + 6 / 3 + 1))
    assert float(file.settings["estimatedPrintTime"]) == pytest.approx(plate.estimate.duration_s)


def test_parts_stand_where_the_plate_says(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path
) -> None:
    plan = bare(plan_of({"a": (cube(2.0, (-1, 0, 5)), 0, "resin-standard")}, "prusa-sl1s"))
    motion = np.array([[0, -1, 0, 50], [1, 0, 0, 20], [0, 0, 1, -5], [0, 0, 0, 1]], dtype=float)
    plan = replace(plan, plates=(replace(plan.plates[0], case_to_plate=motion),))
    image = sl1.read(cut(plan, profiles, tmp_path).file).layer(10)
    rows, columns = np.nonzero(image)
    assert (columns.min() * 0.05, (columns.max() + 1) * 0.05) == pytest.approx((48, 50))
    assert (rows.min() * 0.05, (rows.max() + 1) * 0.05) == pytest.approx((19, 21))


def test_overlapping_parts_are_one_body(profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path) -> None:
    parts = {name: (cube(4.0, (5 + d, 5, 0)), 0, "resin-standard") for name, d in (("a", 0), ("b", 2))}
    plate = cut(bare(plan_of(parts, "prusa-sl1s")), profiles, tmp_path)
    assert plate.estimate.material[0].mm3 == pytest.approx(64 + 64 - 32, rel=2e-3)
    assert [f.code for f in plate.findings] == ["resin-no-supports"], "the union explains the smaller volume"


def test_equal_plans_give_equal_bytes(profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path) -> None:
    plan = bare(plan_of({"a": (cube(1.5, (5, 5, 0)), 0, "resin-standard")}, "prusa-sl1s"))
    assert cut(plan, profiles, tmp_path / "a").sha256 == cut(plan, profiles, tmp_path / "b").sha256


def test_an_island_is_named_with_its_place(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path
) -> None:
    parts = {
        "stands": (cube(2.0, (5, 5, 0)), 0, "resin-standard"),
        "floats": (cube(1.0, (20, 10, 1.0)), 0, "resin-standard"),
    }
    plan = bare(plan_of(parts, "prusa-sl1s"))
    motion = np.eye(4)
    motion[:3, 3] = (3, 4, 0)
    plan = replace(plan, plates=(replace(plan.plates[0], case_to_plate=motion),))
    found = [f for f in cut(plan, profiles, tmp_path).findings if f.code == "resin-island"]
    assert len(found) == 1
    assert found[0].value == pytest.approx(1.0, rel=0.02)
    assert found[0].where_mm == pytest.approx((20.5, 10.5, 1.025), abs=0.06), "in the case's frame"
    assert "layer 21 of plate 1" in found[0].message


def test_islands_by_hand() -> None:
    panel = Panel(width_px=40, height_px=30, pixel_mm=(0.05, 0.05))
    below, image = np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint8)
    below[10:20, 10:20] = 255
    image[10:20, 12:30] = 255  # an overhang is no island
    assert list(find_islands(image, below, 3, panel)) == []
    image[2:6, 2:6] = 255
    image[26, 36] = 255  # one pixel cures to nothing
    islands = list(find_islands(image, below, 3, panel))
    assert [(i.layer, round(i.area_mm2, 3)) for i in islands] == [(3, 0.04)]
    assert (islands[0].x_mm, islands[0].y_mm) == pytest.approx((0.2, 0.2))
    assert list(find_islands(np.zeros_like(image), below, 3, panel)) == []


def test_what_does_not_fit_is_refused(profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path) -> None:
    for corner in ((100.0, 5.0, 0.0), (5.0, -1.0, 0.0), (5.0, 5.0, 2.0)):
        plan = bare(plan_of({"a": (cube(40.0, corner), 0, "resin-standard")}, "prusa-sl1s"))
        with pytest.raises(DoesNotFit):
            cut(plan, profiles, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_wrong_material_or_printer(profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path) -> None:
    mesh = cube(2.0, (5, 5, 0))
    with pytest.raises(ProfileError, match="no resin"):
        cut(bare(plan_of({"a": (mesh, 0, "pla")}, "prusa-sl1s")), profiles, tmp_path)
    with pytest.raises(ProfileError, match="no panel"):
        cut(bare(plan_of({"a": (mesh, 0, "resin-standard")}, "prusa-xl")), profiles, tmp_path)
    two = {"a": (mesh, 0, "resin-standard"), "b": (cube(2.0, (9, 5, 0)), 0, "resin-clear")}
    codes = [f.code for f in cut(bare(plan_of(two, "prusa-sl1s")), profiles, tmp_path).findings]
    assert "resin-several-materials" in codes


def test_an_open_part_is_an_error(profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path) -> None:
    whole = cube(2.0, (5, 5, 0))
    plan = bare(plan_of({"a": (Mesh(whole.vertices, whole.faces[:-1]), 0, "resin-standard")}, "prusa-sl1s"))
    found = {f.code: f.severity for f in cut(plan, profiles, tmp_path).findings}
    assert found["slicer-open-part"] is Severity.ERROR


def test_exposure_is_read_or_guessed_aloud(profiles: Profiles) -> None:
    material = profiles.material("resin-standard")
    assert resin.exposure(material, 0.05) == (2.4, ())
    seconds, findings = resin.exposure(material, 0.075)
    assert seconds == pytest.approx(3.0)
    assert [f.code for f in findings] == ["resin-exposure-guessed"]


def test_a_full_disk_leaves_no_half_file(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sl1, "write", full)
    plan = bare(plan_of({"a": (cube(2.0, (5, 5, 0)), 0, "resin-standard")}, "prusa-sl1s"))
    with pytest.raises(SliceFailed, match="No space left"):
        cut(plan, profiles, tmp_path)
    assert list(tmp_path.iterdir()) == []
