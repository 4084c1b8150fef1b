"""Anatomy in names: which tissue and which side the name of a file or a part speaks of.

A name is cut into words at everything that is no letter or digit, at camelCase and between letters and digits; accents
and capitals do not matter. A synonym matches as a run of whole words, so ``rib`` is never found in ``fibrosis``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from printprep.casefile import Side
from printprep.profiles.models import Tissue

Words = tuple[str, ...]

SIDES: Final[dict[str, Side]] = {
    "left": "left", "lt": "left", "sin": "left", "sinister": "left", "sinistra": "left", "links": "left",
    "linke": "left", "linker": "left", "linkes": "left", "gauche": "left",
    "right": "right", "rt": "right", "dex": "right", "dexter": "right", "dextra": "right", "rechts": "right",
    "rechte": "right", "rechter": "right", "rechtes": "right", "droite": "right",
}  # fmt: skip
"""Words that say a side."""

LETTERS: Final[dict[str, Side]] = {"l": "left", "r": "right"}
"""Letters that say a side when they are the first or last word; a number after them makes them a vertebra's level."""

PLACES: Final = frozenset({
    "anterior", "posterior", "superior", "inferior", "medial", "lateral", "proximal", "distal", "upper", "lower",
    "middle", "inner", "outer", "cranial", "caudal", "dorsal", "ventral", "median", "central", "peripheral", "ant",
    "post", "pos", "sup", "inf", "med", "lat", "posmed", "antlat", "anterolateral", "anteromedial", "posterolateral",
    "posteromedial", "superolateral", "superomedial", "inferolateral", "inferomedial",
})  # fmt: skip
"""Words of place that may stand in a canonical name."""

COUNTED: Final = frozenset({
    "vertebra", "vertebrae", "wirbel", "rib", "ribs", "rippe", "rippen", "segment", "segments", "metacarpal",
    "metatarsal", "phalanx",
})  # fmt: skip
"""Anatomy that is counted, so that a number of one or two digits beside it belongs to it."""

QUALIFIERS: Final = frozenset({
    "part", "piece", "fragment", "half", "cut", "section", "base", "lid", "plug", "copy", "model", "guide", "template",
    "splint", "plate", "screw", "implant", "mirror", "mirrored", "whole", "remnant", "residual", "healthy", "normal",
    "pathology", "pathologic", "lesion", "defect", "fracture", "wall", "surface", "inside", "outside", "interior",
    "exterior", "front", "back", "top", "bottom", "main", "minor", "major", "small", "large", "long", "short", "first",
    "second", "third", "fourth", "fifth", "and", "with", "without", "teil", "und", "mit", "ohne", "rest", "modell",
    "male", "female", "adult", "child", "fetal", "organ", "organs", "tissues", "anatomy", "anatomical", "structure",
    "structures", "region", "cavity", "joint", "tube", "bodies", "limb", "leg", "neck", "torso", "abdomen", "chest",
    "object", "mesh", "specimen", "phantom",
})  # fmt: skip
"""Words that say what is printed of an anatomy, or a kind or region of it, and name nobody; they may stand in the name
that a case gives a part."""

LEVELS: Final = frozenset("ctls")
"""First letter of a vertebra's level: cervical, thoracic, lumbar, sacral."""

