"""API keys: a random secret that is shown once, its hash, scopes, expiry and rotation."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any

from mien.errors import MienError
from mien.gallery import clean_name
from mien.server.store import Store
from mien.server.tenants import check_tenant

# What a key may do. `scores` shows similarities, scores and probabilities, `export` vectors.
SCOPES = ("identify", "enrol", "review", "scores", "export", "admin")
PREFIX = "mien"
RATE, BUDGET = 3000, 100_000  # requests per minute (a live page sends 20 frames/s), faces per day
LONGEST = 200  # characters of what may be a key
COLUMNS = "id, tenant, name, scopes, rate, budget, made, expires, revoked"
NOBODY = hashlib.sha256(b"").hexdigest()  # compared with, where no key has that id


@dataclass(frozen=True, slots=True)
class Key:
    """One API key, without its secret."""

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    rate: int
    budget: int
    made: float
    expires: float | None
    revoked: float | None

    def may(self, *scopes: str) -> bool:
        """Return whether it has one of the scopes; `admin` has all."""
        return "admin" in self.scopes or any(scope in self.scopes for scope in scopes)

    def valid(self, now: float) -> bool:
        """Return whether it is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def sha256(text: str) -> str:
    """Return the SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Keys:
    """The keys of a server."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(
        self,
        tenant: str,
        name: str,
        scopes: tuple[str, ...],
        *,
        days: float | None = None,
        rate: int = RATE,
        budget: int = BUDGET,
    ) -> tuple[Key, str]:
        """Make a key; the second of the two results is its only copy.

        Raises:
            MienError: a scope does not exist, or a number is not possible.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise MienError(
                f"Scope '{', '.join(unknown) or 'none'}' does not exist: expected some of "
                f"{', '.join(SCOPES)}."
            )
        if rate < 1 or budget < 1 or (days is not None and not days > 0):
            raise MienError("Rate, budget and days of a key must be above 0.")
        now = time.time()
        key = Key(
            secrets.token_hex(6),
            check_tenant(tenant),
            clean_name(name),
            tuple(scope for scope in SCOPES if scope in scopes),
            rate,
            budget,
            now,
            None if days is None else now + days * 86_400,
            None,
        )
        secret = secrets.token_urlsafe(32)
        self._store.run(
            f"INSERT INTO keys (digest, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            sha256(secret),
            *(key.id, key.tenant, key.name, " ".join(key.scopes), key.rate, key.budget),
            *(key.made, key.expires, None),
        )
        return key, f"{PREFIX}_{key.id}_{secret}"

    def find(self, text: str) -> Key | None:
        """Return the valid key of a text; the time it takes does not depend on how far it fits."""
        _, _, rest = text[:LONGEST].partition("_")
        number, _, secret = rest.partition("_")
        row = self._store.one(f"SELECT digest, {COLUMNS} FROM keys WHERE id = ?", number)
        fits = hmac.compare_digest(sha256(secret), row[0] if row else NOBODY)
        key = _key(row[1:]) if row else None
        return key if fits and key and key.valid(time.time()) else None

    def by_id(self, number: str) -> Key | None:
        """Return the valid key of an id."""
        row = self._store.one(f"SELECT {COLUMNS} FROM keys WHERE id = ?", number)
        key = _key(row) if row else None
        return key if key and key.valid(time.time()) else None

    def list(self, tenant: str | None = None) -> list[Key]:
        """Return the keys of a tenant, or all, in the order in which they were made."""
        rows = self._store.all(
            f"SELECT {COLUMNS} FROM keys WHERE CAST(? AS TEXT) IS NULL OR tenant = ? "
            "ORDER BY made, id",
            *(tenant, tenant),
        )
        return [_key(row) for row in rows]

    def revoke(self, number: str, tenant: str | None = None) -> bool:
        """End a key and its sessions at once; return whether there is one of that id."""
        with self._store.change():
            done = self._store.run(
                "UPDATE keys SET revoked = coalesce(revoked, ?) "
                "WHERE id = ? AND (CAST(? AS TEXT) IS NULL OR tenant = ?)",
                *(time.time(), number, tenant, tenant),
            )
            if done:
                self._store.run("DELETE FROM sessions WHERE key = ?", number)
        return bool(done)

    def rotate(self, number: str, tenant: str | None = None) -> tuple[Key, str] | None:
        """Revoke a key, and make one with the same name, scopes and limits; None if unknown."""
        old = next((one for one in self.list(tenant) if one.id == number), None)
        if old is None or not old.valid(time.time()):
            return None
        days = None if old.expires is None else (old.expires - old.made) / 86_400
        with self._store.change():
            made = self.make(
                old.tenant, old.name, old.scopes, days=days, rate=old.rate, budget=old.budget
            )
            self.revoke(number, tenant)
        return made


def _key(row: Any) -> Key:
    number, tenant, name, scopes, *rest = row
    return Key(number, tenant, name, tuple(scopes.split()), *rest)
