"""Groups of faces in photos that persist between runs: faces, assignments, constraints.

Edits of people are kept apart from computed results. A face that a person put into a group stays
there, an excluded face stays out, and all others are grouped again in each run. Edits
therefore persist, and a run without new photos changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.albums.clustering import MIXED, cluster_people
from mien.albums.groups_file import CONFIRMED, GroupsFile
from mien.decision import Calibration
from mien.errors import ImageError
from mien.types import Floats, OnStep

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFace:
    """One face in one photo."""

    box: Floats  # (4,) left, top, right, bottom, px of the upright photo
    points: Floats  # (5, 2) in the order of mien.geometry.POINTS; NaN where not seen
    vector: Floats  # (D,) unit length
    reason: str | None = None  # reason code, if it is not grouped


@dataclass(frozen=True, slots=True, eq=False)
class Member(PhotoFace):
    """A face as stored in the file."""

    id: int = 0  # counts up from 1; not reused
    paths: tuple[str, ...] = ()  # paths of the photo; copies of one photo count as one
    digest: str = ""  # SHA-256 of the photo
    group: int | None = None  # None: not grouped, see `reason`
    confirmed: bool = False  # a person put it into this group


@dataclass(frozen=True, slots=True)
class Group:
    """Faces that are probably one person."""

    id: int  # constant over runs; not reused
    name: str | None  # given by a person
    faces: tuple[Member, ...]  # of photos of the last run, in the order of their numbers


Pairs = list[tuple[int, int]]  # rows of faces
# Faces, and the name of each group -> pairs that are one person, and pairs that are not.
Known = Callable[[Sequence[Member], Mapping[int, str | None]], tuple[Pairs, Pairs]]


@dataclass(frozen=True, slots=True)
class Change:
    """The changes of the groups by a run."""

    faces: int  # number of grouped faces
    groups: int
    added: int  # new groups
    moved: int  # faces that were in another group before
    renamed: int  # faces whose group has a different name: 0, unless constraints changed
    undecided: tuple[tuple[int, int, float], ...] = ()  # two groups that may be one, their score


class Groups(GroupsFile):
    """A file of groups: filled by runs, edited by people (mien.albums.edits)."""

    def known(self, path: Path) -> bool:
        """Return whether this file was processed before, by size and time; mark it as present."""
        row = self.one("SELECT stamp, here FROM paths WHERE path = ?", str(path))
        if row is None or row[0] != stamp(path):
            return False
        if not row[1]:
            with self.change():
                self.db.execute("UPDATE paths SET here = 1 WHERE path = ?", (str(path),))
        return True

    def seen(self, digest: str, path: Path) -> bool:
        """Return whether a photo with these bytes was processed before; add its path."""
        row = self.one("SELECT id FROM pictures WHERE digest = ?", digest)
        if row is not None:
            with self.change():
                self._here(path, row[0])
        return row is not None

    def add(
        self, digest: str, path: Path, faces: Sequence[PhotoFace], reason: str | None = None
    ) -> None:
        """Store the faces of a photo; `reason` is the code if there is no face."""
        with self.change():
            row = self.db.execute(
                "INSERT INTO pictures (digest, reason) VALUES (?, ?)", (digest, reason)
            )
            picture = int(row.lastrowid or 0)
            self._here(path, picture)
            self.db.executemany(
                "INSERT INTO faces (picture, box, points, vector, reason) VALUES (?, ?, ?, ?, ?)",
                [(picture, *map(_blob, (f.box, f.points, f.vector)), f.reason) for f in faces],
            )

    def _here(self, path: Path, picture: int) -> None:
        self.db.execute(
            "INSERT INTO paths (path, stamp, picture) VALUES (?, ?, ?) ON CONFLICT (path) DO "
            "UPDATE SET stamp = excluded.stamp, picture = excluded.picture, here = 1",
            (str(path), stamp(path), picture),
        )

    def only(self, paths: Iterable[Path]) -> None:
        """Mark only these photos as present; data of other photos are kept."""
        here = {str(path) for path in paths}
        with self.change():
            rows = self.db.execute("SELECT path, here FROM paths").fetchall()
            changed = [(int(path in here), path) for path, was in rows if (path in here) != was]
            self.db.executemany("UPDATE paths SET here = ? WHERE path = ?", changed)

    def members(self, group: int | None = None) -> list[Member]:
        """Return the faces of the present photos, in the order of their numbers.

        Args:
            group: only those of this group; None: all.
        """
        only = "" if group is None else "AND faces.grouped = ?"
        values = () if group is None else (group,)
        paths: dict[int, list[str]] = {}
        here = f"SELECT picture FROM faces WHERE true {only}"
        for picture, path in self.all(
            f"SELECT picture, path FROM paths WHERE here AND picture IN ({here}) ORDER BY path",
            *values,
        ):
            paths.setdefault(picture, []).append(path)
        rows = self.all(
            "SELECT faces.id, picture, digest, box, points, vector, faces.reason, grouped, "
            f"{CONFIRMED} FROM faces JOIN pictures ON pictures.id = picture "
            f"WHERE true {only} ORDER BY faces.id",
            *values,
        )
        return [_member(row, tuple(paths[row[1]])) for row in rows if row[1] in paths]

    def has(self, face: int) -> bool:
        """Return whether a face exists."""
        return self.one("SELECT 1 FROM faces WHERE id = ?", face) is not None

    def faceless(self) -> list[tuple[str, str]]:
        """Return path and reason of each present photo without a face."""
        return self.all(
            "SELECT path, reason FROM paths JOIN pictures ON pictures.id = picture "
            "WHERE here AND reason IS NOT NULL ORDER BY path"
        )

    def groups(self) -> list[Group]:
        """Return all groups with faces in present photos: most photos first, then lower number."""
        names = dict(self.all("SELECT id, name FROM groups"))
        faces: dict[int, list[Member]] = {}
        for member in self.members():
            if member.group is not None:
                faces.setdefault(member.group, []).append(member)
        found = [Group(id, names[id], tuple(members)) for id, members in faces.items()]
        return sorted(found, key=lambda group: (-len(group.faces), group.id))

    def regroup(
        self,
        calibration: Calibration,
        *,
        mixed: float = MIXED,
        known: Known | None = None,
        on_step: OnStep | None = None,
    ) -> Change:
        """Group all faces of the present photos by similarity and by the edits of people.

        Args:
            calibration: of the embedder.
            mixed: permitted share of groups that mix two people; see mien.albums.clustering.
            known: returns pairs of faces that are one person, and pairs that are not.
            on_step: see there.

        Raises:
            ContradictionError: what is known contradicts an edit.
        """
        members = [member for member in self.members() if member.reason is None]
        vectors = np.stack([m.vector for m in members]) if members else np.empty((0, 1), np.float32)
        must, cannot = facts(members, self.all("SELECT face, grouped FROM nots"))
        names = dict(self.all("SELECT id, name FROM groups"))
        if known is not None:
            one, two = known(members, names)
            must, cannot = [*must, *one], [*cannot, *two]
        grouping = cluster_people(
            vectors, calibration, mixed=mixed, must=must, cannot=cannot, on_step=on_step
        )
        labels = grouping.labels
        with self.change():
            ids = keep_ids(labels, members)
            added = [label for label, id in ids.items() if id is None]
            for label in added:
                row = self.db.execute("INSERT INTO groups (name) VALUES (NULL)")
                ids[label] = int(row.lastrowid or 0)
            now = [ids[label] for label in labels.tolist()]
            placed = [(id, m) for id, m in zip(now, members, strict=True) if id != m.group]
            self.db.executemany(
                "UPDATE faces SET grouped = ? WHERE id = ?", [(id, m.id) for id, m in placed]
            )
            moved = [(id, m.group) for id, m in placed if m.group is not None]
            renamed = sum(names.get(id or 0) != names.get(old) for id, old in moved)
            undecided = tuple((ids[a] or 0, ids[b] or 0, s) for a, b, s in grouping.undecided)
            change = Change(len(members), len(ids), len(added), len(moved), renamed, undecided)
            if placed:
                self.note(
                    f"run: {change.faces} faces in {change.groups} groups, {change.added} of them "
                    f"new; {change.moved} faces moved, {change.renamed} got another name",
                    None,
                )
        return change


def facts(
    members: Sequence[Member], nots: Iterable[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the must and cannot constraints from edits and from the photos.

    Two faces of one photo are two people, unless a person put both into one group. Groups that a
    person confirmed are not merged with each other.

    Args:
        members: the rows.
        nots: pairs of a face and a group that it is excluded from.

    Returns:
        Pairs of rows that must be together, and pairs that cannot.
    """
    row_of = {member.id: row for row, member in enumerate(members)}
    anchor: dict[int, int] = {}  # group -> a row that a person confirmed
    must: list[tuple[int, int]] = []
    for row, member in enumerate(members):
        if member.confirmed and member.group is not None:
            first = anchor.setdefault(member.group, row)
            must += [(first, row)] if first != row else []
    apart = sorted(anchor.values())
    cannot = [(a, b) for i, a in enumerate(apart) for b in apart[:i]]
    cannot += [
        (row_of[face], anchor[group]) for face, group in nots if face in row_of and group in anchor
    ]
    beside: dict[str, list[int]] = {}
    for row, member in enumerate(members):
        others = beside.setdefault(member.digest, [])
        for other in others:
            together = (
                member.confirmed
                and members[other].confirmed
                and member.group == members[other].group
            )
            cannot += [] if together else [(other, row)]
        others.append(row)
    return must, cannot


