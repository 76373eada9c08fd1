"""Portraits: the photographs that a data set of puppets moves, with the points of their faces."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.errors import ImageError, MienError
from mien.media import encode_image, read_image, write_bytes
from mien.synth.head.model import HeadModel
from mien.synth.motion.photo_puppet import Puppet
from mien.types import Floats, Pixels

FOLDER, LIST = "portraits", "portraits.jsonl"
AROUND = 1.45  # side of the square over the larger side of the face's points


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One photograph of a face, cut square."""

    image: Pixels  # (S, S, 3)
    points: Floats  # (68, 2) px in the order of iBUG 300-W
    name: str = ""  # of the file
    sha256: str = ""  # of the file
    person: str = ""  # "": nobody else in the set is known to be the same person

    def puppet(self, head: HeadModel) -> Puppet:
        """The puppet of this photograph.

        Raises:
            MienError: the head cannot be fitted to it.
        """
        return Puppet(head, self.image, self.points)


def cut_square(image: Pixels, points: Floats, size: int) -> tuple[Pixels, Floats]:
    """The square around a face: (size, size, 3), and its points in it.

    Where the square leaves the photograph, the border is continued.

    Args:
        image: (H, W, 3).
        points: (68, 2) px.
        size: px.
    """
    low, high = points.min(0), points.max(0)
    scale = size / (AROUND * float((high - low).max()))
    centre = (low + high) / 2 - [0, 0.08 * (high - low)[1]]  # the forehead has no points
    shift = size / 2 - centre * scale
    place = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cut = cv2.warpAffine(image, place, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8), (points * scale + shift).astype(np.float32)


def keep_portraits(out: Path, portraits: Sequence[Portrait]) -> None:
    """Write portraits to a folder; the list is written last, so a list means all are there."""
    (out / FOLDER).mkdir(exist_ok=True)
    rows = []
    for number, one in enumerate(portraits):
        place = f"{FOLDER}/{number:06d}.png"
        write_bytes(out / place, encode_image(one.image, "png"))
        rows.append({"file": place, "photo": one.name, "sha256": one.sha256, "person": one.person,
                     "points": one.points.round(3).tolist()})  # fmt: skip
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes(out / LIST, text.encode())


def read_portrait(out: Path, number: int) -> Portrait:
    """One of the portraits of a folder.

    Raises:
        MienError: the list or the image is damaged or missing.
    """
    try:
        row = json.loads((out / LIST).read_text("utf-8").splitlines()[number])
        points = np.asarray(row["points"], np.float32).reshape(68, 2)
        image = read_image(out / row["file"])
        return Portrait(image, points, row["photo"], row["sha256"], row["person"])
    except (OSError, ValueError, KeyError, IndexError, TypeError, ImageError) as error:
        raise MienError(
            f"Portrait {number} of {out / LIST} cannot be read ({error}); draw into a new folder."
        ) from error
