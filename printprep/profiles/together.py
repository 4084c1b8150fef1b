"""What only shows when profiles are seen together, and what stands in a lab's folder that is none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar, cast

from printprep.profiles.inherit import DEFAULT
from printprep.profiles.models import Lab, Material, Printer, Process, Profile, Tissue
from printprep.profiles.names import Vocabulary
from printprep.profiles.problems import Problem, nearest

Loaded = Mapping[str, Mapping[str, Profile]]
Origins = Mapping[str, Mapping[str, str]]

M = TypeVar("M", bound=Profile)


def strays(root: Path, kinds: Collection[str]) -> Iterator[Problem]:
    """Folders and TOML files of a lab's own that nothing would read: a misspelt kind, a profile in no kind's folder.

    Hidden ones and files that are no TOML may stand there.
    """
    folders = ", ".join(f"{kind}/" for kind in kinds)
    for path in sorted(root.iterdir()):
        if path.is_dir() and path.name not in kinds and not path.name.startswith((".", "__")):
            message = f"is no folder of profiles{nearest(path.name, kinds)}; the folders are {folders}"
            yield Problem(file=f"{path}/", key="", message=message)
    for path in sorted(root.rglob("*.toml")):
        inside = path.relative_to(root).parts
        hidden = any(step.startswith((".", "__")) for step in inside)
        if not hidden and (len(inside) == 1 or (len(inside) > 2 and inside[0] in kinds)):
            message = f"would not be read: a profile stands directly in the folder of its kind, one of {folders}"
            yield Problem(file=str(path), key="", message=message)


def across(loaded: Loaded, origins: Origins) -> Iterator[Problem]:
    """What contradicts what: a synonym of two tissues, a rate for no printer, a layer or a heat that no printer has."""
    yield from _synonyms(_kind(loaded, "tissues", Tissue), origins)
    yield from _rates(_kind(loaded, "labs", Lab), loaded["printers"], origins)
    printers = _kind(loaded, "printers", Printer)
    yield from _layers(_kind(loaded, "processes", Process), printers, origins)
    yield from _heat(_kind(loaded, "materials", Material), printers, origins)


def _kind(loaded: Loaded, kind: str, _: type[M]) -> Mapping[str, M]:
    return cast(Mapping[str, M], loaded[kind])


def _synonyms(tissues: Mapping[str, Tissue], origins: Origins) -> Iterator[Problem]:
    claimed: dict[tuple[str, ...], str] = {}
    for tissue_id, tissue in tissues.items():
        file = origins[f"tissues/{tissue_id}"].get("synonyms", DEFAULT)
        for words in Vocabulary.words_of(tissue):
            first = claimed.setdefault(words, tissue_id)
            if first != tissue_id:
                message = f"{' '.join(words)!r} also stands for the tissue {first!r}"
                yield Problem(file=file, key=f"{tissue_id}.synonyms", message=message)


def _rates(labs: Mapping[str, Lab], printers: Collection[str], origins: Origins) -> Iterator[Problem]:
    for lab_id, lab in labs.items():
        for printer_id in lab.machine_per_h:
            if printer_id != "default" and printer_id not in printers:
                file = origins[f"labs/{lab_id}"][f"machine_per_h.{printer_id}"]
                near = nearest(printer_id, printers)
                yield Problem(file=file, key=f"machine_per_h.{printer_id}", message=f"is not a printer{near}")


def _layers(processes: Mapping[str, Process], printers: Mapping[str, Printer], origins: Origins) -> Iterator[Problem]:
    """Layers higher than the widest nozzle; for one printer it is checked when a process is chosen for it."""
    nozzles_mm = {printer.id: printer.fdm.nozzle_mm for printer in printers.values() if printer.fdm}
    if not nozzles_mm:
        return
    widest = max(nozzles_mm, key=lambda printer_id: nozzles_mm[printer_id])
    for process in processes.values():
        for key in ("layer_height_mm", "first_layer_height_mm"):
            height_mm = getattr(process.fdm, key)
            if height_mm > nozzles_mm[widest]:
                message = (
                    f"is {height_mm:g} mm, and a layer is no higher than the nozzle is wide: the widest is the "
                    f"{nozzles_mm[widest]:g} mm of {widest}"
                )
                file = origins[f"processes/{process.id}"].get(f"fdm.{key}", DEFAULT)
                yield Problem(file=file, key=f"fdm.{key}", message=message)


def _heat(materials: Mapping[str, Material], printers: Mapping[str, Printer], origins: Origins) -> Iterator[Problem]:
    """Filaments that no printer can heat; one that some can is a finding of the case that wants it."""
    heads = {printer.id: printer.fdm for printer in printers.values() if printer.fdm}
    for material in materials.values():
        if material.fdm is None or not heads:
            continue
        for key, limit in (
            ("nozzle_c", "nozzle_max_c"),
            ("nozzle_first_layer_c", "nozzle_max_c"),
            ("bed_c", "bed_max_c"),
        ):
            needed_c = getattr(material.fdm, key)
            hottest = max(heads, key=lambda printer_id: float(getattr(heads[printer_id], limit)))
            most_c = getattr(heads[hottest], limit)
            if needed_c > most_c:
                message = f"is {needed_c:g} deg C, which no printer reaches: {hottest} has the most, {most_c:g} deg C"
                file = origins[f"materials/{material.id}"].get(f"fdm.{key}", DEFAULT)
                yield Problem(file=file, key=f"fdm.{key}", message=message)
