"""Starts PrusaLink, also where libraries of the system are missing; run by the Python of its environment, not by ours.

``python prusalink_start.py -f -c CONFIG -s PORT``. What is missing is for cameras, names of threads, and files whose
sender does not say what they are: nothing that a print needs. Folders for temporary files may hold its uploads, too.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

NOTHING: dict[str, dict[str, Any]] = {
    "prctl": {"set_name": lambda _name: None},
    "numpy": {},
    "turbojpeg": {"TurboJPEG": object, "TJSAMP_422": 0},
    "magic": {"Magic": object},
}


def main() -> None:
    for name, values in NOTHING.items():
        try:
            importlib.import_module(name)
        except ImportError:
            module = ModuleType(name)
            vars(module).update(values)
            sys.modules[name] = module
    const = importlib.import_module("prusa.link.const")
    const.BLACKLISTED_PATHS.remove("/tmp")
    sys.exit(importlib.import_module("prusa.link.__main__").main())


if __name__ == "__main__":
    main()
