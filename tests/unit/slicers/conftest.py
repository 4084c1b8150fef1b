"""Plans by hand: a cube inside a cube, on any extruding printer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from printprep.geometry.mesh import Mesh
from printprep.plan import Plan, PlannedPart, Plate, ToolLoad
from printprep.profiles.load import Profiles, load_profiles

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
CORNERS_OF_FACES = ("013", "032", "467", "475", "045", "051", "237", "276", "026", "064", "157", "173")
FACES = np.array([[int(corner) for corner in face] for face in CORNERS_OF_FACES])


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    """The shipped profiles."""
    return load_profiles()


@pytest.fixture
def cube() -> Callable[[float, tuple[float, float, float]], Mesh]:
    """A closed cube by its edge and its lower corner, mm."""
    return lambda edge_mm, corner_mm: Mesh(CORNERS * edge_mm + np.array(corner_mm), FACES)


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    """A plan of parts in the plate frame: {name: (mesh, tool, material)}, the later ones winning."""

    def make(parts: Mapping[str, tuple[Mesh, int, str]], printer: str = "prusa-xl", process: str = "standard") -> Plan:
        planned = tuple(
            PlannedPart(
                name=name, mesh=mesh, tissue=None, material=material, tool=tool, colour=(9, 9, tool), priority=number
            )
            for number, (name, (mesh, tool, material)) in enumerate(parts.items(), start=1)
        )
        loads = {part.tool: ToolLoad(tool=part.tool, material=part.material, colour=part.colour) for part in planned}
        return Plan(
            case_id="T-1",
            printer=printer,
            process=process,
            parts=planned,
            tools=tuple(loads[tool] for tool in sorted(loads)),
            plates=(Plate(index=1, parts=tuple(parts), case_to_plate=np.eye(4)),),
            changes={},
            findings=(),
        )

    return make


@pytest.fixture
def fake_slicer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a shell script in front of the PATH as prusa-slicer; ``$OUT`` is the file that it is asked for.

    Every script has its own folder, so that the version, asked once a program, is asked again.
    """

    def install(body: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "prusa-slicer"
        script.write_text(
            "#!/bin/sh\n"
            'if [ "$1" = --help ]; then echo "PrusaSlicer-2.5.0 based on Slic3r"; exit 0; fi\n'
            'for word in "$@"; do case "$word" in --output=*) OUT="${word#--output=}";; esac; done\n' + body
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return script

    return install
