"""What a server says of its printer and of a print, and what that comes to in our counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from printprep.printers.job import JobFile
from printprep.printers.link import Ending, PrinterStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a server says of its printer and of our print."""

    status: PrinterStatus
    done: float | None = None  # of our file, 0 to 1; None: the server does not say
    layer: int | None = None  # 1-based, where the server counts them
    ending: Ending | None = None  # of our print, where the server says it
    ours: bool = True  # False: the server knows nothing of our print
    why: str = ""  # of a failure


def counted(seen: Look, before: PrinterStatus, job: JobFile, otherwise: str) -> PrinterStatus:
    """The server's status with our counts, and the message ``otherwise`` where it has none.

    A server forgets its counts when it cancels; ``before`` remembers.
    """
    if seen.ending is Ending.FINISHED:
        line = job.commands
    elif seen.layer is not None and job.layer_starts:
        line = job.layer_starts[min(max(seen.layer, 1), len(job.layer_starts)) - 1] if seen.layer else 0
    else:
        line = min(round((seen.done or 0.0) * job.commands), job.commands)
    line = max(before.line, line)
    return replace(
        seen.status,
        line=line,
        lines_total=job.commands,
        layer=job.layer_at(line),
        layers_total=len(job.layer_starts),
        z_mm=job.z_at(line),
        message=seen.status.message or otherwise,
        progress=max(before.progress, 1.0 if seen.ending is Ending.FINISHED else seen.done or 0.0),
    )


def whereabouts(status: PrinterStatus) -> str:
    """How far a print is, for the end of a sentence."""
    layer = f", layer {status.layer} of {status.layers_total}" if status.layers_total else ""
    height = f", at {status.z_mm:g} mm" if status.z_mm is not None else ""
    return f" at about command {status.line} of {status.lines_total}{layer}{height}"
