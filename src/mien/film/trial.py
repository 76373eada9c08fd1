"""The trial of a new model on the people of a film: their best faces are searched by it, too."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from mien.media import open_film
from mien.photo.trial import TrialSearch
from mien.types import Face, Identity, OnStep, Pixels, Track

FACES = 5  # of one person, each of another track
EARLY = 1e-4  # s before the stored time, which was rounded


def try_people(
    source: str | os.PathLike[str],
    people: Iterable[Identity],
    tracks: Iterable[Track],
    trial: TrialSearch,
    on_step: OnStep = lambda name, done, total: None,
) -> tuple[Identity, ...]:
    """Add the decision of the new model to each person who was searched for.

    The present model decides on the mean over all tracks of a person. The new one sees the best
    faces of up to five tracks, so that a film is not scanned twice.

    Args:
        source: the film.
        people: of `mien.film.identities.identify_tracks`.
        tracks: of the same call.
        trial: of the gallery.
        on_step: called with the number of people done and their total.
    """
    by_number = {track.number: track for track in tracks}
    tried, people = [], list(people)
    for done, person in enumerate(people):
        on_step("try", done, len(people))
        if person.decision:
            seen = _best_faces(source, person, by_number)
            if seen:
                person = replace(person, decision=trial.person(seen, person.decision))
        tried.append(person)
    return tuple(tried)


def _best_faces(
    source: str | os.PathLike[str], person: Identity, tracks: Mapping[int, Track]
) -> list[tuple[Pixels, Face]]:
    """Return the best face of each of the largest tracks with its image; the best one first."""
    faces = [tracks[number].best for number in person.tracks]
    faces.sort(key=lambda face: (face is not person.best, -(face.box[2] - face.box[0])))
    seen = []
    with open_film(source) as film:
        for face in faces[:FACES]:
            frame = next(film.frames(start=max((face.time or 0.0) - EARLY, 0.0)), None)
            if frame is not None:
                seen.append((frame.image, face))
    return seen
