"""Who comes and who goes, while it happens: frames in, events out, half a second later.

An event depends on the frames and their times alone, so a film gives the same events however
often it is watched, and a camera the same as its recording.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from mien.decision.decide import weakness
from mien.film.identities import open_search
from mien.film.scanner import FilmScanner
from mien.media import Frame
from mien.photo.pipeline import Pipeline
from mien.track import KeyFace, Segment, mean
from mien.track.builder import KEPT
from mien.types import Decision, Floats

Kind = Literal["enter", "name", "exit"]
SEEN = 0.3  # s in sight: less is a flicker of the detector
SETTLE = 1.0  # s that a name may take before somebody enters without one
AWAY = 2.0  # s out of sight that end a visit
REMEMBERED = 600.0  # s that a visitor without a name is known again
SAME = 2.0  # log-likelihood ratio from which a visitor is somebody seen before
MOST = 500  # visitors kept in mind, newest first


@dataclass(frozen=True, slots=True, eq=False)
class PresenceEvent:
    """Somebody came, was recognised, or went."""

    kind: Kind
    person: str  # name in the gallery, or "visitor 3"
    time: float  # s: when they were first or last seen, or when the name was found
    decision: Decision | None = None  # None if there is nothing to compare with
    was: str | None = None  # for "name": what they were called until then


@dataclass(slots=True, eq=False)
class _Followed:
    """One track, as long as it is on screen."""

    first: float
    last: float
    looks: int = 0
    chosen: list[KeyFace] = field(default_factory=list)
    decision: Decision | None = None
    person: str | None = None

    def vector(self) -> Floats | None:
        """What the face looks like, if any look is clear enough to compare."""
        if not self.chosen or weakness(self.chosen[0].face) is not None:
            return None
        return mean([c.face for c in self.chosen], [c.selection_score for c in self.chosen])


@dataclass(slots=True, eq=False)
class _Visit:
    """One person on screen, or not long gone."""

    last: float
    decision: Decision | None


class PresenceMonitor:
    """Turns stretches into events; what it holds does not grow with time."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Start with nobody on screen.

        Args:
            pipeline: its gallery names people; without one all are visitors.
        """
        self._calibration = pipeline.calibrated() if pipeline.embedder else None
        self._search = open_search(pipeline)
        self._looking = FilmScanner(pipeline.detector, pipeline.embedder, self._calibration, self)
        self._tracks: dict[int, _Followed] = {}
        self._visits: dict[str, _Visit] = {}  # who is here
        self._visitors: dict[str, tuple[float, Floats]] = {}  # who was here: last seen, vector
        self._count = 0
        self._now = 0.0

    def __call__(self, frames: Iterable[Frame]) -> Iterator[PresenceEvent]:
        """Watch frames in the order of time.

        Yields:
            Events as soon as they are sure, at most about a second after; at the end of the
            frames everybody goes.
        """
        for _ in self._looking(frames):
            yield from self._events(SETTLE)
        yield from self._events(0.0)  # nothing more will be known of anybody
        yield from self._gone(float("inf"))

    @property
    def present(self) -> list[str]:
        """Who is on screen now."""
        return list(self._visits)

    def take(self, stretch: Segment) -> None:
        """Take note of a stretch."""
        for look in stretch.looks:
            self._now = look.time
            for face in look.faces:
                assert face.track is not None
                one = self._tracks.setdefault(face.track, _Followed(look.time, look.time))
                one.last = look.time
                one.looks += 1
        for chosen in stretch.chosen:
            one = self._tracks[chosen.track]
            one.chosen = sorted([*one.chosen, chosen], key=lambda c: -c.selection_score)[:KEPT]
            vector = one.vector()
            if self._search and vector is not None:
                one.decision = self._search(vector, one.chosen[0].face)

    def _events(self, settle: float) -> Iterator[PresenceEvent]:
        for number, one in list(self._tracks.items()):
            if one.last - one.first < SEEN and self._now - one.first < AWAY:
                continue
            if one.last - one.first >= SEEN:
                yield from self._identified(one, settle)
            if self._now - one.last > AWAY:
                del self._tracks[number]
        yield from self._gone(self._now)

    def _identified(self, one: _Followed, settle: float) -> Iterator[PresenceEvent]:
        """Say who a track is as soon as that is sure, or has taken long enough."""
        name = self._name(one)
        if one.person is None:
            if name is None and self._now - one.first < settle:
                return
            one.person = name or self._visitor(one)
            if one.person not in self._visits:
                self._visits[one.person] = _Visit(one.last, one.decision)
                yield PresenceEvent("enter", one.person, one.first, one.decision)
        elif name and name != one.person and name not in self._visits:
            was, one.person = one.person, name
            self._visits.pop(was, None)
            self._visits[name] = _Visit(one.last, one.decision)
            yield PresenceEvent("name", name, self._now, one.decision, was)
        visit = self._visits.get(one.person)
        if visit:
            visit.last = max(visit.last, one.last)
        vector = one.vector()
        if vector is not None and one.person.startswith("visitor "):
            self._visitors[one.person] = (one.last, vector)

    def _name(self, one: _Followed) -> str | None:
        """The name of a track; nobody bears one that somebody else on screen bears more surely."""
        decision = one.decision
        if decision is None or decision.outcome != "match" or decision.person is None:
            return None
        for other in self._tracks.values():
            rival = other.decision
            if (
                other is not one
                and min(other.last, one.last) > max(other.first, one.first)
                and rival
                and rival.outcome == "match"
                and rival.person == decision.person
                and (rival.probability or 0, -other.first) > (decision.probability or 0, -one.first)
            ):
                return None
        return decision.person

    def _visitor(self, one: _Followed) -> str:
        """A number for somebody without a name; the old one if they were here before."""
        vector = one.vector()
        self._visitors = dict(
            sorted(
                ((k, v) for k, v in self._visitors.items() if self._now - v[0] < REMEMBERED),
                key=lambda pair: pair[1][0],
            )[-MOST:]
        )
        here = {other.person for other in self._tracks.values() if other.last >= one.first}
        if vector is not None and self._calibration:
            ratios = {
                name: self._calibration.llr(float(vector @ known))
                for name, (_, known) in self._visitors.items()
                if name not in here
            }
            best = max(ratios, key=lambda name: ratios[name], default=None)
            if best is not None and ratios[best] > SAME:
                return best
        self._count += 1
        return f"visitor {self._count}"

    def _gone(self, now: float) -> Iterator[PresenceEvent]:
        for person, visit in list(self._visits.items()):
            if now - visit.last > AWAY:
                del self._visits[person]
                yield PresenceEvent("exit", person, visit.last, visit.decision)
