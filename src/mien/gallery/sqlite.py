"""The default gallery: one SQLite file for storage, and a matrix in memory for search."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType

from mien.errors import GalleryError
from mien.gallery.index import ROWS, Index
from mien.gallery.moving import Moving
from mien.gallery.schema import new_epoch
from mien.gallery.sidecar import Sidecar
from mien.gallery.store import Store


class SqliteGallery(Moving):
    """People in one file; exact search; thread-safe and process-safe.

    A lock guards the file. A large gallery has a file beside it with its index; see
    `mien.gallery.sidecar`.
    """

    _store: Store

    def __init__(
        self,
        path: Path,
        embedder: str | None,
        *,
        create: bool = False,
        read_only: bool = False,
        key: bytes | None = None,
    ) -> None:
        """Open a file.

        Args:
            path: of the file.
            embedder: contract id; None accepts any.
            create: whether a missing file is created.
            read_only: whether changes are refused.
            key: of an encrypted file; None: it is taken from where `find_key` finds it.
        """
        store = Store(path, embedder, create=create, read_only=read_only)
        try:
            super().__init__(store, key)
        except BaseException:
            store.close()
            raise
        self._sidecar = Sidecar(path)
        if not self.read_only:
            with self._store.reading():
                (epoch,) = self._must("SELECT epoch FROM about")
            with suppress(OSError):  # forget and scrub report it
                self._sidecar.tidy(epoch)

    def backup(self, target: Path) -> None:
        """Write a copy of one state of the file; an encrypted one stays encrypted."""
        with self._store.reading():
            pass  # the file is in its place
        self._store.copy(target)

    def _structure(self) -> list[str]:
        faults = [
            f"Gallery {self.where}: {line}."
            for (line,) in self._run("PRAGMA integrity_check")
            if line != "ok"
        ]
        return faults + [
            f"Gallery {self.where}: row {row} of {table} has no person."
            for table, row, *_ in self._run("PRAGMA foreign_key_check")
        ]

    def __len__(self) -> int:
        """Return the number of templates."""
        if self._last:  # counting the rows of a large file takes longer
            return len(self._refresh()[0])
        return super().__len__()

    # ------------------------------------------------------------------ the file beside

    def _kept(self, epoch: int, last: int, dimension: int | None) -> tuple[Index, int] | None:
        if last < ROWS or self.encrypted or self.protected:
            return None
        return self._sidecar.load(epoch, last, dimension)

    def _regrouped(self, before: int, after: int, moved: dict[int, int]) -> None:
        with suppress(OSError):  # the epoch in that file is now wrong: it is not used again
            self._sidecar.amend(before, after, moved)

    def _scrubbed(self) -> str | None:
        reason = super()._scrubbed()
        with self._store.reading():
            (epoch,) = self._must("SELECT epoch FROM about")
        try:
            self._sidecar.tidy(epoch)
        except OSError as error:
            return reason or (
                f"{self._sidecar.path} cannot be overwritten ({error.strerror}); delete it."
            )
        return reason

    def _keep_index(self) -> None:
        """Write the file beside a large gallery if many templates are not in it."""
        if self.encrypted or self.protected:
            return
        with self._store.reading():
            last = self._store.last()
        kept = self._index
        if last - self._sidecar.last() < ROWS and len(kept) * 4 >= len(kept.ids) * 3:
            return
        if not self._sidecar.last():  # codes with the centre of many templates are better
            self._index, self._epoch, self._last = Index.empty(), -1, 0
        index, epoch, _ = self._refresh()
        if len(index) >= ROWS:
            after = new_epoch()
            try:
                self._sidecar.write(index.compact(), after, self._last)
                if self._store.renew(epoch, self._last, after):
                    self._sidecar.publish()
            finally:
                self._sidecar.discard()

    def close(self) -> None:
        """Close the file; later use of the gallery is an error."""
        if not self.read_only and not self._store.closed:
            # The file beside is only a matter of speed: without it, opening takes longer.
            with suppress(GalleryError, OSError):
                self._keep_index()
        super().close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._store.close()
