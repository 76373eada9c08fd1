"""Lists in pages: a cursor is where the next page begins, and stays valid when the list changes."""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from mien.server.problems import ApiError

T = TypeVar("T")
Cursor = Annotated[str | None, Query(description="`next` of the page before.", max_length=40)]
Limit = Annotated[int, Query(ge=1, le=500, description="Rows of a page.")]


class Page(BaseModel, Generic[T]):
    """Some rows of a list."""

    items: list[T]
    next: str | None  # cursor of the next page; None: this is the last one
    total: int


def page(rows: Sequence[T], cursor: str | None, limit: int, key: Callable[[T], float]) -> Page[T]:
    """Return the rows after a cursor.

    Args:
        rows: in rising order of their keys.
        cursor: the key of the last row of the page before.
        limit: most rows.
        key: a number of each row, which no other row has.

    Raises:
        ApiError: 422, the cursor is not one of this list.
    """
    rest = rows
    if cursor is not None:
        try:
            last = float(cursor)
        except ValueError:
            raise ApiError(422, "cursor", "The cursor is not one of this list.") from None
        rest = [row for row in rows if key(row) > last]
    items = list(rest[:limit])
    more = len(rest) > limit
    return Page(items=items, next=f"{key(items[-1]):.17g}" if more else None, total=len(rows))
