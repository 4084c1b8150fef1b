"""Many variants told ahead side by side, a process a core."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from multiprocessing.queues import SimpleQueue
from typing import ClassVar, Final

from printprep.errors import InputError, LabError, exit_code
from printprep.lab.variant import Variant, Wish, tell_variant
from printprep.progress import SILENT, Progress, Step

LOOK_S: Final = 0.3
"""How often is looked at what the processes are doing."""


def tell_all(
    wish: Wish,
    pairs: Iterable[tuple[str, str]],
    *,
    progress: Progress = SILENT,
    pool: Executor | None = None,
    tell: Callable[[Wish, str, str], Variant] | None = None,
) -> tuple[Variant, ...]:
    """Tell variants ahead side by side, a process a core; what each is at is told all along.

    Raises
    ------
    InputError
        Every variant failed of the same bad input: it is the case, not a printer.
    LabError
        A process died, of a lack of memory as a rule.
    """
    told: SimpleQueue[tuple[str, str]] = multiprocessing.get_context("spawn").SimpleQueue()
    pool = pool or _processes(told)
    done: list[Variant] = []
    at: dict[str, str] = {}
    with progress.step("tell ahead") as step:
        try:
            tasks = {pool.submit(tell or _tell, wish, profile, process) for profile, process in pairs}
            count = len(tasks)
            while tasks:
                ready, tasks = wait(tasks, timeout=LOOK_S, return_when=FIRST_COMPLETED)
                done += [task.result() for task in ready]
                while not told.empty():
                    at.update([told.get()])
                for variant in done:
                    at.pop(f"{variant.process} on {variant.profile}", None)
                under_way = "; ".join(f"{what}: {stage}" for what, stage in at.items())
                step.advance(len(done) / count, f"{len(done)} of {count} variants; {under_way}".removesuffix("; "))
        except BrokenProcessPool as exc:
            raise LabError("a variant's process died, of a lack of memory perhaps; name fewer printers") from exc
        finally:
            pool.shutdown(cancel_futures=True)
    problems = {variant.problem for variant in done}
    if len(problems) == 1 and done[0].problem is not None and done[0].exit_code == exit_code(InputError()):
        raise InputError(done[0].problem)
    return tuple(sorted(done, key=lambda variant: (variant.profile, variant.process)))


class _Telling:
    """Progress of one variant in a process of its own: the names of its steps, to whoever started the process."""

    to: ClassVar[SimpleQueue[tuple[str, str]] | None] = None

    def __init__(self, what: str) -> None:
        self._what = what

    def step(self, name: str) -> AbstractContextManager[Step]:
        if _Telling.to is not None:
            _Telling.to.put((self._what, name))
        return SILENT.step(name)


def _tell(wish: Wish, profile: str, process: str) -> Variant:
    return tell_variant(wish, profile, process, _Telling(f"{process} on {profile}"))


def _begin(told: SimpleQueue[tuple[str, str]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _Telling.to = told


def _processes(told: SimpleQueue[tuple[str, str]]) -> ProcessPoolExecutor:
    """A process a core, started afresh and not forked: threads of libraries do not survive a fork.

    Ctrl-C ends them at once and without a word; the one that asked says what happened.
    """
    fresh = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count() or 1, mp_context=fresh, initializer=_begin, initargs=(told,))
