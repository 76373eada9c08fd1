"""Clip stage: heads that read a person over time, in windows along each track."""

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mien.align import align
from mien.contracts import ClipHead
from mien.errors import MienError
from mien.film.readings import card_of, reading_columns
from mien.film.rows import FaceRow
from mien.types import Clip, Crop, Face, Floats, Pixels, Reading

PARTS = frozenset({"chips", "points"})  # parts of a clip that a film provides
WINDOW, HOP, RATE = 2.0, 0.5, 12.5  # s, s, frames per second: defaults for heads without values
PAUSE = 1.0  # s without a face after which a window starts anew


@dataclass(slots=True, eq=False)
class _Shot:
    """One sampled frame of one track."""

    time: float
    five: Floats  # (5, 2) px
    chip: Pixels | None  # None until the frame is read again after a stop
    points: Floats | None  # (L, 3) px, if the head needs them


@dataclass(slots=True, eq=False)
class _Window:
    """The last seconds of one track."""

    shots: deque[_Shot] = field(default_factory=deque)
    read: float = -np.inf  # s of the last reading


class ClipRunner:
    """Runs one clip head along every track of a film or camera.

    A window holds the last `window` seconds of a track. The head reads it every `hop` seconds
    once half a window is filled; the reading is in the row of the window's last frame.
    """

    def __init__(self, head: ClipHead) -> None:
        """Start without tracks.

        Raises:
            MienError: the head needs a part that a film does not provide.
        """
        check_needs(head)
        self._head = head
        self.window, self.hop, self.rate = timing(head)
        self._windows: dict[int, _Window] = {}

    def __call__(self, image: Pixels, time: float, rows: Sequence[FaceRow]) -> None:
        """Add the rows of one frame; rows that end a window get the reading of the head."""
        fresh = [row for row in rows if row.face is not None and self._wanted(row, time)]
        faces = [row.face for row in fresh if row.face is not None]
        chips = self._cut(image, faces)
        for row, face, chip in zip(fresh, faces, chips, strict=True):
            assert row.track is not None
            assert face.points is not None
            window = self._windows.setdefault(row.track, _Window())
            window.shots.append(_Shot(time, face.points, chip, self._points(row)))
            while time - window.shots[0].time > self.window + 1e-6:
                window.shots.popleft()
            if self._due(window, time):
                window.read = time
                for reading in self._head(self._clip(window)):
                    row.values |= clip_values(reading)
        self._windows = {
            track: one for track, one in self._windows.items() if time - one.shots[-1].time <= PAUSE
        }

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Apply new track numbers; a track of another person starts a new window."""
        self._windows = {t: one for t, one in self._windows.items() if t not in numbers}

    def state(self) -> dict[str, Any]:
        """Return the state that the next frame depends on, without pixels, as JSON."""
        return {
            str(track): {
                "read": None if np.isinf(one.read) else one.read,
                "shots": [[s.time, s.five.tolist(), _packed(s.points)] for s in one.shots],
            }
            for track, one in self._windows.items()
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Restore a state; `see_again` then restores the chips."""
        self._windows = {}
        for track, saved in state.items():
            shots = (
                _Shot(time, np.array(five, np.float32), None, _unpacked(points))
                for time, five, points in saved["shots"]
            )
            read = -np.inf if saved["read"] is None else saved["read"]
            self._windows[int(track)] = _Window(deque(shots), read)

    def see_again(self, image: Pixels, time: float) -> None:
        """Cut the chips of a frame that was processed before the stop."""
        for window in self._windows.values():
            for shot in window.shots:
                if shot.chip is None and abs(shot.time - time) < 1e-6:
                    face = Face(np.zeros(4, np.float32), 1.0, shot.five)
                    shot.chip = self._cut(image, [face])[0]

    def _wanted(self, row: FaceRow, time: float) -> bool:
        window = self._windows.get(row.track) if row.track is not None else None
        if row.track is None or row.values["reason"] != "ok":
            return False
        return window is None or time - window.shots[-1].time >= 1 / self.rate - 1e-3

    def _due(self, window: _Window, time: float) -> bool:
        long_enough = time - window.shots[0].time >= self.window / 2 - 1 / self.rate
        return long_enough and time - window.read >= self.hop - 1e-6

    def _clip(self, window: _Window) -> Clip:
        shots = [one for one in window.shots if one.chip is not None or not self._chips]
        times = np.array([one.time for one in shots])
        chips = np.stack([one.chip for one in shots if one.chip is not None])
        points = [one.points for one in shots if one.points is not None]
        return Clip(times, chips if self._chips else None, np.stack(points) if points else None)

    @property
    def _chips(self) -> bool:
        return "chips" in self._head.needs

    def _cut(self, image: Pixels, faces: Sequence[Face]) -> Pixels:
        if not self._chips:
            return np.zeros((len(faces), 1, 1, 3), np.uint8)
        return align(image, faces, crop_of(self._head))

    def _points(self, row: FaceRow) -> Floats | None:
        if "points" not in self._head.needs:
            return None
        return row.mesh


