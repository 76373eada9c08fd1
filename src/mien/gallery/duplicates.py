"""Probable duplicates in a gallery: two names for one person, and one image enrolled twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mien.gallery.conflicts import Limit
from mien.gallery.records import Gallery, Stored
from mien.types import OnStep

NEAR = 0.99  # 60 LFW images, compressed, resized or cropped: 0.992 or more; other images: 0.984
PAGE = 1000  # templates that are compared at once
NEAREST = 50  # people that each template is compared with


@dataclass(frozen=True, slots=True)
class Pair:
    """Two templates that are probably of one person, or of one image."""

    first: str  # name of a person
    second: str  # of another person, or the same one
    templates: tuple[int, int]  # the most similar pair of both
    score: float  # in the measure of the limit


def similar_people(
    gallery: Gallery, limit: Limit, on_step: OnStep = lambda name, done, total: None
) -> list[Pair]:
    """Find pairs of names whose most similar templates exceed a limit.

    Args:
        gallery: each template of it is compared with those of the `NEAREST` people.
        limit: how similar two names may be.
        on_step: progress in templates.

    Returns:
        One pair per two names, the most similar first.
    """
    settled, gallery = gallery.settled, gallery.whole("compare")
    best: dict[tuple[str, str], Pair] = {}
    total, done = len(gallery), 0
    for page in pages(gallery):
        found = gallery.search(np.stack([one.vector for one in page]), NEAREST)
        for one, hits in zip(page, found, strict=True):
            others = [hit for hit in hits if hit.person != one.person]
            vectors = np.array([hit.vector for hit in others], np.float32)
            scores = limit.exceeded(np.repeat(one.vector[None], len(others), 0), vectors)
            for hit, score in zip(others, scores, strict=True):
                if score is None or settled(one.person, hit.person):
                    continue
                (a, i), (b, j) = sorted([(one.person, one.id), (hit.person, hit.template)])
                if (a, b) not in best or best[a, b].score < score:
                    best[a, b] = Pair(a, b, (i, j), score)
        done += len(page)
        on_step("compare", done, total)
    return sorted(best.values(), key=lambda pair: (-pair.score, pair.templates))


def nearest_people(gallery: Gallery, person: str, limit: Limit, most: int = 5) -> list[Pair]:
    """Find the people whose templates are most similar to those of one person.

    Args:
        gallery: has the person.
        person: the name.
        limit: how similar others are at least; its measure gives the scores.
        most: maximum number of people.

    Returns:
        One pair per other person, the most similar first; `first` is always `person`. People who
        are stated to be one with this person, or not, are included.
    """
    gallery = gallery.whole("compare")
    best: dict[str, Pair] = {}
    own = gallery.templates(person)
    for one in own:
        hits = gallery.search(one.vector[None], most + 1)[0]
        others = [hit for hit in hits if hit.person != one.person]
        vectors = np.array([hit.vector for hit in others], np.float32)
        scores = limit.exceeded(np.repeat(one.vector[None], len(others), 0), vectors)
        for hit, score in zip(others, scores, strict=True):
            known = best.get(hit.person)
            if score is not None and (known is None or known.score < score):
                numbers = (one.id, hit.template)
                best[hit.person] = Pair(one.person, hit.person, numbers, score)
    return sorted(best.values(), key=lambda pair: (-pair.score, pair.second))[:most]


def repeated_templates(gallery: Gallery, limit: float) -> list[Pair]:
    """Find pairs of templates of one person that exceed a cosine, such as copies of an image.

    Returns:
        The pairs, the most similar first.
    """
    found, gallery = [], gallery.whole("compare")
    for person in gallery.people():
        if person.templates < 2:
            continue
        rows = gallery.templates(person.name)
        vectors = np.stack([row.vector for row in rows]).astype(np.float64)
        for start in range(0, len(rows), PAGE):
            cosines = np.clip(vectors[start : start + PAGE] @ vectors.T, -1, 1)
            for i, j in np.argwhere(cosines > limit).tolist():
                if start + i < j:
                    numbers = rows[start + i].id, rows[j].id
                    found.append(Pair(person.name, person.name, numbers, float(cosines[i, j])))
    return sorted(found, key=lambda pair: (-pair.score, pair.templates))


def pages(gallery: Gallery) -> Iterator[Sequence[Stored]]:
    """Yield all templates in lists of at most PAGE."""
    page: list[Stored] = []
    for template in gallery:
        page.append(template)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
