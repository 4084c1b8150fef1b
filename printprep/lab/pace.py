"""What a printer really takes: a factor on the estimate for each printer and process, learned from finished prints.

The logarithm of actual over estimated time is taken as normal with unknown mean and spread. Before any print the factor
is 1 and the spread 5 %, believed as much as one print; every print that ended well updates both by Bayes' rule, and
what the next one will take follows Student's t (the normal-inverse-gamma prior: Gelman et al., Bayesian Data Analysis,
3rd ed., section 3.3; K. Murphy, Conjugate Bayesian analysis of the Gaussian distribution, 2007, section 6). No print
is forgotten, and one that took twice as long widens the range rather than moving all of it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from printprep.lab.jobfile import print_files
from printprep.lab.store import Job, State, Store, open_store
from printprep.lab.tables import EVENTS, PRINTS

SPREAD: Final = 0.05  # of ln(actual / estimate) before any print
BELIEF: Final = 1.0  # prints that the prior mean counts as
SHAPE: Final = 2.0  # of the prior of the variance: 4 degrees of freedom
SHARE: Final = 0.9  # of prints that end within the range
FARTHEST: Final = 5.0  # a print that took five times, or a fifth, of its estimate was no such print: not learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The factor from an estimate to what it will take, with the range in which 9 of 10 prints lie."""

    prints: int  # learned from
    factor: float
    low: float
    high: float

    def range_s(self, estimate_s: float) -> tuple[float, float]:
        """The range of an estimate, s."""
        return estimate_s * self.low, estimate_s * self.high


def pace_of(ratios: Iterable[float]) -> Pace:
    """The pace after prints that took ``ratios`` of their estimates, each above 0.

    Examples
    --------
    >>> before, after = pace_of([]), pace_of([1.10] * 20)
    >>> before.factor, round(before.high - before.low, 2), round(after.factor, 2), round(after.high - after.low, 2)
    (1.0, 0.21, 1.1, 0.05)
    """
    logs = [math.log(ratio) for ratio in ratios]
    n = len(logs)
    mean = sum(logs) / n if n else 0.0
    belief, shape = BELIEF + n, SHAPE + n / 2
    centre = n * mean / belief
    scale = (SHAPE - 1) * SPREAD**2 + 0.5 * sum((x - mean) ** 2 for x in logs) + 0.5 * BELIEF * n * mean**2 / belief
    half = _t_quantile(0.5 + SHARE / 2, 2 * shape) * math.sqrt(scale * (belief + 1) / (shape * belief))
    return Pace(prints=n, factor=math.exp(centre), low=math.exp(centre - half), high=math.exp(centre + half))


def read_pace(store: Store, printer: str, process: str | None) -> Pace:
    """What is known of a printer, by its name in the lab, with a process; None: with all of them."""
    where = PRINTS.c.printer == printer
    if process is not None:
        where &= PRINTS.c.process == process
    with store.reading() as connection:
        rows = connection.execute(sa.select(PRINTS.c.estimate_s, PRINTS.c.actual_s).where(where)).all()
    return pace_of(row.actual_s / row.estimate_s for row in rows)


def pace_on(printer: str, file: Path, url: str | None = None) -> Pace:
    """What is known of a printer, by its name in the lab, with the process that a file was made by.

    Raises
    ------
    LabError, InputError
        The store at ``url``, or the file, cannot be read.
    """
    (printed,) = print_files(file)
    with open_store(url) as store:
        return read_pace(store, printer, printed.process)


def read_paces(store: Store) -> dict[tuple[str, str | None], Pace]:
    """What is known, by printer and process; what is not in it has not printed yet."""
    ratios: dict[tuple[str, str | None], list[float]] = {}
    with store.reading() as connection:
        for row in connection.execute(sa.select(PRINTS)):
            ratios.setdefault((row.printer, row.process), []).append(row.actual_s / row.estimate_s)
    return {key: pace_of(values) for key, values in ratios.items()}


def learn(connection: Connection, job: Job, ended_at: dt.datetime) -> float | None:
    """Keep what ``job``, which has just ended well, took; answers it in s, None: it says nothing of the pace.

    Within the transaction of the caller. Pauses are not counted.
    """
    if job.started_at is None or not job.estimate_s or job.estimate_s <= 0:
        return None
    actual_s = (ended_at - job.started_at).total_seconds() - _paused_s(connection, job, ended_at)
    if not 1 / FARTHEST <= actual_s / job.estimate_s <= FARTHEST:
        return None
    row = {"job": job.number, "printer": job.printer, "process": job.process}
    connection.execute(sa.insert(PRINTS).values(**row, estimate_s=job.estimate_s, actual_s=actual_s))
    return actual_s


def _paused_s(connection: Connection, job: Job, ended_at: dt.datetime) -> float:
    """How long it was paused since it was begun last."""
    query = sa.select(EVENTS.c.at, EVENTS.c.after).where(EVENTS.c.job == job.number).order_by(EVENTS.c.id)
    paused_s, since = 0.0, None
    for at, after in connection.execute(query):
        if job.started_at is None or at < job.started_at:
            continue
        if since is not None:
            paused_s, since = paused_s + (at - since).total_seconds(), None
        if after == State.PAUSED:
            since = at
    return paused_s + (0.0 if since is None else (ended_at - since).total_seconds())


def _t_quantile(p: float, freedom: float) -> float:
    """Student's t; scipy is imported here because the lab's commands start without it."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, p))
