"""Progress, passed down from whoever watches: bars in the command line, rows in the lab, silence in tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """One piece of work under way."""

    def advance(self, done: float, message: str = "") -> None:
        """Say how much is done in all, from 0 to 1, and what is being done."""


class Progress(Protocol):
    """Somebody who is told about work; :data:`SILENT` is nobody."""

    def step(self, name: str) -> AbstractContextManager[Step]:
        """Announce a piece of work; ``with progress.step("slice plate 1") as step: step.advance(0.5)``."""


class _SilentStep:
    def advance(self, done: float, message: str = "") -> None:
        pass


class _Silent:
    @contextmanager
    def step(self, name: str) -> Iterator[Step]:  # noqa: ARG002 - nobody to tell it to
        yield _SilentStep()


SILENT: Progress = _Silent()
"""A progress that tells nobody."""
