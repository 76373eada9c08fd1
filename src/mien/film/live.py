"""Live analysis: frames in, rows out at once, events within two seconds.

A row depends on earlier frames only. With a saved baseline it holds the same numbers as the
row of a film. Without one, the neutral face is fitted to the frames so far.
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
    join_readings,
    smiles,
)
from mien.film.analyzer import Analyzer
from mien.film.baselines import SMILING, check_whose, read_pairs
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
OFTEN = 1.0  # s between two searches for events; a search takes about 0.1 s per face
SETTLED = 0.5  # s after its end from which an event cannot change any more
AWAY = 2.0  # s out of sight after which a face is forgotten


@dataclass(slots=True, eq=False)
class _Face:
    """One track while it is on screen."""

    running: RunningBaseline = field(default_factory=RunningBaseline)
    baseline: Baseline | None = None  # the supplied baseline, if it belongs to the person
    past: deque[tuple[float, dict[str, float]]] = field(default_factory=deque)
    ends: dict[str, float] = field(default_factory=dict)  # kind and side -> end of the last event
    key_faces: list[KeyFace] = field(default_factory=list)
    person: str | None = None
    seen: float = 0.0
    # Unit -> probability and whether it is shown, as a head read them last.
    read: dict[str, tuple[float, float]] = field(default_factory=dict)
    read_at: float = -np.inf  # s


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """One row of a frame, or one event."""

    row: dict[str, Any] | None = None  # column -> number or text
    event: FacialEvent | None = None
    track: int | None = None
    person: str | None = None
    mode: str | None = None  # of the baseline: given, causal, or None if there is no baseline yet


class LiveAnalysis:
    """The live sink of both stages: frames to records. Memory is bounded."""

    def __init__(self, analyzer: Analyzer, baseline: Baseline | None = None) -> None:
        """Start without tracks.

        Args:
            analyzer: the models; with an embedder people are identified.
            baseline: of the person who is expected; for other people, the neutral face is fitted
                to the frames so far.
        """
        self._kit, self._given = analyzer, baseline
        self._engine = FilmEngine(analyzer.scanner(), FrameAnalyzer(analyzer))
        self._identities = (
            RunningIdentities(analyzer.pipeline, between=EVERY) if analyzer.names else None
        )
        self._faces: dict[int, _Face] = {}
        self._searched = -np.inf  # s of the last search for events
        self.refused: str | None = None  # why the supplied baseline was not used
        self.smiling: str | None = None  # why AU12 is missing, if a baseline smiles

    def __call__(self, frames: Iterable[Frame]) -> Iterator[LiveRecord]:
        """Analyse frames in the order of time; yield the rows of each before the next."""
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
        """Return the people so far, longest on screen first; empty without identification."""
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
        if rest is not None and smiles(rest):
            self.smiling = SMILING
        found = _joined(face, row.values, time, columns, rest)
        columns |= {name: float(values[0]) for name, values in found.items()}
        row.values |= {name: columns[name] for name in found}
        face.past.append((time, columns))
        while time - face.past[0][0] > WINDOW:
            face.past.popleft()
        row.values["person"] = face.person
        mode = None if rest is None else "given" if rest is self._given else "causal"
        return LiveRecord(row.values, None, row.track, face.person, mode)

    def _events(self, until: float) -> Iterator[LiveRecord]:
        """Yield events that ended before a time and are not reported yet."""
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
        """Identify the tracks so far, and check whether the baseline belongs to them."""
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


def _joined(
    face: _Face,
    values: dict[str, Any],
    time: float,
    columns: dict[str, float],
    rest: Baseline | None,
) -> dict[str, Any]:
    """Return the units of one frame, joined with the last reading of a head.

    Without a baseline there is the reading alone.

    A film takes the nearest reading in time; live, only earlier ones are known.
    """
    pairs = read_pairs(values)
    if pairs:
        # An undecided unit has a probability only.
        face.read = {u: (values[p], values.get(s, np.nan)) for u, (p, s) in pairs.items()}
        face.read_at = time
    one = {name: np.array([value]) for name, value in columns.items()}
    found = {} if rest is None else action_units(one, rest)
    if not face.read:
        return found
    now = int(time > face.read_at)  # place of this frame: 0 if the head was run on it
    times = [face.read_at, time][: now + 1]
    estimated = {name: np.repeat(value, now + 1) for name, value in found.items()}
    probability, shown = (
        {unit: np.array([pair[place], np.nan][: now + 1]) for unit, pair in face.read.items()}
        for place in (0, 1)
    )
    joined = join_readings(times, estimated, probability, shown)
    return {name: value[now:] for name, value in joined.items()}
