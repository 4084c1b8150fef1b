"""What a promise of a finish counts on at a printer: its plate cleared, an agent that runs it, a port that is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from printprep.lab.lease import read_lease, this_host
from printprep.lab.queue import plates
from printprep.lab.store import PlateRecord, PlateState, Store, job_id
from printprep.printers.registry import NamedPrinter


def standings(
    store: Store, printers: Iterable[str], registered: Mapping[str, NamedPrinter]
) -> dict[str, tuple[str, ...]]:
    """For each printer, in short words, what must come true before a print can start there; empty: nothing.

    Parameters
    ----------
    store : Store
    printers : iterable of str
        Names in the lab, or ids of profiles for printers that are still to be set up.
    registered : mapping
        The lab's printers by name.

    Notes
    -----
    Of a serial port only its path is looked at, of a server nothing: nobody is kept waiting for an answer.
    """
    records = {plate.printer: plate for plate in plates(store)}
    return {
        name: _standing(store, registered[name], records.get(name)) if name in registered else ("not set up yet",)
        for name in printers
    }


def _standing(store: Store, printer: NamedPrinter, plate: PlateRecord | None) -> tuple[str, ...]:
    return (*_reach(printer), *_plate(plate), *_agent(store, printer.name))


def _reach(printer: NamedPrinter) -> tuple[str, ...]:
    if printer.port is None or Path(printer.port).exists():
        return ()
    return (f"not reachable: there is no {printer.port}",)


def _plate(plate: PlateRecord | None) -> tuple[str, ...]:
    state = PlateState.UNKNOWN if plate is None else plate.state
    if state is PlateState.CLEAR:
        return ()
    if plate is not None and state is PlateState.PRINTING:
        job = "the print under way" if plate.job is None else job_id(plate.job)
        return (f"counts on the plate being cleared at once after {job}",)
    return (f"plate {state}: counts on its being cleared at once",)


def _agent(store: Store, printer: str) -> tuple[str, ...]:
    with store.reading() as connection:
        lease = read_lease(connection, printer)
    if lease is not None and lease.alive(this_host(), store.now()):
        return ()
    return ("no agent runs it",)
