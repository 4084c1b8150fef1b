"""What every slicer driver promises, whichever engine it drives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from printprep.errors import DoesNotFit, SlicerNotFound, SliceTimeout
from printprep.geometry.mesh import Mesh
from printprep.plan import Plan, PlannedPart, Plate, SlicedPlate, ToolLoad
from printprep.profiles.load import Profiles, load_profiles
from printprep.progress import SILENT, Step
from printprep.slicers import SLICERS, Slicer, check_slicer, slice_plate

# what a driver needs installed
PROGRAMS: Final = {"prusaslicer": "prusa-slicer", "curaengine": "CuraEngine", "slic3r": "slic3r"}
PRINTERS: Final = {"fdm": ("ender-3", "pla"), "resin": ("prusa-sl1s", "resin-standard")}
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
CORNERS_OF_FACES = ("013", "032", "467", "475", "045", "051", "237", "276", "026", "064", "157", "173")
FACES = np.array([[int(corner) for corner in face] for face in CORNERS_OF_FACES])


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture(params=SLICERS, ids=lambda row: row.id)
def slicer(
    request: pytest.FixtureRequest, engine: Callable[[str], str], cura_definitions: Callable[[], Path]
) -> Slicer:
    """Each row of the table; an engine that is missing fails under CI=true and is a named skip elsewhere."""
    row: Slicer = request.param
    if row.id in PROGRAMS:
        engine(PROGRAMS[row.id])
    if row.id == "curaengine":
        cura_definitions()
    return row


def cube_plan(technology: str, edge_mm: float = 10.0) -> Plan:
    """A cube in the middle of the bed."""
    printer, material = PRINTERS[technology]
    bed = load_profiles().printer(printer).bed
    motion = np.eye(4)
    motion[:2, 3] = (bed.width_mm - edge_mm) / 2, (bed.depth_mm - edge_mm) / 2
    colour = (241, 214, 145)
    part = PlannedPart(
        name="cube",
        mesh=Mesh(CORNERS * edge_mm, FACES),
        tissue="bone",
        material=material,
        tool=0,
        colour=colour,
        priority=1,
    )
    return Plan(
        case_id="T-1",
        printer=printer,
        process="standard",
        parts=(part,),
        tools=(ToolLoad(tool=0, material=material, colour=colour, parts=("cube",)),),
        plates=(Plate(index=1, parts=("cube",), case_to_plate=motion),),
        changes={},
        findings=(),
        supports=False,
    )


class _Watch:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.done: list[float] = []
        self.said: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        self.steps.append(name)
        yield self

    def advance(self, done: float, message: str = "") -> None:
        self.done.append(done)
        self.said.append(message)


@dataclass(frozen=True)
class Made:
    """A cube sliced twice, and what was said while it was."""

    plate: SlicedPlate
    again: SlicedPlate
    watch: _Watch


@pytest.fixture(scope="module")
def shelf() -> dict[str, Made]:
    """What is sliced once for all tests, by row."""
    return {}


@pytest.fixture
def made(slicer: Slicer, profiles: Profiles, shelf: dict[str, Made], tmp_path_factory: pytest.TempPathFactory) -> Made:
    if slicer.id not in shelf:
        plan, watch = cube_plan(slicer.technology), _Watch()
        driver, folder = slicer.load(), tmp_path_factory.mktemp("Jane_Doe")
        plate = driver.slice_plate(plan, plan.plates[0], profiles, folder / "a", timeout_s=120, progress=watch)
        again = slice_plate(plan, plan.plates[0], profiles, folder / "b", slicer=slicer.id)
        shelf[slicer.id] = Made(plate, again, watch)
    return shelf[slicer.id]


def test_a_cube_becomes_a_file_with_its_layers_time_and_material(
    slicer: Slicer, profiles: Profiles, made: Made
) -> None:
    plate = made.plate
    assert plate.layer_count == pytest.approx(10.0 / plate.layer_height_mm, abs=1)
    assert (plate.index, plate.printer, plate.process) == (1, PRINTERS[slicer.technology][0], "standard")
    assert plate.engine == slicer.load().version()
    assert 60 < plate.estimate.duration_s < 86400
    (use,) = plate.estimate.material
    assert (use.material, use.tool) == (PRINTERS[slicer.technology][1], 0)
    assert 200 < use.mm3 < 2000  # a cube of 1000 mm3, hollow inside or with its brim
    density = profiles.material(use.material).density_g_cm3
    assert use.g == pytest.approx(use.mm3 * density / 1000)


def test_the_hash_is_the_files_and_it_stands_alone(made: Made) -> None:
    assert made.plate.file.stem == "plate-1"
    assert made.plate.sha256 == hashlib.sha256(made.plate.file.read_bytes()).hexdigest()
    assert list(made.plate.file.parent.iterdir()) == [made.plate.file]


def test_the_same_plan_gives_the_same_bytes(made: Made) -> None:
    assert made.plate.sha256 == made.again.sha256
    assert made.plate.estimate == made.again.estimate
    assert made.plate.settings == made.again.settings


def test_every_setting_is_listed_with_what_it_became(made: Made) -> None:
    keys = [s.key for s in made.plate.settings]
    assert keys
    assert len(keys) == len(set(keys))
    assert any(s.requested is not None for s in made.plate.settings)
    assert all(s.resolved is not None for s in made.plate.settings)


def test_no_host_and_no_folder_is_in_the_file(made: Made) -> None:
    content = made.plate.file.read_bytes()
    for secret in (b"Jane_Doe", str(made.plate.file.parent).encode(), b"/tmp/"):
        assert secret not in content


def test_progress_stays_within_its_bounds(made: Made) -> None:
    assert made.watch.steps
    assert made.watch.done
    assert all(0 <= done <= 1 for done in made.watch.done)


def test_the_table_picks_the_driver_that_is_named_or_the_first_of_the_printers_technology(
    slicer: Slicer, profiles: Profiles, made: Made
) -> None:
    first = next(row for row in SLICERS if row.technology == slicer.technology)
    printer = profiles.printer(PRINTERS[slicer.technology][0])
    assert made.again.engine == slicer.load().version() == check_slicer(printer, slicer.id)
    assert check_slicer(printer) == first.load().version()


@pytest.mark.parametrize(("printer", "slicer"), [("prusa-sl1s", "curaengine"), ("ender-3", "resin"), ("ender-3", "x")])
def test_an_engine_that_is_not_for_the_printer_is_refused_by_name(
    printer: str, slicer: str, profiles: Profiles
) -> None:
    with pytest.raises(SlicerNotFound, match=rf"no slicer {slicer} for \w+ printers such as {printer}; there are: "):
        check_slicer(profiles.printer(printer), slicer)


def test_a_folder_may_be_named_from_where_one_stands(
    slicer: Slicer, profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = replace(cube_plan(slicer.technology, 1.0), supports=True)
    plate = slice_plate(plan, plan.plates[0], profiles, Path("build"), slicer=slicer.id)
    assert plate.file.parent == Path("build")
    assert (tmp_path / plate.file).is_file()


def test_what_is_larger_than_the_bed_is_refused_and_leaves_nothing(
    slicer: Slicer, profiles: Profiles, tmp_path: Path
) -> None:
    plan = cube_plan(slicer.technology, 400)
    with pytest.raises(DoesNotFit, match=r"cube|mm"):
        slicer.load().slice_plate(plan, plan.plates[0], profiles, tmp_path, timeout_s=120, progress=SILENT)
    assert list(tmp_path.iterdir()) == []


def test_out_of_time_it_stops_and_leaves_nothing(slicer: Slicer, profiles: Profiles, tmp_path: Path) -> None:
    plan = cube_plan(slicer.technology)
    with pytest.raises(SliceTimeout):
        slicer.load().slice_plate(plan, plan.plates[0], profiles, tmp_path, timeout_s=0.001, progress=SILENT)
    assert list(tmp_path.iterdir()) == []
