"""The G-code of a profile with its placeholders filled in, for engines that cannot do it as PrusaSlicer does.

A profile says its start, end and tool-change G-code once, in PrusaSlicer's language: ``{temperature[next_extruder]}``,
``{if layer_num < 1} ... {elsif} ... {else} ... {endif}``. CuraEngine copies such text as it stands and Slic3r 1.3 knows
other words, so the text that reaches their files is filled in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from printprep.errors import ProfileError
from printprep.slicers.expression import FAULTS, FUNCTIONS, evaluate

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_WORDS: Final = {"&&": " and ", "||": " or "}
_BANG: Final = re.compile(r"!(?!=)")
_CALLS: Final = {key: FUNCTIONS[key] for key in ("abs", "int", "max", "min", "round")}


def fill(template: str, values: Mapping[str, Any], where: str) -> str:
    """``template`` with its placeholders filled in and its line ends kept; lines that become empty are gone.

    Parameters
    ----------
    template
        G-code with ``{expression}`` and ``{if …}``.
    values
        What each name stands for: a number, text, or a sequence with a value a tool.
    where
        Which text of which profile it is, for messages.

    Raises
    ------
    ProfileError
        A name that is unknown, an expression that makes no sense, an ``{if}`` without its end.
    """
    pieces = _FIELD.split(template)  # text, field, text, field ... text
    kept: list[str] = []
    # one row an open {if}: whether this branch is taken, whether one was, whether what is around is
    branches: list[tuple[bool, bool, bool]] = []
    for number, piece in enumerate(pieces):
        taken = not branches or branches[-1][0]
        if number % 2 == 0:
            kept += [piece] if taken else []
            continue
        word, _, rest = piece.strip().partition(" ")
        if word == "if":
            here = taken and bool(_worth(rest, values, where))
            branches.append((here, here, taken))
        elif word in ("elsif", "else", "endif"):
            if not branches:
                raise ProfileError(f"{where} has {{{word}}} without an {{if}} before it; correct the profile")
            _, done, around = branches.pop()
            if word != "endif":
                here = around and not done and (word == "else" or bool(_worth(rest, values, where)))
                branches.append((here, done or here, around))
        elif taken:
            kept.append(_text(_worth(piece, values, where)))
    if branches:
        raise ProfileError(f"{where} has an {{if}} without its {{endif}}; correct the profile")
    return "".join(f"{line}\n" for line in _lines("".join(kept)))


def _lines(text: str) -> Iterator[str]:
    return (line.rstrip() for line in text.splitlines() if line.strip())


def _worth(expression: str, values: Mapping[str, Any], where: str) -> Any:
    """The value of an expression in PrusaSlicer's language."""
    text = _BANG.sub(" not ", expression)
    for theirs, ours in _WORDS.items():
        text = text.replace(theirs, ours)

    def named(word: str) -> Any:
        if word in values:
            return values[word]
        raise LookupError(f"{word} is no placeholder that is known here")

    try:
        return evaluate(text, named, _CALLS)
    except FAULTS as exc:
        raise ProfileError(f"{where} has {{{expression}}}, which cannot be filled in: {exc}") from exc


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
