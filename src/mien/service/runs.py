"""Runs of use-cases: progress, cancellation, and the place where a run can resume."""

import hashlib
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from mien.errors import CancelledError, MienError
from mien.types import OnStep
from mien.zoo import home

One = TypeVar("One")
Kept = TypeVar("Kept")
EXPIRES = 7 * 24 * 3600.0  # s that a stopped run may be resumed; it holds embeddings


@dataclass(frozen=True, slots=True)
class Run:
    """The control of a running use-case: progress and cancellation."""

    on_step: OnStep = lambda name, done, total: None
    cancel: threading.Event | None = None  # set it from any thread; the next step ends the run

    def step(self, name: str, done: int, total: int) -> None:
        """Report progress.

        Raises:
            CancelledError: the run was cancelled; what is finished is kept.
        """
        if self.cancel is not None and self.cancel.is_set():
            raise CancelledError(
                f"The run was cancelled at {name} {done} of {total or 'an unknown number'}; "
                "finished results are kept, and the same call continues: it resumes the run after "
                "them."
            )
        self.on_step(name, done, total)


def usable(
    given: Sequence[One], keep: Callable[[One], Kept | str], step: OnStep
) -> tuple[list[Kept], dict[str, int]]:
    """Keep the images of a set that can be used.

    Args:
        given: what is known of each image.
        keep: returns what is kept of one, or the reason why it is left out.
        step: called after each image.

    Returns:
        What is kept, and the number of images by the reason why they are left out.
    """
    kept: list[Kept] = []
    left_out: Counter[str] = Counter()
    for number, one in enumerate(given, 1):
        found = keep(one)
        if isinstance(found, str):
            left_out[found] += 1
        else:
            kept.append(found)
        step("images", number, len(given))
    return kept, dict(left_out)


@contextmanager
def resumable(kind: str, facts: Any) -> Iterator[Path]:
    """Reserve the place of a run; the same facts give the same place, so that it resumes.

    Places that are not resumed within a week are deleted. The caller creates the place, and
    deletes it with `forget` once the run is complete.

    Args:
        kind: "identify", "analyze" ...: the suffix of the place.
        facts: all settings that the results depend on, as JSON.

    Raises:
        MienError: another process works on the same run.
    """
    text = json.dumps(facts, sort_keys=True, default=str)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = home() / "runs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    place = folder / f"{key}.{kind}"
    lock = FileLock(folder / f"{key}.{kind}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise MienError(
            f"Another process runs the same `{kind}` on the same sources (lock {lock.lock_file}); "
            "wait until it ends, or change an option of the run."
        ) from error
    try:
        yield place
    finally:
        lock.release()
        if not place.exists():
            Path(lock.lock_file).unlink(missing_ok=True)


def forget(place: Path) -> None:
    """Delete the place of a completed run."""
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def forget_stopped() -> tuple[int, list[Path]]:
    """Delete the places of all stopped runs, which hold embeddings and names.

    Returns:
        The number of deleted places, and the places of runs that are not stopped.
    """
    done, busy = 0, []
    for place in sorted((home() / "runs").glob("*")):
        if place.suffix == ".lock":
            continue
        lock = FileLock(f"{place}.lock")
        try:
            with lock.acquire(timeout=0):
                forget(place)
                done += 1
        except Timeout:
            busy.append(place)
            continue
        Path(lock.lock_file).unlink(missing_ok=True)
    return done, busy


def stamp(source: str) -> list[Any]:
    """Return path, size and time of modification, which identify an unchanged file."""
    path = Path(source)
    status = path.stat() if path.is_file() else None
    return [str(path.resolve()), status and [status.st_size, status.st_mtime_ns]]


def _sweep(folder: Path) -> None:
    """Delete the places that expired."""
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > EXPIRES:
            forget(old)
