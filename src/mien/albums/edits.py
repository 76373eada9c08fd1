"""Edits of photo groups: rename, merge, split, exclude, put, undo.

Each edit confirms the groups it changes: their faces stay in place in all later runs. An edit
that contradicts an earlier one is refused; undo reverts the latest edit.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mien.albums.groups import Groups
from mien.albums.groups_file import CONFIRMED
from mien.errors import GalleryError
from mien.gallery.checks import clean_name
from mien.gallery.records import Gallery, Template


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal."""

    id: int
    at: str  # ISO 8601, UTC
    edit: str  # a sentence
    undone: bool


def find(groups: Groups, which: str) -> int:
    """Find the number of a group from its number or name."""
    row = groups.one("SELECT id FROM groups WHERE name = ?", which.strip())
    if row is None and which.strip().isdecimal():
        row = groups.one("SELECT id FROM groups WHERE id = ?", int(which) % 2**62)
    if row is None:
        raise GalleryError(
            f"Group {which!r} does not exist in {groups.where}; list the groups: mien groups list"
        )
    return int(row[0])


def rename(groups: Groups, group: int, name: str) -> None:
    """Name a group; its faces are confirmed as this person.

    Raises:
        GalleryError: the name is invalid, or another group has it.
    """
    clean = clean_name(name)
    other = groups.one("SELECT id FROM groups WHERE name = ? AND id != ?", clean, group)
    if other:
        raise GalleryError(
            f"Group {other[0]} has the name {clean!r} already. If both are one person: "
            f"mien groups merge {group} {other[0]}"
        )
    with _edit(groups, f"named group {group} {clean!r}", [group], []):
        groups.db.execute("UPDATE groups SET name = ? WHERE id = ?", (clean, group))


def merge(groups: Groups, source: int, into: int) -> None:
    """Merge two groups; the number of `source` is not used again.

    The name of `into` is kept; if it has none, that of `source` is used.

    Raises:
        GalleryError: they are one group already, or a face of one is excluded from the other.
    """
    if source == into:
        raise GalleryError(f"Group {into} cannot be merged with itself; give two groups.")
    for one, other in ((source, into), (into, source)):
        _refuse_nots(groups, _faces_of(groups, one), other)
    names = [groups.one("SELECT name FROM groups WHERE id = ?", id)[0] for id in (into, source)]
    with _edit(groups, f"merged group {source} into {into}", [source, into], []):
        run = groups.db.execute
        run("UPDATE faces SET grouped = ? WHERE grouped = ?", (into, source))
        run("UPDATE OR IGNORE nots SET grouped = ? WHERE grouped = ?", (into, source))
        _drop(groups, source)
        run("UPDATE groups SET name = ? WHERE id = ?", (names[0] or names[1], into))


def split(groups: Groups, group: int, faces: Sequence[int]) -> int:
    """Move faces of a group to a new group, as another person.

    Returns:
        The number of the new group.

    Raises:
        GalleryError: a face is not in the group, or the group would be empty.
    """
    _require_inside(groups, group, faces)
    with _edit(groups, f"split {_list(faces)} from group {group}", [group], faces) as made:
        new = _new_group(groups, made)
        _move(groups, faces, new, confirmed=True)
    return new


def exclude(groups: Groups, group: int, faces: Sequence[int]) -> None:
    """Exclude faces from a group; later runs assign them to other groups.

    Raises:
        GalleryError: a face is not in the group, or the group would be empty.
    """
    _require_inside(groups, group, faces)
    with _edit(groups, f"excluded {_list(faces)} from group {group}", [group], faces) as made:
        for face in faces:
            _move(groups, [face], _new_group(groups, made), confirmed=False)
            groups.db.execute("INSERT OR IGNORE INTO nots VALUES (?, ?)", (face, group))


def put(groups: Groups, faces: Sequence[int], group: int) -> None:
    """Assign faces to the person of a group.

    Raises:
        GalleryError: the face does not exist, or is excluded from the group.
    """
    left = [_group_of(groups, face) for face in faces]
    _refuse_nots(groups, faces, group)
    touched = [group, *(id for id in left if id is not None)]
    with _edit(groups, f"put {_list(faces)} into group {group}", touched, faces, pin=[group]):
        _move(groups, faces, group, confirmed=True)
        for id in {id for id in left if id not in (None, group)}:
            if not _faces_of(groups, int(id or 0)):
                _drop(groups, int(id or 0))