def keep_ids(labels: Ints, members: Sequence[Member]) -> dict[int, int | None]:
    """Map each new group to the number of the old group that it continues; None: new.

    A confirmed group keeps its number with its confirmed faces. Otherwise the old and the new
    group that share most faces are identified, each old number is used once, and for equal
    shares the lower number has priority.
    """
    shared: Counter[tuple[int, int]] = Counter()
    ids: dict[int, int | None] = dict.fromkeys(labels.tolist())
    for label, member in zip(labels.tolist(), members, strict=True):
        if member.group is not None:
            shared[member.group, label] += 1
            if member.confirmed:
                ids[label] = member.group
    taken = {id for id in ids.values() if id is not None}
    for (group, label), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if ids[label] is None and group not in taken:
            ids[label] = group
            taken.add(group)
    return ids


def stamp(path: Path) -> str:
    """Return a text that changes with the file."""
    try:
        stat = path.stat()
    except OSError as error:
        raise ImageError(f"'{path}' cannot be accessed ({error.strerror}).") from None
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _member(row: Any, paths: tuple[str, ...]) -> Member:
    id, _, digest, box, points, vector, reason, group, confirmed = row
    return Member(
        box=np.frombuffer(box, "<f4").astype(np.float32),
        points=np.frombuffer(points, "<f4").astype(np.float32).reshape(5, 2),
        vector=np.frombuffer(vector, "<f4").astype(np.float32),
        reason=reason,
        id=id,
        paths=paths,
        digest=digest,
        group=group,
        confirmed=bool(confirmed),
    )


def _blob(array: Floats) -> bytes:
    return np.asarray(array, "<f4").tobytes()
