"""Tenants: each has a folder of its own, and sees nothing else."""

import re
import secrets
import shutil
import threading
from pathlib import Path

from mien.errors import MienError
from mien.gallery import GuardedGallery, open_gallery
from mien.gallery.engine import Engine
from mien.gallery.legal import check_code
from mien.server.problems import absent
from mien.server.store import Store

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
SUFFIX = ".mien"
FIRST = "default"  # tenant of a server that has only one


def check_tenant(name: str) -> str:
    """Return the name of a tenant; raise an error for other texts."""
    if not NAME.fullmatch(name):
        raise MienError(
            f"Tenant {name[:80]!r} is not a name: expected up to 64 of a-z, 0-9, '_' and '-'."
        )
    return name


class Tenants:
    """The folders of all tenants, and their open galleries.

    A gallery stays open, so that its index is loaded once. Each request has its own guard in front
    of it, with its own name for the journal and its own purpose.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tenants"
        self._engines: dict[Path, tuple[tuple[int, int], Engine]] = {}
        self._lock = threading.Lock()

    def folder(self, tenant: str, *inside: str) -> Path:
        """Return a folder of a tenant, which is made."""
        place = self._folder.joinpath(check_tenant(tenant), *inside)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        return place

    def path(self, tenant: str, gallery: str) -> Path:
        """Return the file of a gallery, which need not exist.

        Raises:
            ApiError: 404, the text is no name.
        """
        if not NAME.fullmatch(gallery):
            raise absent(f"Gallery {gallery[:80]!r}")
        return self.folder(tenant) / f"{gallery}{SUFFIX}"

    def galleries(self, tenant: str) -> list[str]:
        """Return the names of the galleries of a tenant."""
        files = self.folder(tenant).glob(f"*{SUFFIX}")
        return sorted(file.stem for file in files if NAME.fullmatch(file.stem))

    def all(self) -> list[tuple[str, str]]:
        """Return tenant and name of every gallery."""
        places = self._folder.glob("*") if self._folder.is_dir() else ()
        tenants = sorted(place.name for place in places if NAME.fullmatch(place.name))
        return [(tenant, name) for tenant in tenants for name in self.galleries(tenant)]

    def open(
        self, tenant: str, gallery: str, *, who: str, purpose: str | None = None
    ) -> GuardedGallery:
        """Return a gallery for one request; it is not closed after it.

        Raises:
            ApiError: 404, there is no such gallery.
            GalleryError: the file is damaged, or the purpose is not a code.
        """
        if purpose is not None:
            check_code(purpose)
        engine = self._open(tenant, gallery)
        known = GuardedGallery(engine, who=who, purpose=purpose)
        known.where = gallery  # for messages and receipts: no path of the server
        return known

    def create(self, tenant: str, gallery: str, contract: str, *, who: str) -> None:
        """Create a gallery; an existing one is left as it is."""
        open_gallery(self.path(tenant, gallery), contract, create=True, who=who).close()

    def _open(self, tenant: str, gallery: str) -> Engine:
        """Return what stores a gallery; raise 404 without one."""
        path = self.path(tenant, gallery)
        if not path.exists():
            raise absent(f"Gallery {gallery!r}")
        return self._engine(path)

    def _engine(self, path: Path) -> Engine:
        status = path.stat()
        stamp = (status.st_dev, status.st_ino)  # another file was put in its place: a backup
        with self._lock:
            known = self._engines.get(path)
            if known is None or known[0] != stamp or not known[1].current():
                if known:
                    known[1].close()
                known = stamp, open_gallery(path, None).engine
                self._engines[path] = known
            return known[1]

    def delete(self, tenant: str, *inside: str) -> None:
        """Delete a folder of a tenant with all files in it."""
        shutil.rmtree(self._folder.joinpath(check_tenant(tenant), *inside), ignore_errors=True)

    def close(self) -> None:
        """Close all galleries."""
        with self._lock:
            for _, engine in self._engines.values():
                engine.close()
            self._engines.clear()


class DatabaseTenants(Tenants):
    """Tenants whose galleries are in PostgreSQL; films and albums stay in the folder."""

    def __init__(self, folder: Path, store: Store, address: str) -> None:
        super().__init__(folder)
        self._store, self._address = store, address
        self._opened: dict[str, Engine] = {}

    def galleries(self, tenant: str) -> list[str]:
        """Return the names of the galleries of a tenant."""
        query = "SELECT name FROM galleries WHERE tenant = ? ORDER BY name"
        return [name for (name,) in self._store.all(query, check_tenant(tenant))]

    def all(self) -> list[tuple[str, str]]:
        """Return tenant and name of every gallery."""
        rows = self._store.all("SELECT tenant, name FROM galleries ORDER BY tenant, name")
        return [(tenant, name) for tenant, name in rows]

    def create(self, tenant: str, gallery: str, contract: str, *, who: str) -> None:
        """Create a gallery; an existing one is left as it is."""
        self.path(tenant, gallery)  # both are names
        with self._store.change():
            self._store.run(
                "INSERT INTO galleries VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                *(tenant, gallery, f"g{secrets.token_hex(10)}"),
            )
            place = self._place(tenant, gallery)
        where = self._where(place)
        open_gallery(where, contract, create=True, who=who, personal=True).close()

    def _place(self, tenant: str, gallery: str) -> str:
        query = "SELECT place FROM galleries WHERE tenant = ? AND name = ?"
        row = self._store.one(query, check_tenant(tenant), gallery)
        if row is None:
            raise absent(f"Gallery {gallery[:80]!r}")
        return str(row[0])

    def _where(self, place: str) -> str:
        """Return the address of a gallery."""
        sign = "&" if "?" in self._address else "?"
        return f"{self._address}{sign}gallery={place}"

    def _open(self, tenant: str, gallery: str) -> Engine:
        place = self._place(tenant, gallery)
        with self._lock:
            known = self._opened.get(place)
            if known is None or not known.current():
                if known:
                    known.close()
                known = self._opened[place] = open_gallery(self._where(place), None).engine
            return known

    def close(self) -> None:
        """Close all galleries."""
        with self._lock:
            for engine in self._opened.values():
                engine.close()
            self._opened.clear()
        super().close()
