"""The agent: prints the lab's jobs, on each printer one after the other, a thread a printer.

    hold the printer -> look -> file unchanged? -> connect -> begin -> print, telling the store -> end -> look again

What holds whatever happens:

- Nothing starts on a plate that nobody cleared since the last print; a new printer's plate counts as not clear.
- A job is `printing` in the store before its first line is sent. When the agent dies, even by kill -9, the job is found
  `printing` without a living agent and becomes `interrupted`: a person decides, it is never started again by itself.
- A lease keeps a second agent away from a printer, and everything written is bound to it.
- The file's hash is taken again just before the print and once more after it.
- A printer that does not answer costs no job: the job waits and the agent tries again.

A first SIGTERM or SIGINT lets the prints under way end and starts none; a second one cancels them: the printer parks,
its heaters go off, the jobs are `cancelled`. A print is not ended by the first because most stops are restarts of the
service, and an infant's heart eleven hours into its print is worth more than a quick restart.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, Self

from printprep.errors import GcodeRefused, IllegalTransition, LabError, NotAllowed, PrinterError, PrintprepError
from printprep.files import sha256_of
from printprep.lab import turn
from printprep.lab.lease import Agent, this_agent
from printprep.lab.spool import VARIABLE, path_of
from printprep.lab.store import Job, PlateState, State, Store
from printprep.lab.turn import Told

LOG: Final = logging.getLogger(__name__)

TELL_S: Final = 1.0
"""The store hears of a print's progress at most once in this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a print ended."""

    state: State  # done, failed or cancelled
    why: str
    lines: int  # acknowledged by the printer
    touched: bool = True  # False only when it is certain that nothing was sent
    fault: PrintprepError | None = None  # what failed, where it was an exception


Tell = Callable[[Told], None]
"""Takes how far a print is, as often as one likes."""


class Connected(Protocol):
    """A printer that answers."""

    def print(self, job: Job, file: Path, tell: Tell) -> Outcome:
        """Print a job's file from its first line to a safe end; what goes wrong is in the outcome."""

    def cancel(self) -> None:
        """Park, heaters off, and have ``print`` return; called from another thread, perhaps more than once."""


class Press(Protocol):
    """What the agent prints with."""

    def open(self, printer: str) -> AbstractContextManager[Connected]:
        """Connect to a printer by its name in the lab; a PrinterError when it does not answer."""


class Until(StrEnum):
    """When an agent ends by itself."""

    STOPPED = "stopped"  # never: when it is told to
    EMPTY = "empty"  # when no job waits any more; it waits for people to clear plates
    ONCE = "once"  # after one job a printer; it waits for nothing


LOUD: Final = "URGENT JOB FAILED"
"""How a sentence begins that nobody may miss."""


@dataclass(slots=True)
class Switch:
    """How the agent is told to end: ``stop`` begins nothing new, ``abort`` also cancels what is under way."""

    stop: threading.Event = field(default_factory=threading.Event)
    abort: threading.Event = field(default_factory=threading.Event)

    def press(self) -> None:
        """Once: stop; twice: abort."""
        if self.stop.is_set():
            self.abort.set()
        self.stop.set()


Notify = Callable[[str, str], None]
"""Told of what happens at a printer, by the printer's name and a sentence."""


