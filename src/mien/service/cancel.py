"""Cancellation of running work: one event, checked at each progress report."""

from threading import Event

from mien.errors import CancelledError
from mien.types import OnStep


def stoppable(on_step: OnStep, cancel: Event | None) -> OnStep:
    """Return a progress hook that stops the work once an event is set.

    Raises (when it is called):
        CancelledError: the event is set.
    """

    def step(name: str, done: int, total: int) -> None:
        if cancel is not None and cancel.is_set():
            raise CancelledError(
                "The work was cancelled; finished results are kept, and the same call continues."
            )
        on_step(name, done, total)

    return step
