"""What is stated about the people of a gallery, as constraints for the grouping of photos."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mien.albums.groups import Member, Pairs
from mien.gallery import GuardedGallery, Stored
from mien.geometry import iou
from mien.media.face_regions import SAME
from mien.types import Floats


def constraints(
    members: Sequence[Member], names: Mapping[int, str | None], *, gallery: GuardedGallery
) -> tuple[Pairs, Pairs]:
    """Return pairs of faces that are one person, and pairs that are not, by a gallery.

    A face is known if its photo is the image of a template, at the same place, or if a person put
    it into a group that has the name of a person of the gallery.

    Args:
        members: the faces.
        names: group -> its name.
        gallery: of the same embedder.
    """
    known, whole = gallery.relations(), gallery.whole("group")
    ids = {name: number for number, name in gallery.engine.names().items()}
    templates = list(whole)
    people = _people(members, names, ids, templates)
    rows: dict[int, list[int]] = {}  # representative of a person -> rows
    for row, person in people.items():
        rows.setdefault(known.first(person), []).append(row)
    must = [(each[0], other) for each in rows.values() for other in each[1:]]
    present = sorted(set(people.values()))
    cannot: Pairs = []
    for number, one in enumerate(present):
        for two in present[number + 1 :]:
            if known.first(one) != known.first(two) and known.settled(one, two):
                cannot += [(a, b) for a in _of(people, one) for b in _of(people, two)]
    vectors: dict[int, list[Floats]] = {person: [] for person in known.denied}
    for template in templates:
        if ids[template.person] in vectors:
            vectors[ids[template.person]].append(template.vector)
    for person, denied in known.denied.items():
        mine = _of(people, person)
        if mine and vectors[person]:
            own = np.stack(vectors[person])
            cannot += [
                (mine[0], row)
                for row, member in enumerate(members)
                if row not in people
                and float((denied @ member.vector).max()) > float((own @ member.vector).max())
            ]
    return must, cannot


def _people(
    members: Sequence[Member],
    names: Mapping[int, str | None],
    ids: dict[str, int],
    templates: Iterable[Stored],
) -> dict[int, int]:
    """Return the row of each known face and the person of the gallery whom it shows."""
    places: dict[str, list[Stored]] = {}
    for template in templates:
        if template.source_digest is not None and template.box is not None:
            places.setdefault(template.source_digest, []).append(template)
    found: dict[int, int] = {}
    for row, member in enumerate(members):
        name = names.get(member.group or 0) if member.confirmed else None
        if name in ids:
            found[row] = ids[name]
        for template in places.get(member.digest, ()):
            assert template.box is not None
            if float(iou(template.box[None], member.box[None])[0, 0]) >= SAME:
                found.setdefault(row, ids[template.person])
    return found


def _of(people: dict[int, int], person: int) -> list[int]:
    return [row for row, one in people.items() if one == person]
