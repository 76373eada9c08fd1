"""Identity step: gallery search, similarity clustering, cannot-link rule for co-occurrence.

Two rules have priority over similarity. Two tracks that are visible at the same time are
two people. Of two people on screen, only the more probable one can have a given name.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mien.albums.clustering import cluster_people
from mien.decision import Calibration
from mien.decision.decide import question_origin, weakness
from mien.liveness import fuse
from mien.photo.pipeline import Pipeline
from mien.types import Appearance, Decision, Face, Floats, Identity, Track

JOIN = 1.0  # s: a shorter absence does not end an appearance
Pair = tuple[int, int]
Search = Callable[[Floats | None, Face], Decision | None]


def open_search(pipeline: Pipeline, change: str | None = None) -> Search | None:
    """Return the search of the gallery of a pipeline for mean embeddings; None without a gallery.

    A search returns None if there is no embedding.

    Args:
        pipeline: with the gallery.
        change: what the film is declared to be (mien.media.read_change); its matches are then for
            review.
    """
    if pipeline.embedder is None or (search := pipeline.search()) is None:
        return None

    def decide(vector: Floats | None, face: Face) -> Decision | None:
        if vector is None:
            return None
        return question_origin(search(vector[None], [face])[0], change)

    return decide


def identify_tracks(
    tracks: Sequence[Track],
    together: set[Pair],
    search: Search | None,
    calibration: Calibration | None,
    labels: "UnknownLabels | None" = None,
) -> tuple[list[Track], list[Identity]]:
    """Assign tracks to people, and people to names.

    Args:
        tracks: of one film.
        together: pairs of tracks that are visible in one frame.
        search: the known people, if any.
        calibration: of the embedder; None: each track is a separate person.
        labels: numbers of unknown people so far; None: start with unknown-1.

    Returns:
        The tracks with their own decisions, and the people, longest on screen first.
    """
    if search:
        tracks = [replace(track, decision=search(track.vector, track.best)) for track in tracks]
    names = _names(tracks, together)
    groups = _groups(tracks, names, together, calibration)
    people = [_identity(group, names, search) for group in groups]
    unique = _unique(people, together)
    starts = {track.number: track.start for track in tracks}
    return list(tracks), (labels or UnknownLabels())(unique, starts)


def _names(tracks: Sequence[Track], apart: set[Pair]) -> dict[int, str]:
    """Return tracks that match by themselves; of two on screen, only the more probable."""
    matched = [t for t in tracks if t.decision and t.decision.outcome == "match"]
    matched.sort(key=lambda track: -_probability(track.decision))
    bearers: dict[str, list[int]] = {}
    for track in matched:
        name = track.decision.person if track.decision else None
        assert name is not None  # a match has a name
        rivals = bearers.setdefault(name, [])
        if not any(_pair(track.number, number) in apart for number in rivals):
            rivals.append(track.number)
    names = {number: name for name, numbers in bearers.items() for number in numbers}
    return names


def _groups(
    tracks: Sequence[Track],
    names: dict[int, str],
    apart: set[Pair],
    calibration: Calibration | None,
) -> list[list[Track]]:
    """Group the tracks by person.

    Tracks without a face that the calibration covers remain single. Similarity is not
    evidence for them, and a wrong person in a group is worse than one person in two groups.
    """
    seen = [track for track in tracks if track.number in names or _is_clear(track)]
    alone = [[track] for track in tracks if not (track.number in names or _is_clear(track))]
    if not seen or calibration is None:
        return [[track] for track in tracks]
    place = {track.number: i for i, track in enumerate(seen)}
    cannot = [(place[a], place[b]) for a, b in apart if a in place and b in place]
    must: list[Pair] = []
    first: dict[str, int] = {}
    for number, name in names.items():
        if name in first:
            must.append((first[name], place[number]))
        else:
            cannot += [(other, place[number]) for other in first.values()]
            first[name] = place[number]
    vectors = np.stack([track.vector for track in seen if track.vector is not None])
    numbers = cluster_people(vectors, calibration, cannot=cannot, must=must).labels
    groups: dict[int, list[Track]] = {}
    for track, number in zip(seen, numbers.tolist(), strict=True):
        groups.setdefault(number, []).append(track)
    return [*groups.values(), *alone]


def _identity(group: list[Track], names: dict[int, str], search: Search | None) -> Identity:
    """Return one person: all tracks, and the decision on the mean embedding."""
    best = max(group, key=lambda track: _clear(track)).best
    checked = [track.best.liveness for track in group if track.best.liveness]
    best = replace(best, liveness=fuse(checked))
    named = {names[track.number] for track in group if track.number in names}
    weights = np.array([track.observations for track in group], np.float32)
    vectors = [track.vector for track in group]
    decision = None
    if search and all(vector is not None for vector in vectors):
        mean = np.average(np.stack([v for v in vectors if v is not None]), axis=0, weights=weights)
        decision = search(mean.astype(np.float32), best)
    own = [t.decision for t in group if t.number in names]
    if named and (decision is None or decision.person not in named or decision.outcome != "match"):
        decision = max((d for d in own if d), key=_probability)  # the most probable single track
    seconds = sum(end - start for start, end in spans(group))
    return Identity("", tuple(t.number for t in group), seconds, best, decision)


def _unique(people: list[Identity], apart: set[Pair]) -> list[Identity]:
    """Make names unique: merge equal names; if both are on screen, the more probable keeps it."""
    kept: dict[str, Identity] = {}
    others: list[Identity] = []
    for person in sorted(people, key=lambda one: -_probability(one.decision)):
        decision = person.decision
        if decision is None or decision.outcome != "match" or decision.person is None:
            others.append(person)
            continue
        holder = kept.get(decision.person)
        if holder is None:
            kept[decision.person] = person
        elif any(_pair(a, b) in apart for a in holder.tracks for b in person.tracks):
            reason = f"{decision.reason} But '{decision.person}' is on screen at the same time."
            doubt = replace(decision, outcome="review", reason=reason)
            others.append(replace(person, decision=doubt))
        else:
            kept[decision.person] = replace(
                holder,
                tracks=tuple(sorted(holder.tracks + person.tracks)),
                seconds=holder.seconds + person.seconds,
            )
    return [*kept.values(), *others]


class UnknownLabels:
    """Labels of unknown people: `unknown-1`, `unknown-2`, in the order of appearance.

    One object can label the people of a live view repeatedly; labels are kept.
    """

    def __init__(self) -> None:
        """Start without labels."""
        self.settled = math.inf  # s; later people without a label get "" for now
        self._numbers: dict[int, int] = {}  # track -> number of its person
        self._count = 0

    def __call__(self, people: Sequence[Identity], starts: Mapping[int, float]) -> list[Identity]:
        """Label people.

        Args:
            people: without labels.
            starts: track -> seconds of its first appearance.

        Returns:
            The people, longest on screen first.
        """
        taken: set[int] = set()
        labels: dict[int, str] = {}
        first = {id(one): min(starts[track] for track in one.tracks) for one in people}
        unknown = [one for one in people if not matched_name(one)]
        known = {id(one): self._known(one) for one in unknown}
        # People with a number come first, smallest number first.
        for one in sorted(unknown, key=lambda o: (known[id(o)], first[id(o)], o.tracks)):
            number = next((n for n in self._held(one) if n not in taken), None)
            if number is None and first[id(one)] <= self.settled:
                self._count += 1
                number = self._count
            if number is None:
                labels[id(one)] = ""
                continue
            taken.add(number)
            self._numbers |= dict.fromkeys(one.tracks, number)
            labels[id(one)] = f"unknown-{number}"
        labelled = [
            replace(one, person=labels.get(id(one)) or matched_name(one) or "") for one in people
        ]
        return sorted(labelled, key=lambda one: (-one.seconds, one.tracks))

    def _held(self, person: Identity) -> list[int]:
        return sorted({self._numbers[t] for t in person.tracks if t in self._numbers})

    def _known(self, person: Identity) -> float:
        return min(self._held(person), default=math.inf)


def matched_name(person: Identity) -> str | None:
    """Return the name of a person who matches in the gallery; else None."""
    decision = person.decision
    return decision.person if decision and decision.outcome == "match" else None


def spans(tracks: Sequence[Track]) -> list[tuple[float, float]]:
    """Return the time spans in s at which any track is visible; overlaps are merged."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(span for track in tracks for span in track.spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def appearances(people: Sequence[Identity], tracks: Sequence[Track]) -> list[Appearance]:
    """Return the appearances in the order of time; absences up to 1 s are bridged."""
    by_number = {track.number: track for track in tracks}
    found: list[Appearance] = []
    for person in people:
        parts = sorted(
            (start, end, number)
            for number in person.tracks
            for start, end in by_number[number].spans
        )
        found += _joined(person.person, parts)
    return sorted(found, key=lambda one: (one.start, one.end, one.person))


