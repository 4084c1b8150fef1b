"""SL1: what Prusa's resin printers read, a zip of config.ini and numbered grey PNG layers.

The panel stands upright in the file, so x runs down the image; the orientation was checked pixel by pixel against
files of PrusaSlicer 2.5.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from printprep import __version__
from printprep.errors import InputError
from printprep.formats.layers import Image, LayerFile, ResinJob, number, open_archive, write_archive

SUFFIX: Final = ".sl1"
FADE_LAYERS: Final = (3, 20)  # what the printer allows


def to_panel(image: Image, *, mirror_x: bool, mirror_y: bool) -> Image:
    """``image``, seen from above, as the file holds it: (width_px, height_px)."""
    turned = np.asarray(cv2.transpose(image), dtype=np.uint8)  # several times faster than numpy's
    return np.ascontiguousarray(turned[:: -1 if mirror_x else 1, :: -1 if mirror_y else 1])


def from_panel(image: Image, *, mirror_x: bool, mirror_y: bool) -> Image:
    """The way back from :func:`to_panel`."""
    turned = np.asarray(cv2.transpose(image), dtype=np.uint8)
    return np.ascontiguousarray(turned[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1])


def faded_layers(job: ResinJob) -> int:
    """Layers over which the exposure falls; this printer knows one first exposure and no count of bottom layers."""
    return min(max(job.bottom_layers + job.fade_layers, FADE_LAYERS[0]), FADE_LAYERS[1])


def exposure_of_s(job: ResinJob, layer: int) -> float:
    """Exposure of a layer, counted from 0, as the printer makes it out of the first, the normal and the fade."""
    share = min(layer / (faded_layers(job) + 1), 1.0)
    return job.bottom_exposure_s + (job.exposure_s - job.bottom_exposure_s) * share


def config(job: ResinJob) -> dict[str, str]:
    """The keys of config.ini."""
    return {
        "action": "print",
        "expTime": number(job.exposure_s),
        "expTimeFirst": number(job.bottom_exposure_s),
        "expUserProfile": "0",
        "fileCreationTimestamp": "1980-01-01 at 00:00:00 UTC",
        "hollow": "0",
        "jobDir": job.name,
        "layerHeight": number(job.layer_height_mm),
        "materialName": job.material,
        "numFade": str(faded_layers(job)),
        "numFast": str(job.layer_count),
        "numSlow": "0",
        "printProfile": "",
        "printTime": number(job.duration_s),
        "printerModel": "SL1S" if "sl1s" in job.printer else "SL1",
        "printerProfile": job.printer,
        "printerVariant": "default",
        "prusaSlicerVersion": f"printprep-{__version__}",
        "usedMaterial": number(job.volume_mm3 / 1000.0),
    }


def profile(job: ResinJob) -> dict[str, str]:
    """The keys of prusaslicer.ini that say how to look at the layers."""
    return {
        "display_height": number(job.depth_mm),
        "display_mirror_x": str(int(job.mirror_x)),
        "display_mirror_y": str(int(job.mirror_y)),
        "display_orientation": "portrait",
        "display_pixels_x": str(job.width_px),
        "display_pixels_y": str(job.height_px),
        "display_width": number(job.width_mm),
        "exposure_time": number(job.exposure_s),
        "faded_layers": str(faded_layers(job)),
        "initial_exposure_time": number(job.bottom_exposure_s),
        "initial_layer_height": number(job.layer_height_mm),
        "layer_height": number(job.layer_height_mm),
        "max_print_height": number(job.height_mm),
        "printer_technology": "SLA",
    }


def write(path: Path, job: ResinJob, layers: Sequence[bytes]) -> None:
    """Write PNG ``layers``, already turned by :func:`to_panel`, whole or not at all."""
    texts = (("config.ini", config(job)), ("prusaslicer.ini", profile(job)))
    entries = [(name, "".join(f"{k} = {v}\n" for k, v in keys.items()).encode()) for name, keys in texts]
    write_archive(path, [*entries, *((f"{job.name}{i:05d}.png", data) for i, data in enumerate(layers))])


def read(path: Path) -> LayerFile:
    """Open a .sl1 file, ours or PrusaSlicer's.

    Raises
    ------
    InputError
        It is damaged or no .sl1 file.
    """
    names, text = open_archive(path, "config.ini")
    settings = _keys(text)
    if "prusaslicer.ini" in names:
        settings |= _keys(open_archive(path, "prusaslicer.ini")[1])
    layers = tuple(sorted(name for name in names if re.fullmatch(r"[^/]*\d{5}\.png", name)))
    if not layers:
        raise InputError(f"{path.name} has no layers")
    turn = partial(
        from_panel,
        mirror_x=settings.get("display_mirror_x", "1") == "1",
        mirror_y=settings.get("display_mirror_y", "0") == "1",
    )
    return LayerFile(path=path, settings=settings, names=layers, turn=turn)


def _keys(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}
