"""The report of a build, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from printprep.errors import InputError

NAME: Final = "report.json"


def read_report(report: Path) -> dict[str, Any]:
    """The document in a report.json, in the shape of :mod:`printprep.report.document` as far as its plates go.

    Raises
    ------
    InputError
        It cannot be read, or is no report.
    """
    try:
        document = json.loads(report.read_text("utf-8"))
        names = [plate["file"] for plate in document["plates"]]
        if not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise TypeError
    except OSError as exc:
        raise InputError(f"{report} cannot be read ({exc.strerror}); run the case first") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{report} is not a report that printprep wrote; run the case again") from exc
    assert isinstance(document, dict)
    return document
