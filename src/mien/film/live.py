"""What faces show while it happens: frames in, rows out at once, events within two seconds.

A row depends on the frames before it alone. With a saved baseline it holds the same numbers as the
row of a film; without one each face is measured against the neutral face that it has shown so far.
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
from mien.film.engine import FilmEngine
from mien.film.frames import FrameAnalyzer
from mien.film.rows import FaceRow
from mien.film.running import RunningIdentities
from mien.film.scanner import EVERY
from mien.landmarks import UNITS
from mien.media import Frame
from mien.track import KeyFace, Segment, mean
from mien.track.builder import KEPT
from mien.types import Identity

WINDOW = 60.0  # s of the past that events are found in; as long as the open level of an eye is
OFTEN = 1.0  # s between two searches for events, which take about 0.1 s per face
SETTLED = 0.5  # s after its end from which an event cannot change any more
AWAY = 2.0  # s out of sight after which a face is forgotten


@dataclass(slots=True, eq=False)
class _Face:
    """One track, as long as it is on screen."""

    running: RunningBaseline = field(default_factory=RunningBaseline)
    baseline: Baseline | None = None  # one that was given and fits
    past: deque[tuple[float, dict[str, float]]] = field(default_factory=deque)
    ends: dict[str, float] = field(default_factory=dict)  # kind and side -> end of the last one
    key_faces: list[KeyFace] = field(default_factory=list)
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
    """The live sink of both stages: turns frames into records. Memory does not grow with time."""

    def __init__(self, kit: Analyzer, baseline: Baseline | None = None) -> None:
        """Start with nobody on screen.

        Args:
            kit: the models; with an embedder people are identified.
            baseline: of a person who is expected; everybody else is measured against their own
                neutral face.
        """
        self._kit, self._given = kit, baseline
        self._engine = FilmEngine(kit.scanner(), FrameAnalyzer(kit))
        self._identities = RunningIdentities(kit.pipeline, between=EVERY) if kit.names else None
        self._faces: dict[int, _Face] = {}
        self._searched = -np.inf  # s of the last search for events
        self.refused: str | None = None  # why the baseline that was given was not used

    def __call__(self, frames: Iterable[Frame]) -> Iterator[LiveRecord]:
        """Watch frames in the order of time; each gives its rows before the next is asked for."""
        time = 0.0
        for frame in frames:
            time = frame.time
            for segment in self._engine.ended(time):
                self._identify(segment)
            for row in self._engine.take(frame):
                yield self._record(row, time)
            if time - self._searched >= OFTEN:
                self._searched = time
                yield from self._events(time - SETTLED)
            self._forget(time)
        for segment in self._engine.finish():
            self._identify(segment)
        if self._identities:
            self._identities.finish()
        yield from self._events(time)

    @property
    def people(self) -> list[Identity]:
        """Everybody seen so far, most seen first; empty if people are not identified."""
        found = self._identities.people if self._identities else []
        return [one for one in found if one.person]

    def _record(self, row: FaceRow, time: float) -> LiveRecord:
        if row.track is None:
            return LiveRecord(row.values)
        face = self._faces.setdefault(row.track, _Face(baseline=self._given))
        face.seen = time
        columns = {name: row.values.get(name, np.nan) for name in UNITS}
        if face.baseline is None and row.values["reason"] == "ok":
            face.running(time, columns)
        rest = face.baseline or face.running.baseline
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

    def _events(self, until: float) -> Iterator[LiveRecord]:
        """Events that ended before a moment and were not told yet."""
        for track, face in self._faces.items():
            if len(face.past) < 2:
                continue
            times = np.array([time for time, _ in face.past])
            names = dict.fromkeys(name for _, columns in face.past for name in columns)
            table = {n: np.array([c.get(n, np.nan) for _, c in face.past]) for n in names}
            for one in events(times, table, causal=True):
                key = f"{one.kind} {one.side}" if one.kind == "gaze-shift" else one.kind
                over = one.offset <= until and one.onset >= face.ends.get(key, -np.inf)
                if over and (one.ended or one.offset < times[-1]):
                    face.ends[key] = one.offset
                    yield LiveRecord(None, one, track, face.person)

    def _identify(self, segment: Segment) -> None:
        """Identify the tracks so far, and see whether the baseline belongs to them."""
        if self._identities is None:
            return
        self._identities.take(segment, 0.0)
        for track, face in self._faces.items():
            face.person = self._identities.person_of(track)
        for one in segment.key_faces:
            known = self._faces.get(one.track)
            if known is None or known.baseline is None or known.baseline is not self._given:
                continue
            faces = sorted([*known.key_faces, one], key=lambda key: -key.selection_score)[:KEPT]
            known.key_faces = faces
            vector = mean([key.face for key in faces], [key.selection_score for key in faces])
            try:
                check_whose(known.baseline, self._kit, vector)
            except BaselineError as error:
                known.baseline, self.refused = None, str(error)

    def _forget(self, time: float) -> None:
        self._faces = {n: face for n, face in self._faces.items() if time - face.seen <= AWAY}
