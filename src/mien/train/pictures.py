"""Labelled images and clips as arrays; files that cannot be read are counted and named."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.datasets import Labelled
from mien.errors import ImageError, TrainingError
from mien.media import find_images, read_image, stretched
from mien.types import OnStep, Pixels

MENTIONED = 5  # names in a sentence


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Images (or clips) that could be read, and those that could not."""

    images: Pixels  # (N, S, S, 3), or clips (N, T, S, S, 3)
    records: tuple[Labelled, ...]  # (N,)
    failures: tuple[tuple[Path, str], ...] = ()  # which could not be read, and why

    def failures_text(self) -> str:
        """The files that could not be read, in a sentence; "" if none."""
        if not self.failures:
            return ""
        names = ", ".join(path.name for path, _ in self.failures[:MENTIONED])
        more = ", ..." if len(self.failures) > MENTIONED else ""
        total = len(self.failures) + len(self.records)
        return (
            f"{len(self.failures)} of {total} images cannot be read and are left out: {names}{more}"
        )


def read_pictures(
    records: Sequence[Labelled],
    size: int,
    cut: Callable[[Pixels], Pixels | None] | None = None,
    on_step: OnStep | None = None,
) -> Read:
    """Read labelled images as squares.

    Args:
        records: from a reader of mien.datasets.
        size: px, side of the squares.
        cut: makes the square of an image, such as detection and alignment; None from it: no face
            was found. Default: the whole image, resized to a square.
        on_step: called after each image.

    Raises:
        TrainingError: none of them can be read.
    """
    images = np.empty((len(records), size, size, 3), np.uint8)
    kept: list[Labelled] = []
    failures: list[tuple[Path, str]] = []
    for number, record in enumerate(records, 1):
        try:
            image = read_image(record.path)
            square = cut(image) if cut else stretched(image, size)
            if square is None:
                failures.append((record.path, "no face found"))
            else:
                images[len(kept)] = square
                kept.append(record)
        except ImageError as error:
            failures.append((record.path, str(error)))
        if on_step:
            on_step("pictures", number, len(records))
    return _some(Read(images[: len(kept)], tuple(kept), tuple(failures)))


def read_clips(
    records: Sequence[Labelled], size: int, frames: int, on_step: OnStep | None = None
) -> Read:
    """Read clips, each a folder of frames, as `frames` frames at equal steps of time.

    A clip with fewer frames than requested repeats some. One with fewer than 4 is left out.
    """
    clips = np.empty((len(records), frames, size, size, 3), np.uint8)
    kept: list[Labelled] = []
    failures: list[tuple[Path, str]] = []
    for number, record in enumerate(records, 1):
        try:
            files = sorted(find_images([record.path]), key=_number)
            if len(files) < 4:
                raise ImageError(f"{record.path} has {len(files)} frames; at least 4 are needed.")
            chosen = spread(len(files), frames)
            clips[len(kept)] = [stretched(read_image(files[k]), size) for k in chosen]
            kept.append(record)
        except ImageError as error:
            failures.append((record.path, str(error)))
        if on_step:
            on_step("clips", number, len(records))
    return _some(Read(clips[: len(kept)], tuple(kept), tuple(failures)))


def _number(path: Path) -> tuple[list[int], str]:
    """Sort key: frame 10 comes after frame 9, whether or not names are padded with zeros."""
    return [int(digits) for digits in re.findall(r"\d+", path.stem)], path.stem


def spread(have: int, want: int) -> list[int]:
    """Frames in the middle of `want` equal parts of `have` frames."""
    return [int((k + 0.5) * have / want) for k in range(want)]


def _some(read: Read) -> Read:
    if not read.records:
        why = read.failures[0][1] if read.failures else "the list is empty"
        raise TrainingError(f"No image can be read, so nothing can be trained: {why}")
    return read