def check_needs(head: ClipHead) -> None:
    """Raise an error for a head that needs a part that films do not provide.

    Raises:
        MienError: names the part.
    """
    lacking = sorted(head.needs - PARTS)
    if lacking:
        raise MienError(
            f"'{head.name}' needs {', '.join(lacking)}, but a film of faces provides "
            f"{' and '.join(sorted(PARTS))} only; choose another head."
        )


def crop_of(head: ClipHead) -> Crop:
    """Return the crop of a head; a default for heads that need points only."""
    crop: Crop = getattr(head, "crop", Crop(size=1))
    return crop


def timing(head: ClipHead) -> tuple[float, float, float]:
    """Return window (s), hop (s) and frames per second of a clip head, from its card."""
    card = card_of(head.name)
    given = (card.window, card.hop, card.rate) if card else (None, None, None)
    own = (
        getattr(head, name, None) for name in ("window", "hop", "rate")
    )  # of a head without card
    window, hop, rate = (
        a or b or c for a, b, c in zip(given, own, (WINDOW, HOP, RATE), strict=True)
    )
    return float(window), float(hop), float(rate)


def clip_values(reading: Reading) -> dict[str, float]:
    """Return column -> number of a reading, with its time span."""
    found = {name: value for name, (value, _) in reading_columns(reading).items()}
    if found and reading.span is not None:
        stem = reading.task.replace("-", "_")
        found |= {f"{stem}_start": reading.span[0], f"{stem}_end": reading.span[1]}
    return found


def example(head: ClipHead) -> list[Reading]:
    """Return tasks, labels and units: the readings of a grey clip of one window.

    A head that refuses a clip without motion gets what its card declares.
    """
    window, _, rate = timing(head)
    count = max(2, round(window * rate))
    size = crop_of(head).size
    chips = np.full((count, size, size, 3), 128, np.uint8) if "chips" in head.needs else None
    points = np.zeros((count, 478, 3), np.float32) if "points" in head.needs else None
    found = head(Clip(np.arange(count) / rate, chips, points))
    return found if any(one.values for one in found) else _declared(head) or found


def _declared(head: ClipHead) -> list[Reading]:
    """Return one reading per task of the card's columns, with zeros."""
    card = card_of(head.name)
    found: dict[str, Reading] = {}
    for column in card.columns if card else ():
        task = column.task or (card.task if card else "")
        one = found.setdefault(task, Reading(task, {}, column.unit, head.name))
        one.values[column.value] = 0.0
    return list(found.values())


def _packed(points: Floats | None) -> str | None:
    return None if points is None else b64encode(points.astype("<f4").tobytes()).decode()


def _unpacked(text: str | None) -> Floats | None:
    if text is None:
        return None
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32).reshape(-1, 3)
