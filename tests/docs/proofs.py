"""What three engines make of every sample: ``make proofs`` writes tests/data/samples/PROOFS.md.

Every sample that comes out as a solid is sliced by each engine, with supports and without, and its file goes the way
of ``printprep run`` up to the guard: the proof says what was lost. A case longer than :data:`LONGEST_MM` is printed
smaller, so that all of it takes half an hour. The table has no times: it changes only when an outcome does.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np

from printprep.case import Finding, Severity, stopping
from printprep.errors import PrintprepError
from printprep.files import write_bytes, write_text
from printprep.profiles.load import load_profiles
from printprep.progress import SILENT
from printprep.run import STEPS, Request, RunResult, run_case
from tests.docs.samples import SAMPLES, Sample, printable, sources_of

ENGINES: Final = {"prusaslicer": "PrusaSlicer", "curaengine": "CuraEngine", "slic3r": "Slic3r"}
PRINTER, PROCESS = "prusa-xl", "rush"
LONGEST_MM: Final = 90.0
PAGE: Final = SAMPLES / "PROOFS.md"
SIGNS: Final = 200  # of a message in a cell
COLUMNS: Final = 5
HOLDS: Final = re.compile(r"holds|(\d+) of \1 hold")

Key = tuple[str, str, str]  # group, sample, engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the proof and the guard say of one file; words and figures of a table."""

    holds: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sample by one engine, with supports and without."""

    group: str
    name: str
    scale: float
    engine: str
    outcomes: tuple[Outcome, ...]  # with supports, and without


def proven(sample: Sample, pictures: Path | None = None) -> tuple[Row, ...]:
    """Slice a sample by every engine and prove what came out; ``pictures``: a folder for those of the worst layers."""
    with tempfile.TemporaryDirectory() as folder:
        mended = _mended(sample, Path(folder))
        of = {supports: _certified(mended, supports=supports) for supports in (True, False)}
        scale = mended.request.scale or 1.0
        rows = []
        for engine in ENGINES:
            outcomes = []
            for supports, result in of.items():
                asked = replace(result, request=replace(result.request, slicer=engine))
                name = f"{sample.group}-{sample.name}-{engine}{'' if supports else '-bare'}".replace(" ", "-")
                outcomes.append(_outcome(asked, pictures and pictures / name))
            found = Row(group=sample.group, name=sample.name, scale=scale, engine=engine, outcomes=tuple(outcomes))
            rows.append(found)
    return tuple(rows)


def _mended(sample: Sample, folder: Path) -> RunResult:
    """The sample as solids, at the scale at which it is tried: what supports have no say in, so it is done once."""
    profiles = load_profiles()
    request = Request(
        sources=sources_of(sample, folder),
        printer=PRINTER,
        process=PROCESS,
        out=folder,
        units=sample.units,
        synthetic=True,
        case_id=None if sample.parts else "SAMPLE-1",
    )
    case = run_case(request, profiles, "read").case
    assert case is not None
    boxes = np.array([part.mesh.bounds_mm for part in case.parts])
    longest_mm = float((boxes[:, 1].max(axis=0) - boxes[:, 0].min(axis=0)).max())
    scale = min(1.0, np.floor(100.0 * LONGEST_MM / longest_mm) / 100.0)
    return run_case(replace(request, scale=float(scale)), profiles, "repair")


def _certified(mended: RunResult, *, supports: bool) -> RunResult:
    """What was mended, up to its certificate."""
    if mended.stopped or mended.draft is None:
        return mended
    out = mended.request.out / ("supports" if supports else "bare")
    request = replace(mended.request, out=out, supports=supports)
    result = replace(mended, request=request, draft=replace(mended.draft, supports=supports))
    for step in ("prepare", "certify"):
        if not result.stopped:
            result = STEPS[step](result, SILENT)
    return result


def _outcome(result: RunResult, pictures: Path | None) -> Outcome:
    if result.stopped or result.plan is None:
        return Outcome(holds=False, said="not prepared: " + _told(stopping(result.findings)))
    known = len(result.findings)
    try:
        for step in ("slice", "prove", "guard"):  # the guard too where something was lost
            result = STEPS[step](result, SILENT)
    except PrintprepError as error:
        return Outcome(holds=False, said=f"refused: {' '.join(str(error).split())[-SIGNS:]}")
    if pictures is not None:
        for plate in result.worst.values():
            for number, picture in enumerate(plate, start=1):
                pictures.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(pictures.with_name(f"{pictures.name}-{number}.png"), picture.png)
    found = [finding for finding in result.findings[known:] if finding.code.startswith(("deposit-", "gcode-"))]
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    warnings = [finding for finding in found if finding.severity is Severity.WARNING]
    held = [part for plate in result.plates for part in plate.held]
    whole = f"{sum(part.holds for part in held)} of {len(held)} hold" if len(held) > 1 else "holds"
    said = _told(errors) if errors else f"{whole}, 95 % within {max(part.p95_mm for part in held):.2f} mm"
    if warnings:
        codes = dict.fromkeys(finding.code for finding in warnings)
        said += "; " + ", ".join(f"{sum(f.code == code for f in warnings)} `{code}`" for code in codes)
    return Outcome(holds=not errors, said=said)


def _told(errors: Sequence[Finding]) -> str:
    """The errors by code and part, the message of the first of each, with its place."""
    by: dict[tuple[str, str | None], list[Finding]] = {}
    for error in errors:
        by.setdefault((error.code, error.part), []).append(error)
    said = []
    for (code, _), found in by.items():
        at = " at ({:.0f}, {:.0f}, {:.0f})".format(*found[0].where_mm) if found[0].where_mm else ""
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        said.append(f"`{code}` {found[0].message[:SIGNS]}{at}{more}")
    return ". ".join(said)


def lines_of(rows: Iterable[Row]) -> dict[Key, str]:
    """The lines of the tables."""
    found = {}
    for row in rows:
        cells = (
            row.name,
            f"{row.scale:.2f}",
            ENGINES[row.engine],
            *(one.said.replace("|", "/") for one in row.outcomes),
        )
        found[row.group, row.name, ENGINES[row.engine]] = "| " + " | ".join(cells) + " |"
    return found


def lines_now() -> dict[Key, str]:
    """Those of the page as it is."""
    found: dict[Key, str] = {}
    group = ""
    for line in PAGE.read_text("utf-8").splitlines() if PAGE.exists() else ():
        group = line[3:] if line.startswith("## ") else group
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == COLUMNS and cells[2] in ENGINES.values():
            found[group, cells[0], cells[2]] = line
    return found


def holding(line: str) -> tuple[bool, ...]:
    """Whether the files of a line hold all parts."""
    return tuple(bool(HOLDS.match(cell.strip())) for cell in line.strip("|").split("|")[3:])


def page(lines: Mapping[Key, str]) -> str:
    """The page of the proofs."""
    outcomes = [one for line in lines.values() for one in holding(line)]
    tried = Counter(key[:2] for key in lines)
    whole = sum(count == len(ENGINES) for count in tried.values())
    text = [
        "# What three engines make of the samples",
        "",
        f"Made by `make proofs`: every sample that is a solid, alone and together, sliced for {PRINTER} by {PROCESS},",
        f"with supports and without, at life size or so much smaller that it is {LONGEST_MM:g} mm long; each file held",
        "against the sections of its parts, and read by the guard. A cell says that all parts hold, or what is lost:",
        "how much of which part, where, how thick. What is lost and thinner than two lines is a warning, as is what",
        "begins in the air. Heights are those of the plate; places are those of the case, in mm.",
        "",
        f"**{sum(outcomes)} of {len(outcomes)}** files hold all of their parts. Tried so far: by all engines",
        f"{whole} of the {len(printable())} samples that are solids, by some of them {len(tried) - whole} more.",
        "",
        *_untried(lines),
    ]
    for group in dict.fromkeys(key[0] for key in lines):
        text += [
            f"## {group}",
            "",
            "| sample | scale | engine | with supports | without |",
            "| --- | ---: | --- | --- | --- |",
            *(line for key, line in lines.items() if key[0] == group),
            "",
        ]
    return "\n".join(text)


def _untried(lines: Mapping[Key, str]) -> Sequence[str]:
    """What no row tells of."""
    found: dict[str, list[str]] = {}
    for one in printable():
        engines = [engine for engine in ENGINES.values() if (one.group, one.name, engine) not in lines]
        if engines:
            found.setdefault(" and ".join(engines), []).append(f"{one.group}, {one.name}")
    return [line for by, names in found.items() for line in (f"Not yet tried by {by}: {'; '.join(names)}.", "")]


def made(chosen: Sequence[Sample], pictures: Path | None = None) -> list[Row]:
    """All rows in the order of the samples, made by two processes."""
    largest_first = sorted(range(len(chosen)), key=lambda k: -len(chosen[k].parts) - len(chosen[k].files))
    rows: dict[int, tuple[Row, ...]] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        todo = [chosen[k] for k in largest_first]
        for k, found in zip(largest_first, pool.map(proven, todo, [pictures] * len(todo)), strict=True):
            rows[k] = found
            for row in found:
                said = " / ".join(one.said for one in row.outcomes)
                sys.stderr.write(f"{row.group}: {row.name} {row.scale:.2f} {row.engine}: {said}\n")
    return [row for k in sorted(rows) for row in rows[k]]


def main() -> None:
    """Write the page, or renew its rows of the samples whose names hold one of the words that are given."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("words", nargs="*", help="only samples whose names hold one of them; the others' rows stay")
    asked.add_argument("--pictures", type=Path, help="a folder for pictures of the worst layers")
    given = asked.parse_args()
    known = printable()
    chosen = [one for one in known if not given.words or any(word in one.name for word in given.words)]
    lines = lines_now() | lines_of(made(chosen, given.pictures))
    order = [(one.group, one.name, engine) for one in known for engine in ENGINES.values()]
    write_text(PAGE, page({key: lines[key] for key in order if key in lines}))


if __name__ == "__main__":
    main()
