"""What the guard noted: the first of a kind in full, the rest as a count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from printprep.case import Finding, Severity


@dataclass(slots=True)
class _Seen:
    finding: Finding
    count: int


class Notes:
    """Findings in order of first sight."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}

    def __len__(self) -> int:
        """How many kinds."""
        return len(self._seen)

    def note(
        self, code: str, line: int, why: str, *, text: str = "", value: float | str | None = None,
        limit: float | str | None = None, where: np.ndarray | None = None, key: str = "", count: int = 1,
        severity: Severity = Severity.ERROR,
    ) -> None:  # fmt: skip
        """Keep the first of a code and ``key``, count the rest."""
        known = self._seen.get((code, key))
        if known is not None:
            known.count += count
            return
        text = text.partition(";")[0].strip()  # a comment may say who it is for
        shown = f"line {line}: {text!r}: {why}" if text else f"line {line}: {why}"
        spot = None if where is None else (float(where[0]), float(where[1]), float(where[2]))
        finding = Finding(code=code, severity=severity, message=shown, value=value, limit=limit, where_mm=spot)
        self._seen[code, key] = _Seen(finding, count)

    def findings(self) -> tuple[Finding, ...]:
        """One a kind."""
        return tuple(
            seen.finding
            if seen.count == 1
            else replace(seen.finding, message=f"{seen.finding.message} ({seen.count} times in all)")
            for seen in self._seen.values()
        )
