from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from printprep.errors import InputError
from printprep.formats import sl1
from printprep.formats.layers import Image, ResinJob, decode_png, encode_png

JOB = ResinJob(
    name="plate-1", printer="prusa-sl1s", material="resin-standard", layer_height_mm=0.05, layer_count=3,
    exposure_s=2.4, bottom_exposure_s=30, bottom_layers=6, fade_layers=6, duration_s=123.5, volume_mm3=4500,
    weight_g=4.95, width_px=64, height_px=40, width_mm=3.2, depth_mm=2.0, height_mm=150, mirror_x=True,
    mirror_y=False, lift_mm=6, lift_mm_s=1.2, retract_mm_s=3,
)  # fmt: skip


def layers() -> list[Image]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (40, 64), dtype=np.uint8) for _ in range(3)]


@pytest.mark.parametrize("mirror_x", [True, False])
@pytest.mark.parametrize("mirror_y", [True, False])
def test_round_trip(tmp_path: Path, mirror_x: bool, mirror_y: bool) -> None:
    job = replace(JOB, mirror_x=mirror_x, mirror_y=mirror_y)
    images = layers()
    path = tmp_path / "plate-1.sl1"
    sl1.write(path, job, [encode_png(sl1.to_panel(i, mirror_x=mirror_x, mirror_y=mirror_y)) for i in images])
    file = sl1.read(path)
    assert len(file) == 3
    for index, image in enumerate(images):
        assert (file.layer(index) == image).all()


def test_config_says_what_the_printer_reads(tmp_path: Path) -> None:
    path = tmp_path / "plate-1.sl1"
    sl1.write(path, JOB, [encode_png(sl1.to_panel(i, mirror_x=True, mirror_y=False)) for i in layers()])
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        config = dict(line.split(" = ") for line in archive.read("config.ini").decode().splitlines() if line[-1] != " ")
        image = decode_png(archive.read("plate-100002.png"), "layer")
    assert names == ["config.ini", "prusaslicer.ini", *(f"plate-1{i:05d}.png" for i in range(3))]
    assert image.shape == (64, 40), "the panel stands upright"
    assert config["usedMaterial"] == "4.5"
    assert config["printTime"] == "123.5"
    assert (config["numFast"], config["numFade"], config["layerHeight"]) == ("3", "12", "0.05")
    assert (config["expTime"], config["expTimeFirst"]) == ("2.4", "30")


def test_x_runs_down_the_image_of_a_mirrored_panel() -> None:
    image = np.zeros((40, 64), np.uint8)
    image[0, :10] = 255  # along x at y = 0
    turned = sl1.to_panel(image, mirror_x=True, mirror_y=False)
    assert turned[-10:, 0].all()
    assert turned.sum() == image.sum()


def test_equal_layers_give_equal_bytes(tmp_path: Path) -> None:
    pngs = [encode_png(image) for image in layers()]
    for name in ("a", "b"):
        sl1.write(tmp_path / name, JOB, pngs)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_exposure_falls_from_the_first_to_the_normal_one() -> None:
    exposures = [sl1.exposure_of_s(JOB, layer) for layer in range(20)]
    assert exposures[0] == 30
    assert exposures[13:] == pytest.approx([2.4] * 7)
    assert (np.diff(exposures) <= 1e-9).all()


def test_png_is_a_png_that_others_read() -> None:
    image = layers()[0]
    other = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_UNCHANGED)
    assert other is not None
    assert other.dtype == np.uint8
    assert (np.asarray(other) == image).all()


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", b"\x89PNG\r\n\x1a\n" + bytes(40), encode_png(layers()[0])[:60]],
    ids=["empty", "text", "zero", "truncated"],
)
def test_a_bad_image_is_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError, match="layer 7"):
        decode_png(data, "layer 7")


def test_an_image_that_claims_to_be_enormous_is_not_unpacked() -> None:
    png = bytearray(encode_png(layers()[0]))
    png[16:24] = (100_000).to_bytes(4, "big") * 2
    with pytest.raises(InputError, match="no panel is"):
        decode_png(bytes(png), "layer 7")


def test_bad_files_are_input_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.sl1"
    path.write_bytes(b"not a zip")
    with pytest.raises(InputError):
        sl1.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(InputError, match=r"config\.ini"):
        sl1.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.ini", "a = b\n")
    with pytest.raises(InputError, match="no layers"):
        sl1.read(path)
