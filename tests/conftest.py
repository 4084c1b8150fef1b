"""What all tests share: real anatomy, and engines that are required under CI=true and a named skip elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

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
            message = f"{program} is not installed; run .ci/system-packages test"
            if os.environ.get("CI") == "true":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find
