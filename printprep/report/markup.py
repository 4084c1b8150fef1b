"""Pieces of HTML: tables, numbers, marks. Whoever calls has escaped what goes in."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from printprep.report.pictures import Picture


def gallery(pictures: Sequence[Picture], kind: str = "") -> str:
    """Pictures side by side, embedded; nothing when there are none."""
    shown = "".join(
        f'<figure><img alt="{escape(p.title)}" width="{p.width_px}" height="{p.height_px}" '
        f'src="data:image/png;base64,{base64.b64encode(p.png).decode()}"><figcaption>{escape(p.title)}</figcaption></figure>'
        for p in pictures
    )
    return shown and f'<div class="{f"pictures {kind}".strip()}">{shown}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str] | None = None) -> str:
    """A table of cells that are HTML already; a column whose name begins with ``>`` holds numbers."""
    kinds = [' class="n"' if column.startswith(">") else "" for column in columns]
    head = "".join(f"<th{kind}>{escape(column.lstrip('>'))}</th>" for column, kind in zip(columns, kinds, strict=True))

    def cells(row: Sequence[str]) -> str:
        return "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True))

    body = "".join(f"<tr>{cells(row)}</tr>" for row in rows)
    end = f'<tr class="total">{cells(total)}</tr>' if total is not None else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}{end}</tbody></table></div>'


def swatch(colour: Sequence[int] | None) -> str:
    """A square of a colour."""
    return '<span class="swatch" style="background:rgb({},{},{})"></span>'.format(*colour) if colour else ""


def yes(value: bool | None) -> str:
    """Yes in green or no in red; a dash when it is not known."""
    if value is None:
        return "-"
    return '<span class="yes">yes</span>' if value else '<span class="no">no</span>'


def fixed(value: Any, digits: int, factor: float = 1.0) -> str:
    """A number with so many digits; a dash when it is not known."""
    return "-" if value is None else f"{value * factor:,.{digits}f}"