def run_agent(
    store: Store,
    printers: Sequence[str],
    press: Press,
    *,
    until: Until = Until.STOPPED,
    switch: Switch | None = None,
    notify: Notify = lambda _printer, _text: None,
    poll_s: float = 1.0,
) -> dict[str, PrintprepError]:
    """Run printers until told to stop, or as ``until`` says.

    Parameters
    ----------
    store : Store
    printers : sequence of str
        Names in the lab, each once.
    press : Press
        What to print with.
    until : Until
    switch : Switch, optional
        How to end it from outside.
    notify : callable
        Told what happens; called from the printers' threads.
    poll_s : float
        How often a waiting printer looks at the store, s.

    Returns
    -------
    dict
        What kept a printer from printing, by its name; empty when nothing did. An agent that was to end by itself
        (``until`` is not ``STOPPED``) also names the jobs that failed: a LabError, or the PrinterError or GcodeRefused
        that ended one of them.
    """
    switch = switch or Switch()
    me = this_agent()
    problems: dict[str, PrintprepError] = {}

    def run(printer: str) -> None:
        problems[printer] = LabError(f"{printer}: the agent's thread died of a fault in the program; see the log")
        worker = _Printer(store, printer, me, press, until, switch, notify, poll_s)
        try:
            worker.run()
        except PrintprepError as exc:
            problems[printer] = one_of([*worker.failed, exc])
            LOG.error("printer %s is not run any more: %s", printer, exc, extra={"printer": printer})
        else:
            del problems[printer]
            if worker.failed and until is not Until.STOPPED:
                problems[printer] = one_of(worker.failed)

    threads = [threading.Thread(target=run, args=(printer,), name=f"printer {printer}") for printer in printers]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)  # short, so that the main thread meets its signals
    return problems


class _Watch:
    """Beside a print, in a thread: tells the store how far it is and hears there whether somebody wants it cancelled.

    The thread that prints never waits for the store: a printer that starves leaves marks on the anatomy.
    """

    def __init__(self, store: Store, job: Job, me: Agent, cancel: Callable[[], None], abort: threading.Event) -> None:
        self._store, self._job, self._me, self._cancel, self._abort = store, job, me, cancel, abort
        self._told = Told()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {job.id}")
        self.cancelled_because = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join()
        self._ask()  # the last word, so that the record of a print that ended has its layer

    def tell(self, told: Told) -> None:
        self._told = told

    def _run(self) -> None:
        while not self._over.wait(TELL_S):
            why = "the agent was told to stop at once" if self._abort.is_set() else self._ask()
            self.cancelled_because = self.cancelled_because or why
            if self.cancelled_because:
                try:
                    self._cancel()  # again each time: the first may come before the first line
                except PrinterError as exc:
                    LOG.warning("not cancelled: %s", exc, extra={"printer": self._job.printer, "job": self._job.id})

    def _ask(self) -> str:
        """Tell the store; why the print must end, empty: it goes on."""
        try:
            wish = turn.tell(self._store, self._job, self._me, self._told)
        except NotAllowed as exc:
            return str(exc)  # somebody else has the printer or has settled the job: two must not send
        except LabError as exc:
            # a store that is away for a while is no reason to spoil a print
            LOG.warning("progress not stored: %s", exc, extra={"printer": self._job.printer, "job": self._job.id})
            return ""
        return "" if wish is None else f"cancelled by {wish}"


