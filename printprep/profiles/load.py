"""Reads profiles: TOML files that inherit, laid over each other, checked against :mod:`printprep.profiles.models`.

A folder of profiles has a folder a kind. ``printers/ materials/ processes/ labs/`` hold one profile a file, named by
the file; ``tissues/`` holds one table a tissue, many to a file. A profile whose name begins with ``_`` is only there
to be inherited from. ``inherits = "id"`` or a list of ids of the same kind: tables merge key by key, everything else
is replaced, the later parent wins and the profile itself wins over all.

A lab lays its own folder over the shipped one. A profile there takes the place of the shipped one of that id, and may
inherit it by naming itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar, cast

from printprep.casefile import Side
from printprep.errors import ProfileError
from printprep.profiles.inherit import Shelf
from printprep.profiles.models import Lab, Material, Printer, Process, Profile, Tissue
from printprep.profiles.names import Vocabulary
from printprep.profiles.problems import Problem, nearest
from printprep.profiles.together import across, strays

M = TypeVar("M", bound=Profile)

KINDS: Final[dict[str, type[Profile]]] = {
    "printers": Printer,
    "materials": Material,
    "processes": Process,
    "tissues": Tissue,
    "labs": Lab,
}
"""The kinds of profile, by folder."""

SINGULAR: Final = {
    "printers": "printer",
    "materials": "material",
    "processes": "process",
    "tissues": "tissue",
    "labs": "lab",
}

OVERLAY_VARIABLE: Final = "PRINTPREP_PROFILES"
"""Environment variable that names a lab's own folder of profiles."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles of a lab, checked, by id."""

    printers: Mapping[str, Printer]
    materials: Mapping[str, Material]
    processes: Mapping[str, Process]
    tissues: Mapping[str, Tissue]
    labs: Mapping[str, Lab]
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)  # "kind/id": {key: file}
    _vocabulary: Vocabulary = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_vocabulary", Vocabulary.of(self.tissues))

    def printer(self, printer_id: str) -> Printer:
        """The printer of that id; a ProfileError with near matches if there is none."""
        return _pick("printer", self.printers, printer_id)

    def material(self, material_id: str) -> Material:
        """The material of that id; a ProfileError with near matches if there is none."""
        return _pick("material", self.materials, material_id)

    def process(self, process_id: str) -> Process:
        """The process of that id; a ProfileError with near matches if there is none."""
        return _pick("process", self.processes, process_id)

    def tissue(self, tissue_id: str) -> Tissue:
        """The tissue of that id; a ProfileError with near matches if there is none."""
        return _pick("tissue", self.tissues, tissue_id)

    def lab(self, lab_id: str | None = None) -> Lab:
        """The lab of that id, or without an id the only one there is or the one called ``default``.

        Raises
        ------
        ProfileError
            No such lab, or several and none of them named.
        """
        if lab_id is not None:
            return _pick("lab", self.labs, lab_id)
        if len(self.labs) == 1:
            return next(iter(self.labs.values()))
        return _pick("lab", self.labs, "default")

    def of_kind(self, kind: str) -> Mapping[str, Profile]:
        """The profiles of one kind, ``printers`` or ``printer`` and so on, by id."""
        return cast(Mapping[str, Profile], getattr(self, kind_named(kind)))

    def find(self, name: str) -> tuple[str, Profile]:
        """Kind and profile of ``kind/id`` or of an ``id`` that only one kind has.

        Raises
        ------
        ProfileError
            Nothing of that name, or several kinds have it.
        """
        if "/" in name:
            kind, _, profile_id = name.partition("/")
            return kind_named(kind), _pick(SINGULAR[kind_named(kind)], self.of_kind(kind), profile_id)
        found = [(kind, self.of_kind(kind)[name]) for kind in KINDS if name in self.of_kind(kind)]
        if len(found) > 1:
            kinds = " or ".join(f"{kind}/{name}" for kind, _ in found)
            raise ProfileError(f"{name!r} is the id of several profiles; write {kinds}")
        if not found:
            everything = {i: p for kind in KINDS for i, p in self.of_kind(kind).items()}
            _pick(" or ".join(SINGULAR.values()), everything, name)
        return found[0]

    def origin(self, kind: str, profile_id: str) -> Mapping[str, str]:
        """File that each value of a profile came from, by key path (``bed.width_mm``); :data:`DEFAULT`: no file."""
        _pick(SINGULAR[kind_named(kind)], self.of_kind(kind), profile_id)
        return self.origins[f"{kind_named(kind)}/{profile_id}"]

    def tissue_for(self, name: str) -> tuple[str | None, Side | None]:
        """Tissue and side that the name of a file or a part speaks of; None: not recognised, never a guess.

        What sits in an organ wins over the organ (kidney tumour), then the longest synonym. A "left" that belongs to
        the anatomy, as in left ventricle, is no side.
        """
        return self._vocabulary.recognise(name)

    def canonical_name(self, name: str) -> str | None:
        """What is anatomy in a name, joined by ``-``, so that nothing else in it travels; None: nothing is.

        Examples
        --------
        ``Smith_John_aorta_true_lumen`` gives ``aorta-true-lumen``.
        """
        return self._vocabulary.canonical(name)

    def foreign_words(self, name: str) -> tuple[str, ...]:
        """Words of three letters and more in a name that no tissue knows and that are no place, side or qualifier."""
        return self._vocabulary.foreign(name)


