"""Rows of an engine that are sealed anew: on encryption, and when they change their owner."""

from collections.abc import Callable, Sequence
from typing import Any

from mien.gallery.database import Result
from mien.gallery.sealing import Sealing, Texts

Run = Callable[..., Result]  # statement, values

PAGE = 1000  # rows per read
OWNED = {  # table -> columns that a key seals
    "templates": (
        *("vector", "crc", "source", "digest", "quality", "box"),
        *("beside", "beside_crc"),
    ),
    "refusals": ("reason", "source", "digest"),
    "facts": ("text",),
}


def convert(run: Run, table: str, old: Sealing, new: Sealing) -> None:
    """Open all rows of a table and seal them again, inside a transaction."""
    last = 0
    while True:
        rows = run(
            f"SELECT id, person, {', '.join(OWNED[table])} FROM {table} "
            f"WHERE id > ? AND person IS NOT NULL ORDER BY id LIMIT {PAGE}",
            last,
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        for number, person, *columns in rows:
            write(run, table, number, converted(table, person, person, columns, old, new))


def pass_on(
    run: Run, table: str, numbers: Sequence[int], before: int, after: int, sealing: Sealing
) -> None:
    """Seal rows of one person, which now belong to another one, with the key of that one."""
    if sealing.vault is None:
        return
    for number in numbers:
        query = f"SELECT {', '.join(OWNED[table])} FROM {table} WHERE id = ?"
        columns = run(query, number).fetchone()
        write(run, table, number, converted(table, before, after, columns, sealing, sealing))


def write(run: Run, table: str, number: int, values: Sequence[Any]) -> None:
    """Store the columns of one row."""
    names = ", ".join(f"{name} = ?" for name in OWNED[table])
    run(f"UPDATE {table} SET {names} WHERE id = ?", *values, number)


def converted(
    table: str, before: int, after: int, columns: Sequence[Any], old: Sealing, new: Sealing
) -> Sequence[Any]:
    """Return the columns of one row, sealed anew.

    Args:
        table: one of OWNED.
        before: person whose key opens it.
        after: person whose key seals it.
        columns: the present ones.
        old: opens.
        new: seals.
    """
    if table == "facts":
        return [new.fact(after, old.open_fact(before, columns[0]))]
    if table == "refusals":
        reason, source, digest = columns
        texts = old.open_texts(before, "refusal", Texts(source, digest, reason=reason))
        texts = new.texts(after, "refusal", texts)
        return [texts.reason, texts.source, texts.digest]
    blob, crc, source, digest, quality, box, *second = columns
    [(_, _, blob, *_)] = old.open_vectors([(0, before, blob, crc)])
    texts = old.open_texts(before, "template", Texts(source, digest, quality, box))
    texts = new.texts(after, "template", texts)
    if second[0] is not None and old.beside and new.beside:
        [(_, _, other, *_)] = old.beside.open_vectors([(0, before, *second)])
        second = [*new.beside.vector(after, other)]
    shown = texts.source, texts.digest, texts.quality, texts.box
    return [*new.vector(after, blob), *shown, *second]
