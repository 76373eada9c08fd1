"""Photographs for puppets: find their faces, and cut them."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.datasets import LABELS, Labelled
from mien.detect import REASONS, detect_with_retries
from mien.errors import ImageError, MienError, NoFaceError
from mien.landmarks import fit_largest
from mien.media import find_images, read_change, read_image
from mien.synth import HeadModel, open_head
from mien.synth.data.portraits import Portrait, cut_square
from mien.types import OnStep


def portrait_of(photo: Labelled, size: int, detector: Detector, landmarker: Landmarker) -> Portrait:
    """The square around the largest face of a photograph.

    Raises:
        ImageError, NoFaceError: it cannot be read, or shows no face.
        MienError: it is declared as made by a program, so it is no photograph of a person.
    """
    data = photo.path.read_bytes()
    if change := read_change(data):
        raise MienError(f"{photo.path} is declared as {change}; puppets move photographs.")
    image = read_image(data)
    found = detect_with_retries(detector, image, "never")
    if not found.faces:
        raise NoFaceError(f"No face in {photo.path}. {REASONS[found.reason or 'none']}")
    points = fit_largest(landmarker, image, found.faces, str(photo.path))
    square, at = cut_square(image, points, size)
    digest = hashlib.sha256(data).hexdigest()
    return Portrait(square, at, photo.path.name, digest, photo.person)


@dataclass(eq=False)
class Casting:
    """Chooses photographs of a folder for a data set of puppets."""

    folder: Path
    detector: Detector
    landmarker: Landmarker
    layout: str = ""  # a reader of mien.datasets, which knows who is in a photo; "": any images
    head: str = "builtin"
    size: int = 256
    seed: int = 0
    failures: Counter[str] = field(default_factory=Counter)  # photographs left out, by reason
    on_step: OnStep = lambda name, done, total: None

    def __post_init__(self) -> None:
        if self.layout and self.layout not in LABELS:
            raise MienError(
                f"Layout '{self.layout}' is unknown: expected one of {', '.join(LABELS)}."
            )
        paths = [] if self.layout else find_images(self.folder)
        self._photos: Sequence[Labelled] = (
            LABELS[self.layout](self.folder) if self.layout else [Labelled(path) for path in paths]
        )

    def digest(self) -> str:
        """Digest of the names and sizes of the photographs."""
        rows = [(p.path.name, p.path.stat().st_size, p.person) for p in self._photos]
        return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]

    def __call__(self, count: int) -> list[Portrait]:
        """The first photographs, in a random order of the seed, whose faces can be moved.

        Raises:
            MienError: there are too few.
        """
        found: list[Portrait] = []
        for one in self._usable(open_head(self.head)):
            found.append(one)
            self.on_step("photographs", len(found), count)
            if len(found) == count:
                return found
        left_out = ", ".join(f"{many} {why}" for why, many in sorted(self.failures.items()))
        raise MienError(
            f"{self.folder} has {len(found)} photographs whose faces can be moved, and {count} are "
            f"needed{f' (left out: {left_out})' if left_out else ''}; ask for fewer items, or add "
            "photographs."
        )

    def _usable(self, head: HeadModel) -> Iterator[Portrait]:
        order = np.random.default_rng([self.seed, 149]).permutation(len(self._photos))
        for number in order:
            try:
                one = portrait_of(self._photos[number], self.size, self.detector, self.landmarker)
                one.puppet(head)
            except NoFaceError:
                self.failures["without a face"] += 1
            except (ImageError, OSError):
                self.failures["unreadable"] += 1
            except MienError:
                self.failures["declared as made, or not fitted by the head"] += 1
            else:
                yield one
