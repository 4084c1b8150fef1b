"""What each object of each file is: the part's name, its tissue and its side.

A name is made of anatomy or of a number, never of what else a file's name holds. Tissue and side come from what the
case says or from names; nothing is read out of a shape, since 17 % of one series of congenital hearts were
dextrocardias.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from printprep.case import Finding, Severity
from printprep.casefile import PartWish, Side
from printprep.errors import CaseError, ProfileError
from printprep.formats import NamedMesh
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.weld import weld_vertices
from printprep.opaque import dates_in
from printprep.profiles.load import Profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What becomes a part, with everything that was said about it: an object of a file, or several that are one."""

    path: Path
    sha256: str
    objects: tuple[NamedMesh, ...]
    positions: tuple[int, ...]  # of the objects in their file
    alone: bool  # all that its file holds, or what the case names
    wish: PartWish | None = None
    wish_key: str = ""  # where the wish stands, such as ``case.toml: parts[1]``

    @property
    def names(self) -> tuple[str, ...]:
        """Of the objects that have one."""
        return tuple(one.name for one in self.objects if one.name)

    @property
    def unit(self) -> str | None:
        """That the file says."""
        return self.objects[0].unit

    def placed(self) -> Mesh:
        """The objects where they lie in the file, faces in order; of several, equal vertices are one."""
        if len(self.objects) == 1:
            return self.objects[0].placed()
        return weld_vertices(join([one.placed() for one in self.objects]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """An object and what it is."""

    asked: Asked
    name: str
    tissue: str | None
    side: Side | None


def identify(
    asked: Sequence[Asked], profiles: Profiles, *, side: Side | None = None
) -> tuple[tuple[Identified, ...], tuple[Finding, ...]]:
    """Name, tissue and side of every object, and what is doubtful about them.

    Parameters
    ----------
    side
        Of paired anatomy that says none.

    Raises
    ------
    CaseError
        The case names a tissue or a material that no profile has.
    """
    names = _names(asked, profiles)
    identified: list[Identified] = []
    findings: list[Finding] = []
    for position, (one, name) in enumerate(zip(asked, names, strict=True), start=1):
        _check_ids(one, profiles)
        tissue = _tissue(one, profiles)
        said = _side(one, tissue, profiles, side)
        identified.append(Identified(asked=one, name=name, tissue=tissue, side=said))
        findings += _doubts(identified[-1], position, len(asked), profiles)
    findings += _twice(identified)
    return tuple(identified), tuple(findings)


def _said(one: Asked) -> list[str]:
    """Every name that speaks of an object, the most deliberate first."""
    wish = [one.wish.name] if one.wish else []
    stem = [one.path.stem] if one.alone else []
    return [*wish, *one.names, *stem] if one.alone else [*one.names, *wish]


def _names(asked: Sequence[Asked], profiles: Profiles) -> list[str]:
    """A name for each object, each name once."""
    taken = {one.wish.name for one in asked if one.wish and one.alone}
    names: list[str] = []
    for position, one in enumerate(asked, start=1):
        if one.wish and one.alone:
            names.append(one.wish.name)
            continue
        told = one.names if one.wish or not one.alone else (*one.names, one.path.stem)
        anatomy = next(filter(None, (profiles.canonical_name(text) for text in told)), None)
        names.append(_free(anatomy or (one.wish.name if one.wish else f"part-{position}"), taken))
        taken.add(names[-1])
    return names


def _free(name: str, taken: set[str]) -> str:
    """``name``, or with the first number from 2 that makes it a new one."""
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _check_ids(one: Asked, profiles: Profiles) -> None:
    if one.wish is None:
        return
    for key, known, wished in (
        ("tissue", profiles.tissue, one.wish.tissue),
        ("material", profiles.material, one.wish.material),
    ):
        try:
            if wished is not None:
                known(wished)
        except ProfileError as exc:
            raise CaseError(f"{one.wish_key}.{key}: {exc}") from exc


def _tissue(one: Asked, profiles: Profiles) -> str | None:
    if one.wish and one.wish.tissue:
        return one.wish.tissue
    return next(filter(None, (profiles.tissue_for(text)[0] for text in _said(one))), None)


def _side(one: Asked, tissue: str | None, profiles: Profiles, default: Side | None) -> Side | None:
    if one.wish and one.wish.side:
        return one.wish.side
    sides = _sides(one, tissue, profiles)
    named = sides[0] if sides else None
    if named is None and tissue is not None and profiles.tissue(tissue).paired:
        return default
    return named


def _sides(one: Asked, tissue: str | None, profiles: Profiles) -> list[Side]:
    """The sides that names speak of, in order.

    Of an organ that is there once, left and right objects that are one part are its halves: they say no side of it.
    """
    objects = {side for text in one.names if (side := profiles.tissue_for(text)[1])}
    halves = len(objects) > 1 and len(one.objects) > 1 and tissue is not None and not profiles.tissue(tissue).paired
    said = [text for text in _said(one) if not (halves and text in one.names)]
    return [side for text in said if (side := profiles.tissue_for(text)[1])]


def _doubts(one: Identified, position: int, count: int, profiles: Profiles) -> Iterator[Finding]:
    wish, said = one.asked.wish, _said(one.asked)
    recognised = {tissue for text in said if (tissue := profiles.tissue_for(text)[0])}
    if wish is None and not recognised:
        yield Finding(
            code="name-not-recognised",
            severity=Severity.WARNING,
            part=one.name,
            message=f"the name of object {position} of {count} is no anatomy that a tissue profile knows; "
            f"it is called {one.name}, so that what else its name holds does not travel",
        )
    suspicious = (*profiles.foreign_words(one.name), *dates_in(one.name))
    if suspicious:
        yield _could_identify(one, suspicious, profiles)
    if one.tissue is None:
        yield _without_tissue(one)
    elif one.asked.alone and len(recognised) > 1 and not (wish and wish.tissue):
        yield Finding(
            code="name-contradiction",
            severity=Severity.WARNING,
            part=one.name,
            message=f"the names of {one.name} and of its file speak of {', '.join(sorted(recognised))}; "
            f"it is taken for {one.tissue}: check that the meshes are not switched",
            value=one.tissue,
        )
    yield from _doubts_of_side(one, profiles)


def _could_identify(one: Identified, suspicious: Sequence[str], profiles: Profiles) -> Finding:
    """Error ``name-may-identify``: the case calls a part by words that could be a person's."""
    anatomy = profiles.canonical_name(one.name) or one.tissue
    better = f'name = "{anatomy}"' if anatomy else "the anatomy, or part-1,"
    return Finding(
        code="name-may-identify",
        severity=Severity.ERROR,
        part=one.name,
        message=f"the name {one.name!r} holds {', '.join(suspicious)}, which no tissue profile knows and which could "
        f"be a person's, and it travels in G-code, 3MF and report: say {better} in case.toml, or, if it names nobody, "
        "accept this code with a reason",
        value=", ".join(suspicious),
        limit=anatomy,
    )


def _without_tissue(one: Identified) -> Finding:
    material = one.asked.wish.material if one.asked.wish else None
    if material is not None:
        consequence = f"it is printed in {material} as asked, its size and side are not checked"
    else:
        consequence = "no material can be chosen: say tissue or material of it in case.toml"
    return Finding(
        code="tissue-not-recognised",
        severity=Severity.WARNING if material else Severity.ERROR,
        part=one.name,
        message=f"the tissue of {one.name} is not known; {consequence}",
    )


def _doubts_of_side(one: Identified, profiles: Profiles) -> Iterator[Finding]:
    sides = set(_sides(one.asked, one.tissue, profiles))
    declared = one.asked.wish.side if one.asked.wish else None
    if declared is not None:
        sides.add(declared)
    if len(sides) > 1:
        whom = f"the case says {declared}, a name of it" if declared else "one of its names says left, another"
        other = next(iter(sides - {declared})) if declared else "right"
        yield Finding(
            code="side-contradiction",
            severity=Severity.ERROR,
            part=one.name,
            message=f"the side of {one.name} is contradictory: {whom} says {other}; find out which it is",
            value=one.side,
        )
    elif one.side is None and one.tissue is not None and profiles.tissue(one.tissue).paired:
        yield Finding(
            code="side-not-said",
            severity=Severity.WARNING,
            part=one.name,
            message=f"{one.tissue} exists left and right and nothing says which {one.name} is; say side of it in "
            "case.toml: it is not inferred from the shape",
        )


def _twice(identified: Sequence[Identified]) -> Iterator[Finding]:
    """Error ``same-mesh`` for two parts that are, or share, the same object of the same bytes."""
    first: dict[tuple[str, int], Identified] = {}
    for one in identified:
        keys = [(one.asked.sha256, position) for position in one.asked.positions]
        for before in {found.name: found for key in keys if (found := first.setdefault(key, one)) is not one}.values():
            shared = len(set(one.asked.positions) & set(before.asked.positions))
            same = shared == len(one.asked.positions) == len(before.asked.positions)
            what = "are the same mesh" if same else f"are made of {shared} objects in common"
            yield Finding(
                code="same-mesh",
                severity=Severity.ERROR,
                part=one.name,
                message=f"{one.name} and {before.name} {what}; name the file and objects of each in case.toml",
                value=before.name,
            )
