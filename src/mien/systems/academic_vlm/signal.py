"""A signal for a class of learners that says nothing on a single one."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.errors import MienError

LEAST = 5  # learners; below it a share could be traced to one of them


@dataclass(frozen=True, slots=True)
class Minute:
    """What was visible in one minute."""

    minute: int
    learners: int
    shares: dict[str, float] | None  # label -> share of learners; None: too few


def class_signal(
    minutes: Sequence[int],
    learners: Sequence[str],
    labels: Sequence[str | None],
    least: int = LEAST,
) -> list[Minute]:
    """Share of learners per label and minute; each learner counts once per minute.

    Args:
        minutes: (N,) of each face.
        learners: (N,) who it is.
        labels: (N,) what was named; None: no face, refused or unparsed, which is left out.
        least: learners without whom no share is given, at least 5.

    Raises:
        MienError: the columns differ in length, or `least` is below 5.
    """
    if not len(minutes) == len(learners) == len(labels):
        raise MienError("Minutes, learners and labels need one row per face.")
    if least < LEAST:
        raise MienError(f"A share of fewer than {LEAST} learners could show one; got {least}.")
    found = []
    for minute in sorted(set(minutes)):
        last: dict[str, str] = {}
        for when, who, label in zip(minutes, learners, labels, strict=True):
            if when == minute and label is not None:
                last[who] = label
        names = sorted(set(last.values()))
        count = len(last)
        shares = {name: list(last.values()).count(name) / count for name in names}
        found.append(Minute(minute, count, shares if count >= least else None))
    return found
