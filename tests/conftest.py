"""What all tests share: real anatomy, and engines that are required under CI=true and a named skip elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parent.parent
DISSECTION = ROOT / "printprep" / "demo" / "dissection"
DATA = ROOT / "tests" / "data"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the configuration or the store of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PRINTPREP_CONFIG", str(home / "config"))
    monkeypatch.setenv("PRINTPREP_STATE", str(home / "state"))
    monkeypatch.setenv("PRINTPREP_RUNTIME", str(home / "run"))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "PRINTPREP_PROFILES"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def dissection() -> Path:
    """Eight parts of one aortic dissection, STL, mm, RAS."""
    return DISSECTION


@pytest.fixture
def data() -> Path:
    """Meshes that only tests read; SOURCES.md says where they are from."""
    return DATA


@pytest.fixture
def engine() -> Callable[[str], str]:
    """Find a program; missing fails under CI=true and is a named skip elsewhere."""

    def find(program: str) -> str:
        path = shutil.which(program)
        if path is None:
            missing(f"{program} is not installed; run .ci/system-packages test")
        return str(path)

    return find


@pytest.fixture
def cura_definitions() -> Callable[[], Path]:
    """Find Cura's machine definitions; missing fails under CI=true and is a named skip elsewhere."""

    def find() -> Path:
        from printprep.errors import SlicerNotFound
        from printprep.slicers.cura_definitions import find_definitions

        try:
            return find_definitions()
        except SlicerNotFound as exc:
            missing(f"{exc}; run .ci/system-packages test")

    return find


def missing(message: str) -> NoReturn:
    """Fail under CI=true, skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
