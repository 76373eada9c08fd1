"""Stop work from outside: one event, looked at wherever progress is told."""

from threading import Event

from mien.errors import CancelledError
from mien.types import OnStep


def stoppable(on_step: OnStep, cancel: Event | None) -> OnStep:
    """A hook for progress that stops the work once an event is set.

    Raises (when it is called):
        CancelledError: the event is set.
    """

    def step(name: str, done: int, total: int) -> None:
        if cancel is not None and cancel.is_set():
            raise CancelledError(
                "Stopped as asked; what is finished is kept, and the same call goes on from there."
            )
        on_step(name, done, total)

    return step
