"""What engines that store tables need of their database; the tables are those of `schema`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Result(Protocol):
    """The rows of one statement."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> Sequence[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """An open database. Statements have "?" for each value, and no other question mark."""

    where: str  # path or address, for messages
    embedder: str  # contract id
    read_only: bool
    closed: bool
    generation: int  # number of the key; 0: not encrypted
    protected: int  # number of the key of protected templates; 0: they are plain

    def run(self, query: str, *values: Any) -> Result:
        """Run one statement, inside `change` or `reading`."""
        ...

    def one(self, query: str, *values: Any) -> Any:
        """Run one statement; return its first row, or None."""
        ...

    def must(self, query: str, *values: Any) -> Any:
        """Run one statement that a sound database answers; return its first row."""
        ...

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; return its id, which no row of the table had before."""
        ...

    def many(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        ...

    def numbers(self) -> dict[str, int]:
        """Return the highest id that a row of each table ever had, inside a transaction."""
        ...

    def set_numbers(self, numbers: Mapping[str, int]) -> None:
        """Set them, inside `change`."""
        ...

    def change(self, *, erases: bool = False, counts: bool = True) -> AbstractContextManager[int]:
        """Run one transaction: stored at the end; after an error nothing has changed.

        Within another change of the same thread, this is a part of that transaction.

        Args:
            erases: removes or regroups templates; the epoch is another one within the block.
            counts: changes `stamp`.

        Yields:
            The epoch of before.
        """
        ...

    def reading(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """Read one consistent state with several statements.

        Args:
            alone: other threads wait that also ask for it.
        """
        ...

    def inside(self, manager: AbstractContextManager[None]) -> AbstractContextManager[None]:
        """Enter a context manager at the begin of the next change, and leave it before its end.

        What it writes is part of the same transaction; an error of it undoes the change.
        """
        ...

    def last(self) -> int:
        """Return the highest template number that was ever given, inside `change` or `reading`."""
        ...

    def scrub(self) -> str | None:
        """Overwrite deleted data; return the reason if that is incomplete."""
        ...

    def close(self) -> None:
        """Close the database; later use is an error."""
        ...
