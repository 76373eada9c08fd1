"""Calibration of a gallery: measured on its own people, or on images, and kept in it."""

from collections.abc import Sequence
from itertools import islice

import numpy as np

from mien.decision import Calibration
from mien.decision.calibration import calibration_text
from mien.decision.decide import NEAREST, score_candidates
from mien.decision.drift import Drift, level_of
from mien.errors import GalleryError
from mien.gallery import GuardedGallery, Stored
from mien.types import Floats

REFERENCES = 1000  # templates whose levels are the reference; evenly spread over the gallery


def sample_of(gallery: GuardedGallery) -> tuple[Floats, tuple[str, ...]]:
    """Return the templates of a gallery as data: vectors (N, D) and names of people (N,).

    Templates that were accepted from the quarantine are part of them, and those that were rejected
    are not. Two people who are stated to be one count as one.

    Raises:
        GalleryError: the gallery is empty.
    """
    rows = list(gallery.whole("calibrate"))
    if not rows:
        raise GalleryError(f"Gallery {gallery.where} is empty; enrol people before calibrating.")
    names = gallery.engine.names()
    known = gallery.relations()
    first = {name: names[known.first(number)] for number, name in names.items()}
    return np.stack([row.vector for row in rows]), tuple(first[row.person] for row in rows)


def bind_calibration(gallery: GuardedGallery, calibration: Calibration) -> Drift | None:
    """Keep a calibration in a gallery, which then uses it by default, and watch for drift.

    Returns:
        The levels of reference of live searches; None if the gallery is too small for an alarm.

    Raises:
        GalleryError: it is for another embedder.
    """
    drift = Drift.of(reference_levels(gallery, calibration))
    known = [one.quality.get("sharpness") for one in chosen_of(gallery) if one.quality]
    sharpness = Drift.of([float(one) for one in known if one is not None])
    gallery.bind(calibration_text(calibration), drift, sharpness)
    return drift


def reference_levels(gallery: GuardedGallery, calibration: Calibration) -> list[float]:
    """Return the levels of searches with templates of the gallery, each without its own person."""
    people = gallery.engine.enrolled() - 1
    chosen = chosen_of(gallery)
    levels = [level_of(strangers(one, gallery, calibration), people) for one in chosen]
    return [level for level in levels if level is not None]


def chosen_of(gallery: GuardedGallery) -> list[Stored]:
    """Return the templates of reference, evenly spread over the gallery."""
    whole = gallery.whole("calibrate")
    return list(islice(whole, 0, None, max(1, len(whole) // REFERENCES)))


def strangers(one: Stored, gallery: GuardedGallery, calibration: Calibration) -> Sequence[float]:
    """Return the scores of the people who are most similar to a template of somebody else."""
    [hits] = gallery.engine.search(one.vector[None], NEAREST + 1)
    others = [hit for hit in hits if hit.person != one.person][:NEAREST]
    vectors = np.stack([hit.vector for hit in others if hit.vector is not None]) if others else None
    if vectors is None:
        return []
    scored = score_candidates(one.vector, others, calibration.norms(vectors), calibration)
    return [each.score or 0.0 for each in scored]