@dataclass(slots=True)
class _Printer:
    """One printer's thread."""

    store: Store
    name: str
    me: Agent
    press: Press
    until: Until
    switch: Switch
    notify: Notify
    poll_s: float
    said: str = ""
    failed: list[PrintprepError] = field(default_factory=list)  # a job each

    def run(self) -> None:
        for job in turn.hold(self.store, self.name, self.me):
            self.say(f"{job.id} was left in mid-print by an agent that is gone; printprep queue settle {job.id} …")
        try:
            while not self.switch.stop.is_set() and self.step_or_wait():
                pass
        finally:
            turn.let_go(self.store, self.name, self.me)

    def step_or_wait(self) -> bool:
        """A step; a store that is away for a while is waited for."""
        try:
            return self.step()
        except (NotAllowed, IllegalTransition):
            raise
        except LabError as exc:
            if self.until is not Until.STOPPED:
                raise
            return self.wait(f"waits for the store: {exc}")

    def step(self) -> bool:
        """Do what there is to do, or wait a moment; False: there is nothing more to do."""
        outlook = turn.look(self.store, self.name, self.me)
        job = outlook.job
        if job is None:
            return self.until is Until.STOPPED and self.wait("waits for a job")
        if outlook.plate is not PlateState.CLEAR:
            blocked = (
                f"the plate is {outlook.plate}; {job.id} waits for: printprep queue clear-plate {self.name} --who …"
            )
            if self.until is Until.ONCE:
                raise NotAllowed(f"{self.name}: {blocked}")
            return self.wait(f"{blocked} (this agent WAITS for that person too; Ctrl-C or SIGTERM ends it)")
        changed = file_problem(job, path_of(self.store.spool, job.file))
        if changed is not None:
            turn.reject(self.store, job, changed)
            self.fail(job, f"{changed}; nothing of it was sent, the next job follows")
            return True
        try:
            with self.press.open(self.name) as printer:
                self.print(job, printer)
        except PrinterError as exc:
            if self.until is Until.ONCE:
                raise
            return self.wait(f"does not answer ({exc}); {job.id} waits")
        return self.until is not Until.ONCE

    def print(self, job: Job, printer: Connected) -> None:
        """Print one job and write down how it ended."""
        try:
            job = turn.begin(self.store, job, self.me)
        except (NotAllowed, IllegalTransition) as exc:
            self.say(f"{job.id} was not begun: {exc}")  # somebody changed the line or the plate meanwhile: look again
            return
        self.say(f"{job.id} begins: {job.file.name}")
        file = path_of(self.store.spool, job.file)
        with _Watch(self.store, job, self.me, printer.cancel, self.switch.abort) as watch:
            outcome = printer.print(job, file, watch.tell)
        changed = file_problem(job, file)
        if outcome.state is State.DONE and changed is not None:
            why = f"while it was printed, {changed}: what stands on the plate is not proven"
            outcome = replace(outcome, state=State.FAILED, why=why)
        elif outcome.state is State.CANCELLED and watch.cancelled_because:
            outcome = replace(outcome, why=watch.cancelled_because)
        self.write_down(job, outcome)
        if outcome.state is State.FAILED:
            self.fail(job, outcome.why, outcome.fault)
        else:
            self.say(f"{job.id} is {outcome.state}: {outcome.why}")

    def fail(self, job: Job, why: str, fault: PrintprepError | None = None) -> None:
        """Say that a job failed, so that nobody takes it for printed, and keep it for the end."""
        case = f" of case {job.case_id}" if job.case_id else ""
        words = f"{job.id} ({job.file.name}{case}) failed on {self.name}: {why}"
        kind = type(fault) if isinstance(fault, PrinterError | GcodeRefused) else LabError
        self.failed.append(kind(words))
        self.say(f"{LOUD}, it is NOT printed: {words}" if job.urgent else words)

    def write_down(self, job: Job, outcome: Outcome) -> None:
        """Store the end of a job; while the store is away, try again until told to give up."""
        while True:
            try:
                turn.end(
                    self.store,
                    job,
                    self.me,
                    outcome.state,
                    why=outcome.why,
                    line=outcome.lines,
                    touched=outcome.touched,
                )
            except (NotAllowed, IllegalTransition):
                raise  # somebody else has settled it
            except LabError as exc:
                LOG.warning("end not stored: %s", exc, extra={"printer": self.name, "job": job.id})
                if self.switch.abort.wait(self.poll_s):
                    raise
            else:
                return

    def wait(self, why: str) -> bool:
        """Wait a moment, saying once why; True, so that the caller goes on."""
        if why != self.said:
            self.say(why)
        self.switch.stop.wait(self.poll_s)
        return True

    def say(self, text: str) -> None:
        self.said = text
        LOG.info(text, extra={"printer": self.name})
        self.notify(self.name, text)


def one_of(failed: Sequence[PrintprepError]) -> PrintprepError:
    """All messages in one error: of a printer that failed if there is one, else of the guard if it refused a file."""
    worst = sorted(failed, key=lambda error: (not isinstance(error, PrinterError), not isinstance(error, GcodeRefused)))
    return type(worst[0])("\n".join(map(str, failed)))


def file_problem(job: Job, file: Path) -> str | None:
    """Why a job's file is not the one that was queued; None: it is."""
    try:
        sha256 = sha256_of(file)
    except OSError as exc:
        hint = "" if job.file.is_absolute() else f"; has this host the lab's {VARIABLE}?"
        return f"its file cannot be read: {exc.strerror or exc}{hint}"
    if sha256 != job.sha256:
        return f"its file was changed since it was queued (sha256 {sha256[:12]}…, queued {job.sha256[:12]}…)"
    return None