def kind_named(name: str) -> str:
    """The folder of a kind from its folder or its singular: ``printer`` and ``printers`` are ``printers``."""
    for kind, singular in SINGULAR.items():
        if name in (kind, singular):
            return kind
    raise ProfileError(f"{name!r} is not a kind of profile; the kinds are {', '.join(KINDS)}{nearest(name, KINDS)}")


def shipped_directory() -> Path:
    """Where the profiles that come with printprep are: beside this file in a wheel, at the top level in a checkout."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "data", package.parent.parent / "profiles"):
        if (candidate / "printers").is_dir():
            return candidate
    raise ProfileError(
        f"the shipped profiles are missing: neither {package / 'data'} nor a checkout's profiles/ exists"
    )


def load_profiles(directory: Path | None = None) -> Profiles:
    """Read the shipped profiles with a lab's own laid over them.

    Parameters
    ----------
    directory
        The lab's folder; else the one that the environment variable PRINTPREP_PROFILES names, else none.

    Raises
    ------
    ProfileError
        Every problem found, a line each: file, key, value and what is allowed.
    """
    profiles, problems = check_profiles(directory)
    if profiles is None:
        raise ProfileError("\n".join(str(problem) for problem in problems))
    return profiles


def check_profiles(directory: Path | None = None) -> tuple[Profiles | None, tuple[Problem, ...]]:
    """Read profiles as :func:`load_profiles` does, and return what is wrong with them instead of raising."""
    overlay = directory if directory is not None else _overlay_from_environment()
    if overlay is not None and not overlay.is_dir():
        return None, (Problem(file=str(overlay), key="", message="is not a folder of profiles"),)
    layers = [shipped_directory(), *([overlay] if overlay is not None else [])]
    problems = list(strays(overlay, KINDS)) if overlay is not None else []
    loaded: dict[str, dict[str, Profile]] = {}
    origins: dict[str, dict[str, str]] = {}
    for kind, model in KINDS.items():
        shelf = Shelf(kind, problems)
        for layer, root in enumerate(layers):
            shelf.read(root, "" if layer == 0 else f"{root}/")
        loaded[kind] = {}
        for profile_id in shelf.listed():
            profile, origin = shelf.build(profile_id, model)
            if profile is not None:
                loaded[kind][profile_id] = profile
                origins[f"{kind}/{profile_id}"] = origin
    if not problems:
        problems.extend(across(loaded, origins))
    if problems:
        return None, tuple(problems)
    return Profiles(**loaded, origins=origins), ()  # type: ignore[arg-type]


def _overlay_from_environment() -> Path | None:
    named = os.environ.get(OVERLAY_VARIABLE, "")
    return Path(named) if named else None


def _pick(kind: str, shelf: Mapping[str, M], profile_id: str) -> M:
    if profile_id not in shelf:
        near = nearest(profile_id, shelf)
        known = f"; known: {', '.join(sorted(shelf))}" if len(shelf) <= 20 else ""
        raise ProfileError(f"no {kind} {profile_id!r} among the profiles{near}{known}")
    return shelf[profile_id]