def prominent(
    largest: Sequence[tuple[float, float, int]], people: Sequence[Identity]
) -> list[Appearance]:
    """Return the person with the largest face over time; no two spans overlap."""
    owner = {number: person.person for person in people for number in person.tracks}
    found: list[Appearance] = []
    for start, end, number in largest:
        if number not in owner:
            continue
        last = found[-1] if found else None
        if last and last.person == owner[number] and start - last.end <= JOIN:
            tracks = tuple(sorted({*last.tracks, number}))
            found[-1] = Appearance(last.person, last.start, end, tracks)
        else:
            found.append(Appearance(owner[number], start, end, (number,)))
    return found


def _joined(person: str, parts: list[tuple[float, float, int]]) -> list[Appearance]:
    found: list[Appearance] = []
    for start, end, number in parts:
        last = found[-1] if found else None
        if last and start - last.end <= JOIN:
            tracks = tuple(sorted({*last.tracks, number}))
            found[-1] = Appearance(person, last.start, max(last.end, end), tracks)
        else:
            found.append(Appearance(person, start, end, (number,)))
    return found


def _is_clear(track: Track) -> bool:
    return track.vector is not None and weakness(track.best) is None


def _clear(track: Track) -> tuple[bool, float]:
    """Return whether the best key face is comparable, and its size."""
    size = float(np.prod(track.best.box[2:] - track.best.box[:2]))
    return _is_clear(track), size


def _probability(decision: Decision | None) -> float:
    return decision.probability or 0.0 if decision else 0.0


def _pair(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)
