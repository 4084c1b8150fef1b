"""Every exception that printprep raises on purpose.

    PrintprepError
    |- InputError                a bad file, value or wish
    |  |- MeshError              a mesh that cannot be read, or cannot be made a solid
    |  |- CaseError              a case.toml or a command line that contradicts itself
    |  |- ProfileError           a profile with an unknown key, a cycle, a value out of range
    |  '- DoesNotFit             larger than the bed, the build height or the panel
    |- SlicerError               a slicer that is missing or did not do what was asked
    |  |- SlicerNotFound
    |  |- SliceFailed
    |  |- SliceTimeout
    |  '- SettingNotHonoured
    |- GcodeRefused              the guard found something dangerous or identifying
    |- PrinterError
    |  |- ConnectionLost
    |  |- ReplyTimeout
    |  '- FirmwareFault
    '- LabError
       |- UnknownJob
       |- IllegalTransition
       '- NotAllowed

A message says what, which object, the value with its unit, and what to do. Foreign exceptions are mapped where the
foreign library is called (``raise MeshError(...) from exc``); nothing else leaves a room. The command line maps a
class to its exit code in one place, :data:`EXIT_CODES`.
"""

from __future__ import annotations

from typing import Any


class PrintprepError(Exception):
    """Base of all errors of printprep.

    Attributes
    ----------
    gathered
        Findings of a case, each a :class:`printprep.case.Finding`, that were made before the error ended its way.
    """

    gathered: tuple[Any, ...] = ()


class InputError(PrintprepError):
    """A bad file, value or wish."""


class MeshError(InputError):
    """A mesh that cannot be read, or cannot be made a solid."""


class CaseError(InputError):
    """A case.toml or a command line that contradicts itself or what the files hold."""


class ProfileError(InputError):
    """A profile with an unknown key, an inheritance cycle, or a value out of range."""


class DoesNotFit(InputError):  # noqa: N818 - the name is the sentence
    """Larger than the bed, the build height or the panel.

    Attributes
    ----------
    drawn_mm
        x0, y0, x1, y1 of what a slicer draws on the bed, where only that goes beyond it; None: the parts do.
    """

    def __init__(self, message: str, drawn_mm: tuple[float, float, float, float] | None = None) -> None:
        super().__init__(message)
        self.drawn_mm = drawn_mm


class SlicerError(PrintprepError):
    """A slicer that is missing or did not do what was asked."""


class SlicerNotFound(SlicerError):  # noqa: N818
    """The engine is not installed here."""


class SliceFailed(SlicerError):  # noqa: N818
    """The engine ran and refused, crashed or wrote nothing usable."""


class SliceTimeout(SlicerError):  # noqa: N818
    """The engine was stopped because it did not end in the time it was given."""


class SettingNotHonoured(SlicerError):  # noqa: N818
    """The engine resolved a setting to another value than the one requested."""


class GcodeRefused(PrintprepError):  # noqa: N818
    """The guard found something dangerous or identifying in a file that was about to leave."""


class PrinterError(PrintprepError):
    """A printer that cannot be reached or is not well."""


class ConnectionLost(PrinterError):  # noqa: N818
    """The port or the server went away."""


class ReplyTimeout(PrinterError):  # noqa: N818
    """The printer did not answer in time."""


class FirmwareFault(PrinterError):  # noqa: N818
    """The firmware stopped itself: kill, thermal runaway, reset."""


class LabError(PrintprepError):
    """A request that the lab's records do not allow."""


class UnknownJob(LabError):  # noqa: N818
    """No job of that id."""


class IllegalTransition(LabError):  # noqa: N818
    """A job cannot go from its state to the requested one."""


class NotAllowed(LabError):  # noqa: N818
    """A person has to do something first, such as clearing the plate."""


EXIT_CODES: dict[type[PrintprepError], int] = {
    InputError: 2,
    SlicerError: 3,
    GcodeRefused: 4,
    PrinterError: 4,
    LabError: 5,
}
"""Exit code of the command line for each branch of the tree; 0 is done, 1 findings of severity error."""


def exit_code(error: PrintprepError) -> int:
    """Exit code of the command line for ``error``."""
    return next((code for branch, code in EXIT_CODES.items() if isinstance(error, branch)), 2)
