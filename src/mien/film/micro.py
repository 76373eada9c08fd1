"""Candidates of micro-expressions in films that were analysed: a second pass over their frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mien.align import align
from mien.behaviour.micro_places import CROP, LONGEST, beside_face, face_edge
from mien.errors import FilmError, MienError
from mien.geometry import POINTS, eye_distance
from mien.media import open_film
from mien.signals import grey_values
from mien.signals.micro import APART, REFUSED, between_blinks, spot_micro
from mien.tables import Table
from mien.types import Clip, Face, Floats, OnStep, Pixels

KIND = "micro-movement"  # of mien.behaviour.KINDS
DRIFT = 0.3  # of the distance between the eyes: a head that moves further starts a new segment
GAP = 0.15  # s between two frames of a segment, as for all events
CHUNK = 1000  # frames of one face in memory: 16 MB
CLOSED = ("blink", "eyes-closed")
# Events that explain a short movement.
OTHERS = (*CLOSED, "talking", "mouth-open", "nod", "shake", "gaze-shift")
Key = tuple[str, int]  # who and track
Row = dict[str, Any]


def with_micro(table: Table, on_step: OnStep = lambda name, done, total: None) -> Table:
    """Add candidates of micro-expressions to the events of a table.

    A candidate is a short local movement, see `mien.signals.micro.spot_micro`. One that overlaps a
    blink, speech, an open mouth, a gaze shift or a movement of the head is counted and left out,
    and so is one halfway between two blinks, since it is compared with closed eyes.

    Args:
        table: of `analyze`.
        on_step: called with seconds done and total of each film.

    Returns:
        The table. Recordings have `micro_seconds`, in which candidates can be found,
        `micro_left_out`, and `micro_note`: a warning, or why a film has no candidate.
    """
    rows = table.events.to_dict("records")
    facts = table.recordings.to_dict("records")
    for one in facts:
        if one.get("kind") == "film" and not isinstance(one.get("reason"), str):
            spotter = _Spotter([row for row in rows if row["input"] == one["input"]])
            spotter.read(one["input"], _faces(table, one["input"]), on_step)
            rows += [{"input": one["input"], **event} for event in spotter.events]
            one |= {"micro_seconds": round(spotter.seconds, 2),
                    "micro_left_out": spotter.explained,
                    "micro_note": "; ".join(sorted(spotter.notes)) or None}  # fmt: skip
    order = {one["input"]: place for place, one in enumerate(facts)}
    rows.sort(key=lambda row: (order[row["input"]], str(row["who"]), row["onset"], row["kind"]))
    return table.with_events(rows).with_recordings(facts)


def spot_clip(
    clip: Clip,
) -> tuple[tuple[tuple[float, float, float], ...] | None, tuple[str, ...]]:
    """Find candidates in a clip of `mien.film.short.read_short`, cut by CROP.

    Returns:
        Seconds of onset, apex and offset of each; None if they cannot be searched for. Then notes:
        a warning, or the reason. Blinks and speech are not left out.
    """
    if clip.chips is None or len(clip.times) < 2:
        return None, ("a film of two frames or more is needed",)
    rate = round(1 / float(np.median(np.diff(clip.times))), 1)
    try:
        found = spot_micro(grey_values(clip.chips), rate, ignore=beside_face(), edge=face_edge())
    except FilmError as error:
        return None, (str(error),)
    spans = ([float(clip.times[k]) for k in (e.onset, e.apex, e.offset)] for e in found.events)
    short = tuple((a, b, c) for a, b, c in spans if c - a <= LONGEST)
    return short, (found.note,) if found.note else ()


def _faces(table: Table, name: str) -> dict[float, dict[Key, Floats]]:
    """Time -> who and track -> (5, 2) px, of the rows that were measured."""
    data = table.data.assign(who=table.who)
    data = data[(data["input"] == name) & (data["reason"] == "ok")]
    columns = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
    points = data[columns].to_numpy(np.float32).reshape(-1, len(POINTS), 2)
    found: dict[float, dict[Key, Floats]] = {}
    for time, who, track, five in zip(
        data["time"], data["who"], data["track"], points, strict=True
    ):
        if np.isfinite(five).all():
            found.setdefault(round(float(time), 4), {})[str(who), int(track)] = five
    return found


@dataclass(slots=True, eq=False)
class _Segment:
    """Consecutive frames of one face whose head stays in place; all are cut at one place.

    The points of each frame jump by a pixel, as much as a micro-expression moves.
    """

    who: str
    face: Face  # of its first frame
    times: list[float] = field(default_factory=list)
    chips: list[Pixels] = field(default_factory=list)  # grey

    @property
    def rate(self) -> float:
        """Return frames per second, to a tenth; 0 for one frame."""
        steps = np.diff(self.times)
        return round(1 / float(np.median(steps)), 1) if len(steps) else 0.0

    def add(self, image: Pixels, time: float) -> None:
        """Cut the face out of one more frame."""
        self.times.append(time)
        self.chips.append(grey_values(align(image, [self.face], CROP))[0])

    def left(self, points: Floats) -> bool:
        """Return whether the head has moved away from the place of the first frame."""
        assert self.face.points is not None
        away = float(np.linalg.norm(points - self.face.points, axis=1).mean())
        return away > DRIFT * eye_distance(self.face.points)

    def rest(self) -> "_Segment":
        """Return the last frames, whose score needs frames that follow."""
        last = 2 * round(APART * self.rate)
        return _Segment(self.who, self.face, self.times[-last:], self.chips[-last:])


class _Spotter:
    """Reads one film again and spots in each segment."""

    def __init__(self, known: list[Row]) -> None:
        """Start with the events that are known of the film."""
        self._known: dict[str, list[tuple[float, float]]] = {}  # who -> what explains a candidate
        for who in {row["who"] for row in known}:
            mine = [row for row in known if row["who"] == who]
            spans = [(r["onset"], r["offset"]) for r in mine if r["kind"] in OTHERS]
            closed = [(r["onset"], r["offset"]) for r in mine if r["kind"] in CLOSED]
            self._known[who] = [*spans, *between_blinks(closed)]
        self._open: dict[Key, _Segment] = {}
        self.events: list[Row] = []
        self.seconds = 0.0
        self.explained = 0
        self.notes: set[str] = set()

    def read(self, name: str, faces: Mapping[float, Mapping[Key, Floats]], on_step: OnStep) -> None:
        """Read the frames; `faces` has the points by time."""
        total = int(max(faces, default=0)) + 1
        try:
            with open_film(name) as film:
                for frame in film.frames():
                    self._frame(frame.image, round(frame.time, 4), faces)
                    on_step("micro", min(int(frame.time), total), total)
        except MienError as error:
            self.notes.add(f"the film cannot be read again: {error}")
        for key in list(self._open):
            self._close(key)

    def _frame(
        self, image: Pixels, time: float, faces: Mapping[float, Mapping[Key, Floats]]
    ) -> None:
        for key in [k for k, one in self._open.items() if time - one.times[-1] > GAP]:
            self._close(key)
        for key, points in faces.get(time, {}).items():
            if key in self._open and self._open[key].left(points):
                self._close(key)
            if key not in self._open:
                self._open[key] = _Segment(key[0], Face(np.zeros(4, np.float32), 1.0, points))
            self._open[key].add(image, time)
            if len(self._open[key].times) >= CHUNK:
                rest = self._open[key].rest()
                self._close(key)
                self._open[key] = rest

    def _close(self, key: Key) -> None:
        segment = self._open.pop(key)
        rate, count = segment.rate, len(segment.times)
        if 0 < rate < REFUSED:
            self.notes.add(f"{rate:g} measured frames per second are too few to spot: at least "
                           f"{REFUSED:g} are needed")  # fmt: skip
            return
        if count <= 2 * round(APART * rate) or not rate:
            return  # up to a second: nothing to compare with, so it is not in `seconds` either
        spotted = spot_micro(np.stack(segment.chips), rate, ignore=beside_face(), edge=face_edge())
        self.seconds += count / rate - 2 * APART
        if spotted.note:
            self.notes.add(spotted.note)
        for event in spotted.events:
            onset, apex, offset = (
                segment.times[k] for k in (event.onset, event.apex, event.offset)
            )
            if offset - onset > LONGEST:
                continue
            if any(a <= offset and onset <= b for a, b in self._known.get(segment.who, ())):
                self.explained += 1
                continue
            self.events.append({
                "who": segment.who, "kind": KIND, "side": None, "onset": onset, "apex": apex,
                "offset": offset, "peak": event.score, "begun": True, "ended": True,
            })  # fmt: skip