def undo(groups: Groups) -> str:
    """Undo the latest edit that is not undone yet.

    Faces that were added since are kept; faces that a run put into a group that no longer exists
    wait for the next run.

    Returns:
        The description of that edit.

    Raises:
        GalleryError: there is no edit.
    """
    row = groups.one(
        "SELECT id, edit, before FROM journal WHERE before IS NOT NULL AND NOT undone "
        "ORDER BY id DESC LIMIT 1"
    )
    if row is None:
        raise GalleryError(f"{groups.where} has no edit to undo.")
    number, edit, before = row
    with groups.change():
        _restore(groups, json.loads(before))
        groups.db.execute("UPDATE journal SET undone = 1 WHERE id = ?", (number,))
        groups.note(f"undid {number}: {edit}", None)
    return str(edit)


def erase(groups: Groups, name: str) -> int:
    """Erase the person of that name: the group, its faces, and the journal, which names it.

    The photos stay known, so that a later run does not find the faces again. No earlier edit can be
    undone afterwards.

    Returns:
        The number of erased faces; 0 if no group has the name.

    Raises:
        GalleryError: another program is reading the file, so old bytes remain in it.
    """
    clean = clean_name(name)
    row = groups.one("SELECT id FROM groups WHERE name = ?", clean)
    run = groups.db.execute
    with groups.change():
        noted = any(
            clean in edit or json.dumps(clean) in (before or "")
            for edit, before in groups.all("SELECT edit, before FROM journal")
        )
        faces = _faces_of(groups, row[0]) if row else []
        if row:
            groups.db.executemany("DELETE FROM nots WHERE face = ?", [(face,) for face in faces])
            run("DELETE FROM faces WHERE grouped = ?", (row[0],))
            _drop(groups, row[0])
        if row or noted:
            run("DELETE FROM journal")
    if row or noted:
        groups.scrub()
    return len(faces)


def journal(groups: Groups) -> list[Line]:
    """Return the log of runs and edits, oldest first."""
    rows = groups.all("SELECT id, at, edit, undone FROM journal ORDER BY id")
    return [Line(id, at, edit, bool(undone)) for id, at, edit, undone in rows]


def confirm(groups: Groups, group: int) -> None:
    """Confirm a group: its faces stay together, apart from all other confirmed groups."""
    faces = _faces_of(groups, group)
    if not faces:
        raise GalleryError(f"Group {group} does not exist in {groups.where}, or has no face.")
    with _edit(groups, f"confirmed group {group}", [group], []):
        pass


def enroll(
    groups: Groups,
    group: int,
    gallery: Gallery,
    *,
    source: Callable[[str], str] = str,
) -> list[int]:
    """Enrol the faces of a named group in a gallery; photos that it has already are skipped.

    Args:
        groups: the file.
        group: its number.
        gallery: of the same embedder.
        source: the text that a template keeps about the path of its photo.

    Returns:
        The numbers of the templates.

    Raises:
        GalleryError: the group has no name, or the gallery belongs to another embedder.
    """
    found = next((each for each in groups.groups() if each.id == group), None)
    if found is None or found.name is None:
        raise GalleryError(
            f"Group {group} of {groups.where} "
            + ("has no photo of the last run." if found is None else "has no name yet.")
            + f" Name it, and run mien cluster on its folder: mien groups rename {group} NAME"
        )
    return gallery.add(
        Template(
            found.name,
            face.vector,
            groups.contract,
            source=source(face.paths[0]),
            source_digest=face.digest,
            box=face.box,
        )
        for face in found.faces
    )


@contextmanager
def _edit(
    groups: Groups,
    sentence: str,
    touched: Sequence[int],
    faces: Sequence[int],
    pin: Sequence[int] | None = None,
) -> Iterator[list[int]]:
    """Apply one edit in one transaction; the previous state is stored in the journal.

    Args:
        groups: the file.
        sentence: for the journal.
        touched: groups that change.
        faces: further faces that change.
        pin: groups whose faces become confirmed; default: those touched.

    Yields:
        A list to fill with the numbers of new groups.
    """
    with groups.change():
        before: dict[str, Any] = _before(groups, touched, faces)
        made: list[int] = []
        for group in touched if pin is None else pin:
            groups.db.execute(
                f"UPDATE faces SET {CONFIRMED} = 1 WHERE grouped = ? AND reason IS NULL", (group,)
            )
        yield made
        groups.note(sentence, json.dumps({**before, "made": made}))


