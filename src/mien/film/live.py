"""What faces show while it happens: frames in, rows out at once, events within two seconds.

A row depends on the frames before it alone. With a saved baseline it holds the same numbers as the
row of a film; without one each face is measured against the rest that it has shown so far.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mien.behaviour import (
    Baseline,
    BaselineError,
    FacialEvent,
    RunningBaseline,
    action_units,
    events,
)
from mien.film.analyzer import Analyzer
from mien.film.baselines import check_whose
from mien.film.frames import FaceRow, FrameAnalyzer
from mien.film.identities import open_search
from mien.film.key_faces import KeyFaceSelector
from mien.film.scanner import SEGMENT
from mien.film.segment_log import segment_from_row
from mien.landmarks import UNITS
from mien.media import Frame
from mien.track import FrameFaces, KeyFace, mean
from mien.track.builder import KEPT

WINDOW = 60.0  # s of the past that events are found in; as long as the open level of an eye is
OFTEN = 1.0  # s between two searches for events, which take about 0.1 s a face
SETTLED = 0.5  # s after its end from which an event cannot change any more
AWAY = 2.0  # s out of sight after which a face is forgotten


@dataclass(slots=True, eq=False)
class _Face:
    """One track, as long as it is on screen."""

    settling: RunningBaseline = field(default_factory=RunningBaseline)
    baseline: Baseline | None = None  # one that was given and fits
    past: deque[tuple[float, dict[str, float]]] = field(default_factory=deque)
    told: dict[str, float] = field(default_factory=dict)  # kind and side -> end of the last one
    chosen: list[KeyFace] = field(default_factory=list)
    person: str | None = None
    seen: float = 0.0


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """One row of a frame, or one event."""

    row: dict[str, Any] | None = None  # column -> number or text
    event: FacialEvent | None = None
    track: int | None = None
    person: str | None = None
    mode: str | None = None  # of the baseline: given, causal, or None if there is none yet


class LiveAnalysis:
    """Turns frames into rows; what it holds does not grow with time."""

    def __init__(self, kit: Analyzer, baseline: Baseline | None = None) -> None:
        """Start with nobody on screen.

        Args:
            kit: what faces are observed with; with a gallery they are named.
            baseline: of a person who is expected; who turns out to be somebody else is measured
                against their own rest.
        """
        self._kit, self._given = kit, baseline
        self._observing = FrameAnalyzer(kit)
        self._sighting = KeyFaceSelector(kit.pipeline.embedder) if kit.pipeline.embedder else None
        self._search = open_search(kit.pipeline)
        self._faces: dict[int, _Face] = {}
        self._stretch = 0
        self._looked = -np.inf  # s of the last search for events
        self.refused: str | None = None  # why the baseline that was given was not used

    def __call__(self, frames: Iterable[Frame]) -> Iterator[LiveRecord]:
        """Watch frames in the order of time; each gives its rows before the next is asked for."""
        time = 0.0
        for frame in frames:
            time = frame.time
            self._end_stretch(time)
            rows = self._observing(frame.image, time, frame.number, cut=frame.cut)
            if self._sighting:
                faces = tuple(row.face for row in rows if row.face)
                self._sighting.see(frame.image, FrameFaces(frame.number, time, frame.cut, faces))
            for row in rows:
                yield self._told(row, time)
            if time - self._looked >= OFTEN:
                self._looked = time
                yield from self._happened(time - SETTLED)
            self._forget(time)
        yield from self._happened(time)

    def _told(self, row: FaceRow, time: float) -> LiveRecord:
        if row.track is None:
            return LiveRecord(row.values)
        face = self._faces.setdefault(row.track, _Face(baseline=self._given))
        face.seen = time
        columns = {name: row.values.get(name, np.nan) for name in UNITS}
        if face.baseline is None and row.values["reason"] == "ok":
            face.settling(time, columns)
        rest = face.baseline or face.settling.baseline
        if rest is not None:
            found = action_units({n: np.array([v]) for n, v in columns.items()}, rest)
            columns |= {name: float(values[0]) for name, values in found.items()}
            row.values |= {name: columns[name] for name in found}
        face.past.append((time, columns))
        while time - face.past[0][0] > WINDOW:
            face.past.popleft()
        row.values["person"] = face.person
        mode = None if rest is None else "given" if rest is self._given else "causal"
        return LiveRecord(row.values, None, row.track, face.person, mode)

    def _happened(self, until: float) -> Iterator[LiveRecord]:
        """Events that ended before a moment and were not told yet."""
        for track, face in self._faces.items():
            if len(face.past) < 2:
                continue
            times = np.array([time for time, _ in face.past])
            names = dict.fromkeys(name for _, columns in face.past for name in columns)
            table = {n: np.array([c.get(n, np.nan) for _, c in face.past]) for n in names}
            for one in events(times, table, causal=True):
                key = f"{one.kind} {one.side}" if one.kind == "gaze-shift" else one.kind
                over = one.offset <= until and one.onset >= face.told.get(key, -np.inf)
                if over and (one.ended or one.offset < times[-1]):
                    face.told[key] = one.offset
                    yield LiveRecord(None, one, track, face.person)

    def _end_stretch(self, time: float) -> None:
        """Each half second: name the tracks, and see whether the baseline fits them."""
        stretch = int(time / SEGMENT)
        if self._sighting is None or stretch <= self._stretch:
            return
        self._stretch = stretch
        for chosen in segment_from_row(self._sighting.end(time)).chosen:
            face = self._faces.get(chosen.track)
            if face is None:
                continue
            face.chosen = sorted([*face.chosen, chosen], key=lambda one: -one.selection_score)[
                :KEPT
            ]
            vector = mean([c.face for c in face.chosen], [c.selection_score for c in face.chosen])
            if self._search and vector is not None:
                decision = self._search(vector, face.chosen[0].face)
                match = decision is not None and decision.outcome == "match"
                face.person = decision.person if decision and match else None
            if face.baseline is not None and face.baseline is self._given:
                try:
                    check_whose(face.baseline, self._kit, vector)
                except BaselineError as error:
                    face.baseline, self.refused = None, str(error)

    def _forget(self, time: float) -> None:
        self._faces = {n: face for n, face in self._faces.items() if time - face.seen <= AWAY}
