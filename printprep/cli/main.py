"""Where the program begins: an emergency stop goes out before the rest of the command line is loaded."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # of typing, which takes as long to load as the way to the socket
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, and a code for each kind of error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = printer_to_stop(arguments)
    if name is not None:
        _stop(name, arguments)  # comes back when nobody prints there: then its port has to be opened
    from printprep.cli.root import run

    run(arguments)


def printer_to_stop(arguments: list[str]) -> str | None:
    """The NAME of ``printer stop NAME [--json]``; None for any other command line."""
    words = [word for word in arguments if word != "--json"]
    plain = len(words) == 3 and words[:2] == ["printer", "stop"] and not words[2].startswith("-")
    return words[2] if plain else None


def _stop(name: str, arguments: list[str]) -> None:
    """Have the process that prints on ``name`` stop it, and exit; come back when nobody prints there."""
    from printprep.errors import PrinterError, PrintprepError
    from printprep.printers.orders import give_order

    answer: dict[str, object] | None = None
    failed: PrintprepError | None = None
    try:
        answer = give_order(name, "stop")
    except PrintprepError as exc:
        failed = exc
    except KeyboardInterrupt:  # another process carries the order out, or never heard it
        failed = PrinterError(f"interrupted: nobody knows whether {name} was stopped; look at the printer")
    if answer is None and failed is None:
        return
    from printprep.cli.printing import say_done
    from printprep.cli.root import ending

    with ending(arguments):
        if failed is not None:
            raise failed
        say_done(name, "stop", answer or {}, as_json="--json" in arguments)
    sys.exit(0)
