"""Peers that are not permissive or pin what others need: each in an environment of its own under .cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.contract.conftest import octoprint_program

ROOT = Path(__file__).parents[2]
PRINTRUN = "printrun==2.2.0"


def octoprint_python() -> Path:
    """The python of OctoPrint's environment."""
    return octoprint_program().with_name("python")


def printrun_python() -> Path:
    """The python of an environment with Printrun's printcore, without its windows."""
    python = ROOT / ".cache" / "printrun-venv" / "bin" / "python"
    if not (python.parent / "pronsole.py").exists():
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True, capture_output=True)
        packages = [PRINTRUN, "pyserial", "platformdirs", "psutil"]
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            *packages,
        ]
        subprocess.run(command, check=True, capture_output=True)
    return python
