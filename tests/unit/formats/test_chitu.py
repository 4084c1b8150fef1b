from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.errors import InputError
from printprep.formats import chitu
from printprep.formats.layers import Image, ResinJob, encode_png

JOB = ResinJob(
    name="plate-2", printer="elegoo-saturn", material="resin-standard", layer_height_mm=0.05, layer_count=4,
    exposure_s=2.4, bottom_exposure_s=30, bottom_layers=1, fade_layers=2, duration_s=99, volume_mm3=1500,
    weight_g=1.65, width_px=64, height_px=40, width_mm=3.2, depth_mm=2.0, height_mm=200, mirror_x=True,
    mirror_y=False, lift_mm=6, lift_mm_s=1.5, retract_mm_s=3,
)  # fmt: skip


def layers() -> list[Image]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, 256, (40, 64), dtype=np.uint8) for _ in range(4)]


def written(path: Path, job: ResinJob = JOB) -> list[Image]:
    images = layers()
    turned = (chitu.to_panel(i, mirror_x=job.mirror_x, mirror_y=job.mirror_y) for i in images)
    chitu.write(path, job, [encode_png(image) for image in turned])
    return images


@pytest.mark.parametrize("mirror_x", [True, False])
@pytest.mark.parametrize("mirror_y", [True, False])
def test_round_trip(tmp_path: Path, mirror_x: bool, mirror_y: bool) -> None:
    path = tmp_path / "plate-2.zip"
    images = written(path, replace(JOB, mirror_x=mirror_x, mirror_y=mirror_y))
    file = chitu.read(path)
    assert len(file) == 4
    for index, image in enumerate(images):
        assert (file.layer(index) == image).all()
    assert file.settings["totalLayer"] == "4"


def test_the_image_has_the_far_edge_on_top() -> None:
    image = np.zeros((40, 64), np.uint8)
    image[0, :10] = 255
    assert chitu.to_panel(image, mirror_x=False, mirror_y=False)[-1, :10].all()
    assert chitu.to_panel(image, mirror_x=True, mirror_y=False)[-1, -10:].all()


def test_run_gcode_lights_every_layer_once_and_ends_dark(tmp_path: Path) -> None:
    path = tmp_path / "plate-2.zip"
    written(path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        lines = archive.read("run.gcode").decode().splitlines()
    assert names == ["run.gcode", "preview.png", "preview_cropping.png", "1.png", "2.png", "3.png", "4.png"]
    shown = [int(m.group(1)) for line in lines if (m := re.match(r'M6054 "(\d+)\.png"', line))]
    assert shown == [1, 2, 3, 4]
    light = [line.split(";")[0] for line in lines if line.startswith("M106")]
    assert light == ["M106 S0", *["M106 S255", "M106 S0"] * 4, "M106 S0"]
    waits = [int(line[4:].rstrip(";")) for line in lines if re.match(r"G4 P[1-9]", line)]
    assert waits == [30000, 20800, 11600, 2400]
    heights = [float(m.group(1)) for line in lines if (m := re.match(r"G0 Z([\d.]+) F180", line))]
    assert heights == pytest.approx([0.05, 0.10, 0.15, 0.20])
    lifts = [float(m.group(1)) for line in lines if (m := re.match(r"G0 Z([\d.]+) F90", line))]
    assert lifts == pytest.approx([6.05, 6.10, 6.15, 6.20])


def test_equal_layers_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        written(tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plate-2.zip"
    written(path)
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if name != "3.png"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    with pytest.raises(InputError, match=r"3\.png"):
        chitu.read(path)


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(InputError, match=r"run\.gcode"):
        chitu.read(path)