def _before(groups: Groups, touched: Sequence[int], faces: Sequence[int]) -> dict[str, Any]:
    rows: dict[int, Any] = {}
    nots: set[tuple[int, int]] = set()
    for group in touched:
        for row in groups.all(
            f"SELECT id, grouped, {CONFIRMED} FROM faces WHERE grouped = ?", group
        ):
            rows[row[0]] = row
        nots.update(groups.all("SELECT face, grouped FROM nots WHERE grouped = ?", group))
    for face in faces:
        for row in groups.all(f"SELECT id, grouped, {CONFIRMED} FROM faces WHERE id = ?", face):
            rows[row[0]] = row
        nots.update(groups.all("SELECT face, grouped FROM nots WHERE face = ?", face))
    names = [groups.one("SELECT id, name FROM groups WHERE id = ?", id) for id in touched]
    return {"faces": list(rows.values()), "nots": sorted(nots), "groups": names}


def _restore(groups: Groups, before: dict[str, Any]) -> None:
    run, many = groups.db.execute, groups.db.executemany
    ids = [(id,) for id, _ in before["groups"]]
    faces = [(id,) for id, _, _ in before["faces"]]
    many("DELETE FROM nots WHERE grouped = ?", ids)
    many("DELETE FROM nots WHERE face = ?", faces)
    for id, _ in before["groups"]:  # a merged group is restored
        run("INSERT INTO groups (id) VALUES (?) ON CONFLICT DO NOTHING", (id,))
        run("UPDATE groups SET name = NULL WHERE id = ?", (id,))
    many("UPDATE groups SET name = ? WHERE id = ?", [(n, i) for i, n in before["groups"]])
    many(
        f"UPDATE faces SET grouped = ?, {CONFIRMED} = ? WHERE id = ?",
        [(group, confirmed, id) for id, group, confirmed in before["faces"]],
    )
    many("INSERT OR IGNORE INTO nots VALUES (?, ?)", before["nots"])
    for group in before["made"]:
        run(f"UPDATE faces SET grouped = NULL, {CONFIRMED} = 0 WHERE grouped = ?", (group,))
        _drop(groups, group)


def _new_group(groups: Groups, made: list[int]) -> int:
    made.append(int(groups.db.execute("INSERT INTO groups (name) VALUES (NULL)").lastrowid or 0))
    return made[-1]


def _drop(groups: Groups, group: int) -> None:
    groups.db.execute("DELETE FROM nots WHERE grouped = ?", (group,))
    groups.db.execute("DELETE FROM groups WHERE id = ?", (group,))


def _move(groups: Groups, faces: Sequence[int], group: int, *, confirmed: bool) -> None:
    groups.db.executemany(
        f"UPDATE faces SET grouped = ?, {CONFIRMED} = ? WHERE id = ?",
        [(group, int(confirmed), face) for face in faces],
    )


def _faces_of(groups: Groups, group: int) -> list[int]:
    return [row[0] for row in groups.all("SELECT id FROM faces WHERE grouped = ?", group)]


def _group_of(groups: Groups, face: int) -> int | None:
    row = groups.one("SELECT grouped FROM faces WHERE id = ?", face)
    if row is None:
        raise GalleryError(
            f"Face {face} does not exist in {groups.where}; find the numbers in the report or "
            "with: "
            "mien groups list"
        )
    return None if row[0] is None else int(row[0])


def _require_inside(groups: Groups, group: int, faces: Sequence[int]) -> None:
    for face in faces:
        where = _group_of(groups, face)
        if where != group:
            there = "no group" if where is None else f"group {where}"
            raise GalleryError(f"Face {face} is in {there}, not in group {group}.")
    if not faces or len(set(faces)) == len(_faces_of(groups, group)):
        raise GalleryError(
            f"Group {group} would keep {'all' if not faces else 'none'} of its faces; give some of "
            "its faces, or merge or rename the group."
        )


def _refuse_nots(groups: Groups, faces: Sequence[int], group: int) -> None:
    excluded = {row[0] for row in groups.all("SELECT face FROM nots WHERE grouped = ?", group)}
    against = sorted(excluded & set(faces))
    if against:
        raise GalleryError(
            f"Face {against[0]} is excluded from group {group} by an earlier edit. Undo that edit "
            "(mien groups undo), or leave out this face."
        )


def _list(faces: Sequence[int]) -> str:
    kind = "face" if len(faces) == 1 else "faces"
    return f"{kind} {', '.join(map(str, faces))}"
