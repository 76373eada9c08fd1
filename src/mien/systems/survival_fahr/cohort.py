"""Read and check a cohort of faces with times, and embed its faces."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Detector
from mien.datasets.spreadsheets import rows_of
from mien.detect import detect_with_retries
from mien.errors import ImageError, MienError
from mien.geometry import pose_from_points
from mien.media import read_image
from mien.systems.survival_fahr.head import TRUNK
from mien.types import Crop, Doubles, Floats, OnStep, Pixels
from mien.zoo import DETECTOR, load

NEEDED = ("path", "time_days", "event")
SMALLEST, FARTHEST = 48, 45.0  # px, degrees of yaw: beyond, there is no number. Source: spec 03
REASONS = {
    "unreadable": "the image cannot be read",
    "no-face": "no face was found",
    "several-faces": "several faces, and the row does not say which one",
    "too-small": f"the face is less than {SMALLEST} px wide",
    "turned-away": f"the face is turned by more than {FARTHEST:g} degrees",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One row of a cohort."""

    path: Path
    days: float  # until the event, or until the end of observation
    event: bool
    others: Mapping[str, float]  # age, sex and other numbers; "female" is 1
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Outputs of the network for images, and the images without output."""

    vectors: Floats  # (N, D)
    ages: Doubles  # (N,) apparent age, years
    rows: NDArray[np.int64]  # (N,) numbers of the images
    failures: Mapping[int, str]  # the others: number -> one of REASONS

    def failures_text(self) -> str:
        """The images left out, in a sentence; "" if none."""
        counts = Counter(self.failures.values()).most_common()
        return "; ".join(f"{count} left out: {REASONS[reason]}" for reason, count in counts)


def read_cohort(table: Path) -> list[Member]:
    """Read CSV with the columns path, time_days, event (0 or 1), and others that are numbers.

    Paths are relative to the folder of the table. `sex` may be male or female.

    Raises:
        MienError: by line: a missing column, a time that is negative or not a number, an
            event that is neither 0 nor 1, an invalid number, or an image that is named twice.
    """
    rows = rows_of(table, NEEDED)
    members: list[Member] = []
    seen: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        where = f"{table}, line {line}"
        days, event = _number(row["time_days"], where, "time_days"), row["event"]
        if days < 0 or event not in ("0", "1"):
            raise MienError(
                f"{where}: a time must be 0 or more and an event 0 or 1, got {row['time_days']} "
                f"and '{event}'."
            )
        if seen.setdefault(row["path"], line) != line:
            raise MienError(f"{where} names the image of line {seen[row['path']]} again.")
        others = {k: _number(v, where, k) for k, v in row.items() if k not in NEEDED}
        members.append(Member(table.parent / row["path"], days, event == "1", others, line))
    return members


def _number(text: str | None, where: str, name: str) -> float:
    sexes = {"male": 0.0, "female": 1.0, "m": 0.0, "f": 1.0}
    try:
        value = sexes.get((text or "").strip().lower()) if name == "sex" else None
        value = float(text or "") if value is None else value
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise MienError(
            f"{where}: {name} '{text}' is not a number; write one, or leave the column out."
        )
    return value


def embed_faces(paths: list[Path], device: str = "cpu", on_step: OnStep | None = None) -> Seen:
    """Vectors and apparent ages of the one face of each image.

    Args:
        paths: images of one person each.
        device: see mien.runtime.
        on_step: called after each image.
    """
    detector, trunk = load(DETECTOR, device=device), load(TRUNK, device=device)
    vectors, ages, rows, failures = [], [], [], {}
    for number, path in enumerate(paths):
        chip, reason = _chip(path, detector, trunk.crop)
        if chip is None:
            failures[number] = reason
        else:
            vectors.append(trunk.vectors(chip)[0])
            [reading] = trunk(chip)
            ages.append(reading.values["age"])
            rows.append(number)
        if on_step:
            on_step("faces", number + 1, len(paths))
    if not rows:
        why = REASONS[next(iter(failures.values()))] if failures else "there are no images"
        raise MienError(f"No image shows a usable face: {why}.")
    return Seen(np.stack(vectors), np.array(ages), np.array(rows, np.int64), failures)


def _chip(path: Path, detector: Detector, crop: Crop) -> tuple[Pixels | None, str]:
    """A chip (1, S, S, 3) of an image's one face, or a reason."""
    try:
        image = read_image(path)
    except ImageError:
        return None, "unreadable"
    faces = detect_with_retries(detector, image, "when-needed").faces
    if not faces:
        return None, "no-face"
    widths = [float(face.box[2] - face.box[0]) for face in faces]
    face = faces[int(np.argmax(widths))]
    if sum(3 * width > max(widths) for width in widths) > 1:
        return None, "several-faces"
    if max(widths) < SMALLEST:
        return None, "too-small"
    if face.points is not None and abs(pose_from_points(face.points)[0]) > FARTHEST:
        return None, "turned-away"
    return align(image, [face], crop), ""
