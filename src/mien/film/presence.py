"""Presence monitoring: frames in, presence events out, half a second later.

An event depends on the frames and their times only. A film always gives the same events, and
a camera the same events as its recording.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mien.film.engine import FilmEngine
from mien.film.running import RunningIdentities
from mien.film.scanner import EVERY, FilmScanner
from mien.media import Frame
from mien.photo import Pipeline
from mien.track import Segment
from mien.types import Decision, Identity, Liveness

Kind = Literal["enter", "name", "exit"]
SETTLE = 1.0  # s to wait for a name before a person enters without one
AWAY = 2.0  # s of absence that end a visit


@dataclass(frozen=True, slots=True, eq=False)
class PresenceEvent:
    """A person enters, is named, or leaves."""

    kind: Kind
    person: str  # name in the gallery, or "unknown-3"
    time: float  # s: of the first or last sighting, or of the naming
    decision: Decision | None = None  # None without a comparison
    was: str | None = None  # for "name": the earlier label
    liveness: Liveness | None = None  # None: not checked


@dataclass(slots=True, eq=False)
class _Visit:
    """One person who is on screen or left recently."""

    last: float
    decision: Decision | None
    tracks: tuple[int, ...]
    liveness: Liveness | None = None


class PresenceMonitor:
    """The live sink of the scan stage: segments to events. Memory is bounded."""

    def __init__(self, pipeline: Pipeline, *, every: float = EVERY) -> None:
        """Start without tracks.

        Args:
            pipeline: its gallery names people; without a gallery all are unknown.
            every: seconds between sampled frames.
        """
        calibration = pipeline.calibrated() if pipeline.embedder else None
        scanner = FilmScanner(
            pipeline.detector,
            pipeline.embedder,
            calibration,
            every=every,
            liveness=pipeline.liveness,
        )
        self._engine = FilmEngine(scanner)
        self._identities = RunningIdentities(pipeline, between=every or 1 / 25)
        self._visits: dict[str, _Visit] = {}  # label -> open visit
        self._now = 0.0

    def __call__(self, frames: Iterable[Frame]) -> Iterator[PresenceEvent]:
        """Monitor frames in the order of time.

        Yields:
            Events as soon as they are certain, at most about one second late; at the end of the
            frames all people leave.
        """
        for segment in self._engine.segments(frames):
            yield from self._take(segment)
        self._identities.finish()
        yield from self._renamed()
        yield from self._entered()
        yield from self._gone(float("inf"))

    @property
    def present(self) -> list[str]:
        """Return the people who are on screen now."""
        return list(self._visits)

    @property
    def people(self) -> list[Identity]:
        """Return the remembered people, longest on screen first."""
        return [one for one in self._identities.people if one.person]

    def _take(self, segment: Segment) -> Iterator[PresenceEvent]:
        if segment.frames:
            self._now = segment.frames[-1].time
        self._identities.take(segment, SETTLE)
        yield from self._renamed()
        yield from self._entered()
        yield from self._gone(self._now)

    def _renamed(self) -> Iterator[PresenceEvent]:
        """Yield visits with a new label: a name was found, or two people were merged."""
        labels = {one.person for one in self._identities.people}
        for label in [label for label in self._visits if label not in labels]:
            visit = self._visits[label]
            heirs = [one for one in self._identities.people if set(one.tracks) & set(visit.tracks)]
            heir = max(heirs, key=self._last, default=None)
            if heir is None or not heir.person:
                continue
            del self._visits[label]
            other = self._visits.get(heir.person)
            last = max(visit.last, other.last if other else visit.last)
            self._visits[heir.person] = _Visit(last, heir.decision, heir.tracks, heir.best.liveness)
            yield PresenceEvent(
                "name", heir.person, self._now, heir.decision, label, heir.best.liveness
            )

    def _entered(self) -> Iterator[PresenceEvent]:
        """Yield people who enter; the visits of present people are extended."""
        here = [one for one in self._identities.people if self._last(one) >= self._now - AWAY]
        for one in sorted(here, key=self._since):
            if not one.person:
                continue
            visit = self._visits.get(one.person)
            if visit is None:
                visit = self._visits[one.person] = _Visit(0.0, one.decision, one.tracks)
                yield PresenceEvent(
                    "enter",
                    one.person,
                    self._since(one),
                    one.decision,
                    liveness=one.best.liveness,
                )
            if visit is not None:
                visit.last, visit.decision = self._last(one), one.decision
                visit.liveness = one.best.liveness
                visit.tracks = one.tracks

    def _spans(self, person: Identity) -> list[tuple[float, float]]:
        return sorted(span for track in person.tracks for span in self._identities.spans[track])

    def _last(self, person: Identity) -> float:
        return max(end for _, end in self._spans(person))

    def _since(self, person: Identity) -> float:
        """Return the start of the current visit."""
        spans = self._spans(person)
        since = spans[-1][0]
        for start, end in reversed(spans):
            if since - end > AWAY:
                break
            since = min(since, start)
        return since

    def _gone(self, now: float) -> Iterator[PresenceEvent]:
        for label, visit in list(self._visits.items()):
            if now - visit.last > AWAY:
                del self._visits[label]
                yield PresenceEvent(
                    "exit", label, visit.last, visit.decision, liveness=visit.liveness
                )
