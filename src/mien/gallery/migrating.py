"""Galleries move from one engine to another, row by row: encrypted rows stay as they are.

The rows keep their numbers, so the journal, receipts and notes stay valid. The target is not a
gallery before all its rows were compared with those of the source by their digests. A migration
that was stopped continues; if the source has changed meanwhile, it begins again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from mien.errors import GalleryError
from mien.gallery.moving import COLUMNS, PAGE, Moving, Row


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was moved; the digests of both sides are equal."""

    people: int
    templates: int
    refusals: int
    facts: int  # legal records, settings and entries of the journal
    resumed: bool  # a stopped migration was continued
    digest: str  # SHA-256 of all rows, hex


def migrate(
    source: Moving, target: Moving, on_step: Callable[[int, int], None] = lambda done, of: None
) -> Migrated:
    """Copy a gallery to another engine, and compare both.

    Args:
        source: the gallery; it is not changed.
        target: an engine without people and without a journal, or one of a stopped migration.
        on_step: is given the number of rows that arrived, and of all.

    Raises:
        GalleryError: the target is in use, the source was changed meanwhile, or the copies differ.
    """
    if source.embedder != target.embedder:
        raise GalleryError(
            f"Gallery {target.where} is for '{target.embedder}', and {source.where} has templates "
            f"of '{source.embedder}'; give another target."
        )
    with source.reading():
        state = source.state()
        arriving = target.arriving()
        if arriving is None and any(target.highest(table) for table in COLUMNS):
            raise GalleryError(
                f"Gallery {target.where} is in use already; nothing was changed. Give a new one."
            )
        if arriving != state:
            target.expect(state)
        total = sum(source.highest(table) for table in COLUMNS)
        done = sum(target.highest(table) for table in COLUMNS)
        for table in COLUMNS:
            page: list[Row] = []
            for row in source.rows(table, target.highest(table)):
                page.append(row)
                if len(page) == PAGE:
                    target.take(table, page)
                    done, page = done + PAGE, []
                    on_step(min(done, total), total)
            if page:
                target.take(table, page)
        there = {table: summed(source, table) for table in COLUMNS}
        here = {table: summed(target, table, source.encrypted) for table in COLUMNS}
        for table in COLUMNS:
            if there[table] != here[table]:
                raise GalleryError(
                    f"The {table} of {target.where} differ from those of {source.where}: "
                    f"{here[table][0]} rows instead of {there[table][0]}, or other bytes. The "
                    "target is no gallery yet; delete it, and migrate again."
                )
        about = source.about()
    if source.state() != state:
        raise GalleryError(
            f"Gallery {source.where} was changed during the migration; migrate again."
        )
    target.settle(about)
    whole = hashlib.sha256("".join(digest for _, digest in there.values()).encode()).hexdigest()
    counts = {table: count for table, (count, _) in there.items()}
    return Migrated(**counts, resumed=arriving == state, digest=whole)


def summed(engine: Moving, table: str, sealed: bool | None = None) -> tuple[int, str]:
    """Return the number of rows of a table, and the SHA-256 of their contents."""
    digest, count = hashlib.sha256(), 0
    for row in engine.rows(table, sealed=sealed):
        plain = [value.hex() if isinstance(value, bytes) else value for value in row]
        digest.update(json.dumps(plain).encode() + b"\n")
        count += 1
    return count, digest.hexdigest()
