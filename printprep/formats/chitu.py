"""ChiTu zip: run.gcode beside the PNG layers 1.png, 2.png ..., what boards of the ChiTu family read.

The G-code shows an image with M6054, lights it with M106, waits with G4 and moves the plate with G0 Z.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from printprep.errors import InputError
from printprep.formats.layers import (
    Image,
    LayerFile,
    ResinJob,
    decode_png,
    encode_png,
    number,
    open_archive,
    write_archive,
)

SUFFIX: Final = ".zip"
PREVIEW_PX: Final = (954, 850)  # and the cropped one
CROPPED_PX: Final = (168, 150)


def to_panel(image: Image, *, mirror_x: bool, mirror_y: bool) -> Image:
    """``image``, seen from above, as the file holds it: the far edge on top, (height_px, width_px)."""
    return np.ascontiguousarray(image[:: 1 if mirror_y else -1, :: -1 if mirror_x else 1])


def from_panel(image: Image, *, mirror_x: bool, mirror_y: bool) -> Image:
    """The way back from :func:`to_panel`, which is the same turn again."""
    return to_panel(image, mirror_x=mirror_x, mirror_y=mirror_y)


def header(job: ResinJob) -> dict[str, str]:
    """The keys at the top of run.gcode."""
    lift_mm_min, drop_mm_min = number(job.lift_mm_s * 60), number(job.retract_mm_s * 60)
    return {
        "fileName": job.name,
        "machineType": job.printer,
        "estimatedPrintTime": number(job.duration_s),
        "volume": number(job.volume_mm3 / 1000.0),
        "resin": job.material,
        "weight": number(job.weight_g),
        "price": "0",
        "layerHeight": number(job.layer_height_mm),
        "resolutionX": str(job.width_px),
        "resolutionY": str(job.height_px),
        "machineX": number(job.width_mm),
        "machineY": number(job.depth_mm),
        "machineZ": number(job.height_mm),
        "projectType": "LCD_mirror" if job.mirror_x != job.mirror_y else "Normal",
        "transitionLayerCount": str(job.fade_layers),
        "normalExposureTime": number(job.exposure_s),
        "bottomLayExposureTime": number(job.bottom_exposure_s),
        "bottomLayerExposureTime": number(job.bottom_exposure_s),
        "normalDropSpeed": drop_mm_min,
        "normalLayerLiftHeight": number(job.lift_mm),
        "zSlowUpDistance": "0",
        "normalLayerLiftSpeed": lift_mm_min,
        "bottomLayCount": str(job.bottom_layers),
        "bottomLayerCount": str(job.bottom_layers),
        "mirror": str(int(job.mirror_x) + 2 * int(job.mirror_y)),
        "totalLayer": str(job.layer_count),
        "bottomLayerLiftHeight": number(job.lift_mm),
        "bottomLayerLiftSpeed": lift_mm_min,
        "bottomLightOffTime": "0",
        "lightOffTime": "0",
    }


def run_gcode(job: ResinJob) -> Iterator[str]:
    """The lines of run.gcode. The light is off before the first move and after the last layer."""
    yield from (f";{key}:{value}" for key, value in header(job).items())
    yield from (";START_GCODE_BEGIN", "G21;", "G90;", "M106 S0;", "G28 Z0;", ";START_GCODE_END", "")
    lift_mm_min, drop_mm_min = number(job.lift_mm_s * 60), number(job.retract_mm_s * 60)
    for layer in range(job.layer_count):
        z_mm = (layer + 1) * job.layer_height_mm
        yield from (
            f";LAYER_START:{layer}",
            f";currPos:{number(z_mm)}",
            f'M6054 "{layer + 1}.png";show image',
            f"G0 Z{number(min(z_mm + job.lift_mm, job.height_mm))} F{lift_mm_min};",
            f"G0 Z{number(z_mm)} F{drop_mm_min};",
            "G4 P0;",
            "M106 S255;light on",
            f"G4 P{round(job.exposure_of_s(layer) * 1000)};",
            "M106 S0;light off",
            ";LAYER_END",
            "",
        )
    yield from (
        ";END_GCODE_BEGIN",
        "M106 S0;",
        f"G1 Z{number(job.height_mm)} F{lift_mm_min};",
        "M18;",
        ";END_GCODE_END",
    )


def write(path: Path, job: ResinJob, layers: Sequence[bytes]) -> None:
    """Write PNG ``layers``, already turned by :func:`to_panel`, whole or not at all."""
    largest = max(layers, key=len)  # the layer with most outline stands for the plate on the printer's screen
    image = decode_png(largest, "the layer for the preview")
    entries = [("run.gcode", "\n".join(run_gcode(job)).encode() + b"\n")]
    for name, size in (("preview.png", PREVIEW_PX), ("preview_cropping.png", CROPPED_PX)):
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        entries.append((name, encode_png(np.asarray(small, dtype=np.uint8))))
    write_archive(path, [*entries, *((f"{i + 1}.png", data) for i, data in enumerate(layers))])


def read(path: Path) -> LayerFile:
    """Open a ChiTu zip.

    Raises
    ------
    InputError
        It is damaged or no ChiTu zip.
    """
    names, text = open_archive(path, "run.gcode")
    settings = dict(re.findall(r"^;(\w+):(.*?)\s*$", text.partition(";START_GCODE_BEGIN")[0], re.MULTILINE))
    shown = [f"{layer}.png" for layer in re.findall(r'^M6054 "(\d+)\.png"', text, re.MULTILINE)]
    missing = sorted(set(shown) - set(names))
    if not shown or missing:
        raise InputError(f"{path.name} shows {len(shown)} layers, {len(missing)} of them are missing {missing[:3]}")
    mirror = int(settings.get("mirror", "0")) if settings.get("mirror", "0").isdigit() else 0
    turn = partial(from_panel, mirror_x=bool(mirror & 1), mirror_y=bool(mirror & 2))
    return LayerFile(path=path, settings=settings, names=tuple(shown), turn=turn)
