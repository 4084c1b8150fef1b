"""Requested settings against resolved settings, key by key.

An engine that clamps, drops or falls back does so without a word: what it wrote into its G-code is compared with what
was asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from printprep.errors import SettingNotHonoured
from printprep.plan import Setting

_TRUTH: Final = {"true": "1", "yes": "1", "false": "0", "no": "0"}
_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBERS: Final = re.compile(rf"{_NUMBER}(?:x{_NUMBER})?")  # a number, or a point such as 0x250
_ELEMENT: Final = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^,;"])*)[,;]')


def compare(requested: Mapping[str, str], resolved: Mapping[str, str], engine: str) -> tuple[Setting, ...]:
    """Every setting as requested and as resolved, by key; what was not requested is the engine's default.

    Raises
    ------
    SettingNotHonoured
        The engine resolved a requested setting to another value, or does not know it; all of them are named.
    """
    lost = [
        f"{key}: requested {requested[key]!r}, "
        + (f"resolved {resolved[key]!r}" if key in resolved else "unknown to this engine")
        for key in sorted(requested)
        if key not in resolved or not same(requested[key], resolved[key])
    ]
    if lost:
        raise SettingNotHonoured(
            f"{engine} did not honour " + "; ".join(lost) + ". Correct the profile, or use a version that knows it"
        )
    keys = sorted(requested.keys() | resolved.keys())
    return tuple(Setting(key=key, requested=requested.get(key), resolved=resolved.get(key)) for key in keys)


def same(requested: str, resolved: str) -> bool:
    """Whether two texts are one value to the engine.

    Numbers by value (``0.20`` is ``0.2``), yes and no by meaning, text without its quotes, lists element by element,
    and one value for a list that says it throughout. ``15`` is ``15%`` where the engine added the sign, since it does
    so only where a number cannot mean anything else; ``50%`` that became ``50`` is another value.
    """
    if requested == resolved:
        return True
    asked, got = _elements(requested), _elements(resolved)
    if len(asked) == 1 and len(got) > 1:
        asked = asked * len(got)
    return len(asked) == len(got) and all(_same_element(a, b) for a, b in zip(asked, got, strict=True))


def _elements(text: str) -> list[str]:
    """The elements of a list: quoted text whole, else parted by comma or semicolon."""
    if text.count('"') % 2:
        return [text]
    return [element.strip() for element in _ELEMENT.findall(f"{text},")]


def _same_element(requested: str, resolved: str) -> bool:
    asked, got = (e[1:-1] if len(e) > 1 and e[0] == e[-1] == '"' else e for e in (requested, resolved))
    asked, got = (_TRUTH.get(e.lower(), e) for e in (asked, got))
    if asked == got:
        return True
    if got.endswith("%"):
        asked, got = asked.removesuffix("%"), got.removesuffix("%")
    numbers = [_NUMBERS.fullmatch(e) for e in (asked, got)]
    if not all(numbers):
        return False
    pairs = zip(asked.split("x"), got.split("x"), strict=False)
    return asked.count("x") == got.count("x") and all(
        math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9) for a, b in pairs
    )