_LETTERS_ONLY = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def words_in(name: str) -> Words:
    """The words of a name, in small ASCII letters; ``VH_F_leftVentricle2`` gives vh, f, left, ventricle, 2."""
    composed = unicodedata.normalize("NFC", name).translate(_UMLAUTS)
    plain = unicodedata.normalize("NFKD", composed).encode("ascii", "ignore").decode()
    return tuple(word.lower() for word in _CAMEL.findall(plain))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All synonyms of all tissues, as runs of words."""

    tissues: Mapping[Words, Tissue]
    longest: int  # words of the longest synonym

    @staticmethod
    def words_of(tissue: Tissue) -> set[Words]:
        """The runs of words that stand for a tissue: its id and its synonyms."""
        return {words for words in map(words_in, (tissue.id, *tissue.synonyms)) if words}

    @classmethod
    def of(cls, tissues: Mapping[str, Tissue]) -> Vocabulary:
        """The vocabulary of tissues by id."""
        known = {words: tissue for tissue in tissues.values() for words in cls.words_of(tissue)}
        return cls(known, max(map(len, known), default=0))

    def recognise(self, name: str) -> tuple[str | None, Side | None]:
        """Tissue and side of a name.

        What sits in an organ wins over the organ, then the synonym of most words, then the tissue of the higher
        priority (kidney vein), then the synonym of most letters, then the last.
        """
        words = words_in(name)
        spans = self._spans(words)
        taken = {k for start, end in spans for k in range(start, end)}
        sides = {side for _, side in _sides(words, taken)}
        side = sides.pop() if len(sides) == 1 else None

        def rank(span: tuple[int, int]) -> tuple[bool, int, int, int, int]:
            start, end = span
            tissue = self.tissues[words[start:end]]
            return tissue.in_host, end - start, tissue.priority, sum(map(len, words[start:end])), start

        best = max(spans, key=rank, default=None)
        return (self.tissues[words[best[0] : best[1]]].id if best else None), side

    def canonical(self, name: str) -> str | None:
        """The anatomy in a name with its places, numbers and side, joined by ``-``; None if there is none."""
        words = words_in(name)
        spans = self._spans(words)
        if not spans:
            return None
        taken = {k for start, end in spans for k in range(start, end)}
        kept = {k: words[k] for k in taken}
        kept |= {k: word for k, word in enumerate(words) if k not in taken and word in PLACES}
        kept |= dict(_numbers(words, taken))
        kept |= dict(_sides(words, taken))
        return "-".join(kept[k] for k in sorted(kept))

    def foreign(self, name: str) -> tuple[str, ...]:
        """Words of a name that are no anatomy, place, side or qualifier, and so could be a person's name.

        A number and a word of one or two letters pass; a word in other letters than ours never does.
        """
        anatomy = {word for words in self.tissues for word in words}
        known = anatomy.union(*map(words_in, (tissue.name for tissue in self.tissues.values())))
        known |= PLACES | QUALIFIERS | COUNTED | SIDES.keys()
        unknown = [word for word in words_in(name) if word.isalpha() and len(word) >= 3 and word not in known]
        return (*unknown, *(run for run in _LETTERS_ONLY.findall(name) if not words_in(run)))

    def _spans(self, words: Words) -> list[tuple[int, int]]:
        """The runs that are synonyms, longest first, none overlapping another, as (start, end)."""
        spans: list[tuple[int, int]] = []
        for length in range(min(self.longest, len(words)), 0, -1):
            for start in range(len(words) - length, -1, -1):
                end = start + length
                free = all(end <= s or start >= e for s, e in spans)
                if free and words[start:end] in self.tissues:
                    spans.append((start, end))
        return spans


def _sides(words: Words, taken: set[int]) -> list[tuple[int, Side]]:
    """Words outside the anatomy that say a side, by place."""
    found: list[tuple[int, Side]] = [(k, SIDES[w]) for k, w in enumerate(words) if w in SIDES and k not in taken]
    if found:
        return found
    ends = {k for k in (0, len(words) - 1) if 0 <= k < len(words)} - taken
    return [
        (k, LETTERS[words[k]])
        for k in sorted(ends)
        if words[k] in LETTERS and not (k + 1 < len(words) and words[k + 1].isdigit())
    ]


def _numbers(words: Words, taken: set[int]) -> list[tuple[int, str]]:
    """Numbers and levels of counted anatomy, by place: the T12 of a vertebra, the 7 of a rib."""
    if not any(words[k] in COUNTED for k in taken):
        return []
    found: list[tuple[int, str]] = []
    for k, word in enumerate(words):
        if not (word.isdigit() and 1 <= int(word) <= 33 and len(word) <= 2):
            continue
        before = k - 1
        if before >= 0 and words[before] in LEVELS:
            found.append((before, f"{words[before]}{word}"))
            continue
        while before >= 0 and words[before] in SIDES:
            before -= 1
        if before in taken and words[before] in COUNTED:
            found.append((k, word))
    return found
