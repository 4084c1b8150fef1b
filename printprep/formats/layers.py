"""What the files of masked-light printers share: a job's figures, grey PNG layers, a zip that is the same each time.

Layers are arrays as the plate is seen from above: row 0 at y = 0, column 0 at x = 0. Each format turns them to the way
its panel wants them.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from printprep.errors import InputError
from printprep.files import replacing
from printprep.formats.archive import check_archive

Image = npt.NDArray[np.uint8]

MAX_PIXELS: Final = 20_000 * 20_000
FIXED_DATE: Final = (1980, 1, 1, 0, 0, 0)  # so that the same layers give the same bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ResinJob:
    """What a file says of itself besides its layers."""

    name: str  # of the plate; never of a file or a person
    printer: str  # id
    material: str  # id
    layer_height_mm: float
    layer_count: int
    exposure_s: float
    bottom_exposure_s: float
    bottom_layers: int
    fade_layers: int  # between the bottom's exposure and the normal one
    duration_s: float
    volume_mm3: float  # of cured resin, supports included
    weight_g: float
    width_px: int
    height_px: int
    width_mm: float
    depth_mm: float
    height_mm: float  # of the build volume
    mirror_x: bool
    mirror_y: bool
    lift_mm: float
    lift_mm_s: float
    retract_mm_s: float

    def timed(self, duration_s: float) -> ResinJob:
        """The job with its duration."""
        return replace(self, duration_s=duration_s)

    def exposure_of_s(self, layer: int) -> float:
        """Exposure of a layer, counted from 0: the bottom's, then falling evenly, then the normal one."""
        if layer < self.bottom_layers:
            return self.bottom_exposure_s
        step = (layer - self.bottom_layers + 1) / (self.fade_layers + 1)
        return self.bottom_exposure_s + (self.exposure_s - self.bottom_exposure_s) * min(step, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFile:
    """A file of layers, opened for reading; an image is unpacked when it is asked for."""

    path: Path
    settings: dict[str, str]
    names: tuple[str, ...]  # of the layers' entries, in order
    turn: Callable[[Image], Image]  # from the panel's way to the plate seen from above

    def __len__(self) -> int:
        return len(self.names)

    def layer(self, index: int) -> Image:
        """One layer as the plate is seen from above, (height_px, width_px) uint8."""
        with self.reading() as read:
            return read(index)

    @contextmanager
    def reading(self) -> Iterator[Callable[[int], Image]]:
        """Keep the file open to read many layers: ``with file.reading() as read: read(0)``."""
        with zipfile.ZipFile(self.path) as archive:

            def read(index: int) -> Image:
                name = self.names[index]
                return self.turn(decode_png(archive.read(name), f"{self.path.name}: {name}"))

            yield read


def figures(file: LayerFile) -> tuple[float | None, float | None]:
    """Duration in s and resin in ml, as the file itself says; None where it says nothing that makes sense."""

    def said(*keys: str) -> float | None:
        for key in keys:
            try:
                value = float(file.settings.get(key, ""))
            except ValueError:
                continue
            if 0 <= value < 1e9:
                return value
        return None

    return said("printTime", "estimatedPrintTime"), said("usedMaterial", "volume")


def encode_png(image: Image) -> bytes:
    """An 8-bit grey PNG of ``image``; runs of equal bytes are all that is looked for, which is fast and packs well."""
    height, width = image.shape
    rows = np.zeros((height, width + 1), np.uint8)  # a leading 0 in each row: no filter
    rows[:, 1:] = image
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    packed = packer.compress(rows.data) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def decode_png(data: bytes, what: str) -> Image:
    """The grey image in a PNG.

    Raises
    ------
    InputError
        ``what`` is no PNG, is damaged, or says that it is larger than any panel.
    """
    if len(data) < 33 or not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise InputError(f"{what} is no PNG image")
    width, height = struct.unpack(">II", data[16:24])
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f"{what} says that it is {width} x {height} pixels; no panel is")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None or image.shape != (height, width):
        raise InputError(f"{what} is damaged")
    return np.asarray(image, dtype=np.uint8)


def write_archive(path: Path, entries: Iterable[tuple[str, bytes]]) -> None:
    """Write ``entries`` as a zip with fixed dates, whole or not at all; images are stored, they are packed already."""
    with replacing(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        for name, data in entries:
            entry = zipfile.ZipInfo(name, FIXED_DATE)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            packs = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compress_type=packs)


def open_archive(path: Path, text_entry: str) -> tuple[list[str], str]:
    """Names of the entries of a checked zip, and the text of one of them.

    Raises
    ------
    InputError
        No zip archive, a dangerous one, or one without that entry.
    """
    names = check_archive(path)
    if text_entry not in names:
        raise InputError(f"{path.name} has no {text_entry}; it is no file of layers of this kind")
    with zipfile.ZipFile(path) as archive:
        return names, archive.read(text_entry).decode("utf-8", "replace")


def number(value: float) -> str:
    """A number without needless zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
