"""One picture of a report, made small at once so that hundreds of them fit into memory."""

from base64 import b64encode
from dataclasses import dataclass, replace

import numpy as np

from mien.align import align
from mien.detect import REASONS
from mien.media import draw_faces, encode_image, thumbnail
from mien.report.labels import ASIDE
from mien.types import Answer, Crop, Face, Pixels, Reading

SIDE = 560  # px: the longer side of a picture on the page
TINY = 200  # px: a picture that is smaller is shown with larger pixels, or no label fits in
QUALITY = 85  # of the JPEGs
CHIP = Crop(size=144, zoom=0.62)  # an upright face with hair and chin around it
ORDER = ("match", "review", "unknown", "found")  # of faces in a picture, surest first


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One face as the page shows it."""

    face: Face  # without its embedding
    chip: str | None  # data: URI of the upright face; None if it has no points
    outcome: str  # a key of labels.OUTCOMES

    @property
    def bars(self) -> list[tuple[str, float]]:
        """All components of quality, lowest first."""
        components = self.face.quality.components if self.face.quality else {}
        return sorted(components.items(), key=lambda pair: (pair[1], pair[0]))

    @property
    def readings(self) -> list[tuple[str, str]]:
        """What heads read off the face: task, and the answer in words."""
        return [
            (one.task, _told(one))
            for given in self.face.readings
            for one in (given, *given.derived)
        ]

    @property
    def weakest(self) -> tuple[str, float] | None:
        """The component to look at first."""
        return next(((name, value) for name, value in self.bars if name not in ASIDE), None)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One picture as the page shows it."""

    name: str
    picture: str | None  # data: URI with the faces drawn; None if it could not be read
    size: tuple[int, int]  # height, width of the picture on the page, px
    answer: Answer | None  # None: see `error`
    faces: tuple[Shown, ...]
    error: str  # a sentence, if the picture could not be read
    reason: str  # a sentence, if there is no face
    group: str  # heading that it stands under; "" for none
    note: str  # what there is to know about the picture, in a sentence
    expected: str  # what the answer should be; "" if nobody knows
    passed: bool | None  # whether it was; None if nobody knows

    @property
    def folder(self) -> str:
        """What stands before the last slash of the name, with the slash."""
        return self.name[: len(self.name) - len(self.base)]

    @property
    def base(self) -> str:
        """What stands after the last slash of the name."""
        return self.name[self.name.replace("\\", "/").rstrip("/").rfind("/") + 1 :]

    @property
    def people(self) -> list[str]:
        """Who is in the picture; a question mark follows whom a person should look at."""
        decisions = [shown.face.decision for shown in self.faces if shown.face.decision]
        return [d.person + "?" * (d.outcome == "review") for d in decisions if d.person]

    @property
    def outcomes(self) -> list[str]:
        """Each kind of outcome in this picture once, surest first."""
        if self.answer is None:
            return ["error"]
        there = {shown.outcome for shown in self.faces}
        return [outcome for outcome in ORDER if outcome in there] or ["none"]


def entry(
    name: str,
    image: Pixels | None,
    answer: Answer | None,
    error: str = "",
    *,
    group: str = "",
    note: str = "",
    expected: str = "",
    passed: bool | None = None,
    side: int = SIDE,
) -> Entry:
    """Make one picture ready for the page; its pixels are not kept.

    Args:
        name: how the picture is called on the page, such as its path.
        image: (H, W, 3) that the answer is about; None if it could not be read.
        answer: of the pipeline; None if the picture could not be read.
        error: the sentence that says why it could not be read.
        group: pictures of one group stand together under this heading.
        note: a sentence about the picture.
        expected: what the answer should be, if that is known.
        passed: whether it was.
        side: px, the longer side of the picture on the page.
    """
    faces: tuple[Shown, ...] = ()
    picture, size, reason = None, (0, 0), ""
    if image is not None and answer is not None:
        faces = tuple(_shown(image, face) for face in answer.faces)
        small = _larger(thumbnail(image, side))
        scale = small.shape[1] / image.shape[1]
        picture = _uri(draw_faces(small, [_scaled(face, scale) for face in answer.faces]))
        size = (small.shape[0], small.shape[1])
        reason = REASONS.get(answer.reason or "none", answer.reason or "")
    elif not error:
        error = "The picture could not be read."
    lean = answer and replace(answer, faces=())
    return Entry(name, picture, size, lean, faces, error, reason, group, note, expected, passed)


def _told(reading: Reading) -> str:
    """An answer in words: the likeliest label, or numbers with their intervals."""
    if reading.unit == "probability" and reading.values:
        label = max(reading.values, key=lambda name: reading.values[name])
        return f"{label} {100 * reading.values[label]:.0f} %"
    parts = []
    for name, value in reading.values.items():
        label = "" if name == reading.task else f"{name} "
        text = f"{label}{value:.0f}" if reading.unit == "year" else f"{label}{value:.2f}"
        if reading.low and reading.high and name in reading.low:
            text += f" ({reading.low[name]:.0f} to {reading.high[name]:.0f})"
        parts.append(text)
    return ", ".join(parts)


def _shown(image: Pixels, face: Face) -> Shown:
    outcome = face.decision.outcome if face.decision else "found"
    seen = face.points is not None and np.isfinite(face.points).all(axis=1).sum() >= 2
    chip = _uri(align(image, [face], CHIP)[0]) if seen else None
    return Shown(replace(face, embedding=None, points=None), chip, outcome)


def _larger(image: Pixels) -> Pixels:
    times = -(-TINY // max(image.shape[:2]))
    return image.repeat(times, axis=0).repeat(times, axis=1) if times > 1 else image


def _scaled(face: Face, scale: float) -> Face:
    points = face.points
    if points is not None:  # a detector that does not see a point gives NaN
        points = points[np.isfinite(points).all(axis=1)] * np.float32(scale)
    return replace(face, box=face.box * np.float32(scale), points=points)


def _uri(image: Pixels) -> str:
    return "data:image/jpeg;base64," + b64encode(encode_image(image, "jpeg", QUALITY)).decode()
