"""Entries of a report: images are reduced at once, so that hundreds fit into memory."""

from base64 import b64encode
from dataclasses import dataclass, replace

import numpy as np

from mien.align import align
from mien.detect import REASONS
from mien.liveness.check import REASONS as REFUSED
from mien.media import draw_faces, encode_image, thumbnail
from mien.report.labels import ASIDE
from mien.types import Answer, Crop, Face, Pixels, Reading

SIDE = 560  # px: the longer side of an image in the report
TINY = 200  # px: smaller images are enlarged, so that labels fit
QUALITY = 78  # of the JPEGs: thin lines stay sharp, and the page is a fifth smaller than at 85
CHIP = Crop(size=112, zoom=0.62)  # an upright face with hair and chin around it
ORDER = ("match", "review", "unknown", "found")  # of faces in an image, most certain first


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One face of the report."""

    face: Face  # without its embedding
    chip: str | None  # data: URI of the upright face; None if it has no points
    outcome: str  # a key of labels.OUTCOMES

    @property
    def name(self) -> str:
        """Return the name of a match, or the best candidate of a review; "" otherwise."""
        return (self.face.decision and self.face.decision.likely) or ""

    @property
    def bars(self) -> list[tuple[str, float]]:
        """Return all quality components, lowest first."""
        components = self.face.quality.components if self.face.quality else {}
        return sorted(components.items(), key=lambda pair: (pair[1], pair[0]))

    @property
    def readings(self) -> list[tuple[str, str]]:
        """Return the readings of the face: task and value as text."""
        return [
            (one.task, _reading_text(one))
            for given in self.face.readings
            for one in (given, *given.derived)
        ]

    @property
    def liveness(self) -> tuple[str, str] | None:
        """Return whether the face is live, and by which head; None if that was not checked."""
        found = self.face.liveness
        if found is None:
            return None
        if found.score is None:
            measured = REFUSED[found.reason or "no-answer"]
        else:
            measured = f"score {found.score:.3f}, above {found.threshold:.3f} is live"
        frames = f", {found.frames} frames" if found.frames > 1 else ""
        if len(found.modalities) > 1:
            frames += f", from {' and '.join(found.modalities)}"
        return found.outcome, f"{measured} ({found.point} of {found.model}{frames})"

    @property
    def weakest(self) -> tuple[str, float] | None:
        """Return the lowest component that advice applies to."""
        return next(((name, value) for name, value in self.bars if name not in ASIDE), None)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One image of the report."""

    name: str
    picture: str | None  # data: URI with the faces drawn; None if the image could not be read
    size: tuple[int, int]  # height, width of the image in the report, px
    answer: Answer | None  # None: see `error`
    faces: tuple[Shown, ...]
    error: str  # message, if the image could not be read
    reason: str  # explanation, if there is no face
    group: str  # heading of its section; "" for none
    note: str  # one sentence about the image
    expected: str  # expected result; "" if unknown
    passed: bool | None  # whether the result is as expected; None if unknown

    @property
    def folder(self) -> str:
        """Return the name up to its last slash, inclusive."""
        return self.name[: len(self.name) - len(self.base)]

    @property
    def base(self) -> str:
        """Return the name after its last slash."""
        return self.name[self.name.replace("\\", "/").rstrip("/").rfind("/") + 1 :]

    @property
    def weight(self) -> int:
        """Return the bytes of its images in the page."""
        return len(self.picture or "") + sum(len(shown.chip or "") for shown in self.faces)

    @property
    def people(self) -> list[str]:
        """Return the people in the image; a question mark marks results for review."""
        return [one.name + "?" * (one.outcome == "review") for one in self.faces if one.name]

    @property
    def outcomes(self) -> list[str]:
        """Return each outcome in this image once, most certain first."""
        if self.answer is None:
            return ["error"]
        there = {shown.outcome for shown in self.faces}
        return [outcome for outcome in ORDER if outcome in there] or ["none"]

    @property
    def rank(self) -> tuple[int, float]:
        """Return the sort key of the report: matches first, then reviews; most similar first."""
        kinds = (*ORDER, "none", "error")
        decisions = [s.face.decision for s in self.faces if s.outcome == self.outcomes[0]]
        best = max((d.score or 0.0 for d in decisions if d), default=0.0)
        return kinds.index(self.outcomes[0]), -best


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
    """Prepare one image for the report; its pixels are not kept.

    Args:
        name: name in the report, such as the path.
        image: (H, W, 3), the image of the answer; None if it could not be read.
        answer: of the pipeline; None if the image could not be read.
        error: message why it could not be read.
        group: heading of the section; one section per group.
        note: one sentence about the image.
        expected: expected result, if known.
        passed: whether the result is as expected.
        side: px, the longer side of the image in the report.
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
        error = "The image could not be read."
    lean = answer and replace(answer, faces=())
    return Entry(name, picture, size, lean, faces, error, reason, group, note, expected, passed)


def _reading_text(reading: Reading) -> str:
    """Return a reading as text: the most probable label, or numbers with intervals."""
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
    if points is not None:  # detectors return NaN for points that are not found
        points = points[np.isfinite(points).all(axis=1)] * np.float32(scale)
    return replace(face, box=face.box * np.float32(scale), points=points)


def _uri(image: Pixels) -> str:
    return "data:image/jpeg;base64," + b64encode(encode_image(image, "jpeg", QUALITY)).decode()
