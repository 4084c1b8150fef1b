"""Reading a case: from a case.toml, a folder or bare meshes to a :class:`printprep.case.Case`.

Everything that is decided on the way is a finding or an error: units, tissue, side, mirroring, the turn from LPS to
RAS, the scale. Names of files stay here: a part is called by its anatomy or by a number, because names of parts travel
in G-code and 3MF, and a file may be named after a patient.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from printprep.case import Case, Finding, Part, Severity, Source
from printprep.casefile import CaseFile, CaseHeader, Limits, OrientWish, PartWish, Side, Split, SupportsWish
from printprep.errors import CaseError, ProfileError
from printprep.files import sha256_of
from printprep.formats import FORMATS, NamedMesh, read_meshes
from printprep.geometry.mesh import Mesh
from printprep.opaque import is_opaque
from printprep.prepare.intake.casefile import FILE_NAME, checked_header, read_case_file
from printprep.prepare.intake.frame import PrintFrame, frame_findings, mirrored_by_files, print_frame
from printprep.prepare.intake.labels import label_of, text_findings
from printprep.prepare.intake.naming import Asked, Identified, identify
from printprep.prepare.intake.sizes import settle_units, too_small
from printprep.prepare.intake.zones import painted_zones, with_critical, zone_parts
from printprep.profiles.load import Profiles
from printprep.profiles.models import Lab
from printprep.profiles.problems import nearest
from printprep.progress import SILENT, Progress
from printprep.units import MM_PER_UNIT

_UNNAMED: Final = "unnamed"

READERS: Final = min(4, os.cpu_count() or 1)
"""Files read at a time; the weld runs without the interpreter's lock, so that two cores halve the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What meshes are, before a case says anything of them."""

    case_id: str  # made of their bytes
    objects: tuple[Identified, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be read: the files in order, each with the wish that names it."""

    case_file: Path | None  # the case.toml, if there is one
    case: CaseFile | None
    files: tuple[tuple[Path, PartWish | None], ...]
    ignored: int = 0  # files of a folder that are no meshes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A file as it was read."""

    sha256: str
    objects: tuple[NamedMesh, ...]


def read_case(
    sources: Path | Sequence[Path],
    profiles: Profiles,
    *,
    units: str | None = None,
    scale: float | None = None,
    case_id: str | None = None,
    side: Side | None = None,
    synthetic: bool = False,
    progress: Progress = SILENT,
) -> Case:
    """Read a case, check it against its anatomy, and bring every mesh to mm, RAS and the scale of the print.

    Parameters
    ----------
    sources
        One case.toml or a folder that holds one; or folders of meshes and mesh files.
    units
        Of files that have none: mm, cm, m, in, um.
    scale
        Size of the print over size of the anatomy.
    case_id
        Opaque; without one it is made from a hash of the files.
    side
        Of paired anatomy whose name does not say it.
    synthetic
        No patient: a demonstration or a test.

    Returns
    -------
    Case
        With what was decided and what is doubtful in ``findings``.

    Raises
    ------
    MeshError
        A mesh that cannot be read.
    CaseError
        A case that contradicts itself or its files, or says no unit where files have none.
    """
    wanted = _find([sources] if isinstance(sources, Path) else list(sources))
    said = checked_header(id=case_id or _UNNAMED, units=units, scale=scale, synthetic=synthetic or None)
    header = _merged(said, wanted)
    loaded = _load(tuple(dict.fromkeys(path for path, _ in wanted.files)), progress)
    _check_materials(wanted, profiles)
    identified, doubts = identify(tuple(_asked(wanted, loaded)), profiles, side=side)
    if header.id == _UNNAMED:
        header = header.model_copy(update={"id": _opaque_id(loaded.values())})
    doubts = (*_left_out(wanted, loaded), *doubts)
    return _brought_together(wanted, header, identified, doubts, profiles)


def _brought_together(
    wanted: _Wanted,
    header: CaseHeader,
    identified: Sequence[Identified],
    doubts: Sequence[Finding],
    profiles: Profiles,
) -> Case:
    """The case: every mesh in mm, RAS, at the scale of the print, and all findings."""
    meshes = [one.asked.placed() for one in identified]
    settled, misfits = settle_units(identified, meshes, header.units, profiles)
    by_file = mirrored_by_files(identified, header)
    bounds_mm = [mesh.bounds_mm * MM_PER_UNIT[unit] for mesh, unit in zip(meshes, settled, strict=True)]
    frame = print_frame(header, bounds_mm, mirrored_by_file=by_file)
    parts = tuple(
        _part(one, frame.mesh(mesh, MM_PER_UNIT[unit]), unit)
        for one, mesh, unit in zip(identified, meshes, settled, strict=True)
    )
    case = wanted.case
    if case is not None:
        parts = with_critical(parts, zone_parts(wanted.case_file, case, parts))
    return Case(
        id=header.id,
        parts=parts,
        scale=header.scale,
        mirrored=header.mirror is not None,
        synthetic=header.synthetic,
        slicer=header.slicer,
        deadline=header.deadline,
        limits=_limits(case.limits if case else None, profiles.lab()),
        keep_out=tuple(frame.zone(zone) for zone in case.keep_out) if case else (),
        critical=tuple(frame.zone(zone) for zone in case.critical) if case else (),
        painted=painted_zones(wanted.case_file, case, identified, parts) if case else (),
        orient=_orient(case.orient if case else None, frame),
        split=(case.split if case else None) or Split(),
        supports=(case.supports if case else None) or SupportsWish(),
        label=label_of(case.label, header, identified, profiles.lab()) if case and case.label else None,
        connect=case.connect if case else (),
        accept=case.accept if case else (),
        findings=(
            *_oddities(wanted, identified),
            *doubts,
            *misfits,
            *filter(None, (too_small(part.name, part.mesh, header.scale) for part in parts)),
            *text_findings(case.label if case else None, header.id, profiles),
            *frame_findings(header, mirrored_by_file=by_file),
        ),
    )


def _orient(wish: OrientWish | None, frame: PrintFrame) -> OrientWish | None:
    """What is to be up, in the frame of the print."""
    return wish.model_copy(update={"up": frame.direction(wish.up)}) if wish and wish.up else wish


def survey(sources: Sequence[Path], profiles: Profiles, progress: Progress = SILENT) -> Survey:
    """What meshes are, by their names alone: nothing is asked for, nothing is moved.

    Parameters
    ----------
    sources
        Folders of meshes and mesh files; none of them a case.toml.
    """
    wanted = _find(sources)
    loaded = _load(tuple(dict.fromkeys(path for path, _ in wanted.files)), progress)
    identified, findings = identify(tuple(_asked(wanted, loaded)), profiles)
    return Survey(case_id=_opaque_id(loaded.values()), objects=identified, findings=findings)


def _find(sources: Sequence[Path]) -> _Wanted:
    """The files that ``sources`` name."""
    case_files = [s for s in (_case_file(source) for source in sources) if s is not None]
    if case_files and len(sources) > 1:
        raise CaseError(f"{case_files[0]} is a whole case; hand it over alone, and name all meshes in it")
    if case_files:
        case = read_case_file(case_files[0])
        files = tuple((_mesh_path(case_files[0], k, part), part) for k, part in enumerate(case.parts))
        return _Wanted(case_file=case_files[0], case=case, files=files)
    files_found: list[Path] = []
    ignored = 0
    for source in sources:
        if not source.is_dir():
            files_found.append(source)
            continue
        meshes, others = _meshes_in(source)
        files_found += meshes
        ignored += others
    twice = [path for path, count in Counter(path.resolve() for path in files_found).items() if count > 1]
    if twice:
        raise CaseError(f"{twice[0]} is named more than once; a file is one part, or one a part of it")
    if not files_found:
        raise CaseError("no mesh was named; name a case.toml, a folder of meshes or mesh files")
    return _Wanted(case_file=None, case=None, files=tuple((path, None) for path in files_found), ignored=ignored)


def _case_file(source: Path) -> Path | None:
    """The case.toml that ``source`` is or holds."""
    if source.suffix.lower() == ".toml":
        return source
    return source / FILE_NAME if (source / FILE_NAME).is_file() else None


def _meshes_in(folder: Path) -> tuple[list[Path], int]:
    """The meshes of a folder, by name, and how many other files there are."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    meshes = [path for path in files if path.suffix.lower() in FORMATS]
    if not meshes:
        raise CaseError(f"{folder}: no mesh in this folder; it may hold {', '.join(FORMATS)} files or a {FILE_NAME}")
    return meshes, len(files) - len(meshes)


def _mesh_path(case_file: Path, index: int, part: PartWish) -> Path:
    path = case_file.parent / part.mesh
    if path.is_file():
        return path
    there = [p.name for p in case_file.parent.iterdir() if p.suffix.lower() in FORMATS]
    raise CaseError(f"{case_file}: parts[{index}].mesh: there is no file {path}{nearest(part.mesh, there)}")


def _merged(said: CaseHeader, wanted: _Wanted) -> CaseHeader:
    """The header of the case: what the file says, and what the command line adds.

    Raises
    ------
    CaseError
        Both say something, and not the same.
    """
    if wanted.case is None:
        return said
    written = wanted.case.case
    extra = {key: getattr(said, key) for key in said.model_fields_set if getattr(said, key) not in (None, _UNNAMED)}
    for key, value in extra.items():
        in_file = getattr(written, key)
        if key in written.model_fields_set and in_file is not None and in_file != value and key != "synthetic":
            raise CaseError(
                f"{wanted.case_file}: case.{key}: is {in_file!r}, the command line says {value!r}; leave one out"
            )
    return written.model_copy(update=extra)


def _load(paths: Sequence[Path], progress: Progress) -> dict[Path, _Loaded]:
    """Every file, read once and hashed."""
    loaded: dict[Path, _Loaded] = {}
    with progress.step("read") as step, ThreadPoolExecutor(READERS) as pool:
        for path, file in zip(paths, pool.map(_load_one, paths), strict=True):
            loaded[path] = file
            step.advance(len(loaded) / len(paths), f"{len(loaded)} of {len(paths)} files")
    return loaded


def _load_one(path: Path) -> _Loaded:
    objects = read_meshes(path)
    return _Loaded(sha256=sha256_of(path), objects=objects)


def _asked(wanted: _Wanted, loaded: Mapping[Path, _Loaded]) -> Iterator[Asked]:
    """Every object that becomes a part, in order."""
    for index, (path, wish) in enumerate(wanted.files):
        file = loaded[path]
        key = f"{wanted.case_file}: parts[{index}]" if wish else ""
        chosen = _anatomy(file)
        if wish and wish.object:
            chosen = _named_objects(path, list(enumerate(file.objects)), wish.object, key)
        joined = wish is not None and wish.object is not None and len(wish.object) > 1
        for group in [chosen] if joined else [[one] for one in chosen]:
            yield Asked(
                path=path,
                sha256=file.sha256,
                objects=tuple(one for _, one in group),
                positions=tuple(position for position, _ in group),
                alone=len(group) == len(chosen),
                wish=wish,
                wish_key=key,
            )


def _anatomy(file: _Loaded) -> list[tuple[int, NamedMesh]]:
    """The objects of a file with their positions, but for what a prepared file says was added to the anatomy."""
    there = list(enumerate(file.objects))
    return [(position, one) for position, one in there if not one.added] or there


def _left_out(wanted: _Wanted, loaded: Mapping[Path, _Loaded]) -> Iterator[Finding]:
    """Info ``added-left-out`` for supports, struts and the like of prepared files, which no wish names."""
    for path in dict.fromkeys(path for path, _ in wanted.files):
        objects = loaded[path].objects
        named = {name for file, wish in wanted.files if file == path and wish for name in wish.object or ()}
        left = [one for one in objects if one.added and one.name not in named]
        if left and len(left) < len(objects):
            yield Finding(
                code="added-left-out",
                severity=Severity.INFO,
                message=f"{len(left)} of {len(objects)} objects of a prepared file are no anatomy but were added for "
                "its print, such as supports: they are left out, and made anew where they are needed",
                value=len(left),
            )


def _named_objects(
    path: Path, objects: Sequence[tuple[int, NamedMesh]], names: Sequence[str], key: str
) -> list[tuple[int, NamedMesh]]:
    """The objects of those names, in order, with their positions in the file; a CaseError that lists what is there."""
    there = [one.name for _, one in objects if one.name]
    missing = next((name for name in names if name not in there), None)
    if missing is None:
        return [(position, one) for name in names for position, one in objects if one.name == name]
    raise CaseError(
        f"{key}.object: {path} holds no object {missing!r}{nearest(missing, there)}; it holds "
        f"{', '.join(map(repr, there)) or f'{len(objects)} objects without names: leave object out'}"
    )


def _part(one: Identified, mesh: Mesh, unit: str) -> Part:
    wish, asked = one.asked.wish, one.asked
    return Part(
        name=one.name,
        mesh=mesh,
        tissue=one.tissue,
        source=Source(file=str(asked.path), sha256=asked.sha256, objects=asked.names, unit=unit),
        side=one.side,
        critical=wish.critical if wish else False,
        material=wish.material if wish else None,
        hollow=wish.hollow if wish else None,
        drop_below_mm3=wish.drop_below_mm3 if wish else None,
    )


def _oddities(wanted: _Wanted, identified: Sequence[Identified]) -> Iterator[Finding]:
    """What was odd about the files and could be settled without a guess."""
    if wanted.ignored:
        yield Finding(
            code="files-ignored",
            severity=Severity.INFO,
            message=f"{wanted.ignored} files beside the meshes are in no format that is read and were left out",
            value=wanted.ignored,
        )
    for one in identified:
        for note in dict.fromkeys(note for each in one.asked.objects for note in each.notes):
            yield Finding(code="file-oddity", severity=Severity.WARNING, part=one.name, message=f"{one.name}: {note}")


def _check_materials(wanted: _Wanted, profiles: Profiles) -> None:
    """A CaseError for a material of struts or supports that no profile has; those of parts are checked with them."""
    if wanted.case is None:
        return
    wished = [(f"connect[{k}].material", wish.material) for k, wish in enumerate(wanted.case.connect)]
    if wanted.case.supports is not None:
        wished.append(("supports.material", wanted.case.supports.material))
    for key, material in wished:
        try:
            if material is not None:
                profiles.material(material)
        except ProfileError as exc:
            raise CaseError(f"{wanted.case_file}: {key}: {exc}") from exc


def _limits(wished: Limits | None, lab: Lab) -> Limits:
    """The lab's limits, and over them what the case says."""
    house = {key: getattr(lab, key) for key in Limits.model_fields}
    return Limits.model_validate(house | (wished.model_dump(exclude_unset=True) if wished else {}))


def _opaque_id(loaded: Iterable[_Loaded]) -> str:
    """An id that says nothing but is the same for the same files, in whatever order they come."""
    digest = hashlib.sha256("".join(sorted(file.sha256 for file in loaded)).encode()).hexdigest()
    ids = (f"case-{digest[start : start + 8]}" for start in range(len(digest) - 7))
    return next(filter(is_opaque, ids))  # by chance eight digits are a date, or eight letters a word
