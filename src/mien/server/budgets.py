"""How much a key may ask: requests per minute, faces per day, and probes that repeat.

The counts are shared by all processes of a server. They are lost if the power fails.
"""

import sqlite3
import threading
import time
from collections import deque
from pathlib import Path

import numpy as np

from mien.server.keys import Key
from mien.server.problems import ApiError
from mien.server.store import speaking
from mien.types import Floats

MINUTE, DAY = 60, 86_400  # s
GUESSES = 10  # wrong keys per minute from one address
# Scored answers per day about one person; later ones are decisions only. In a trial on rendered
# faces, 10 to 20 scored probes per reference did not suffice for an image that passes for it.
PER_PERSON = 20
# A search for an image that scores higher, one small change after the other, sends hundreds of
# near-duplicates. Photos of one person in one series are rarely more than a dozen.
NEAR, SERIES, MEMORY = 0.97, 30, 256  # cosine; near-duplicates; probes that are remembered


class Budgets:
    """Counters of requests and faces. Thread-safe and process-safe."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._lock = threading.Lock()
        self._probes: dict[str, deque[tuple[float, Floats]]] = {}
        with speaking(self.where):
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS counts "
                "(what TEXT, period INTEGER, n INTEGER, PRIMARY KEY (what, period)) WITHOUT ROWID"
            )

    def _add(self, what: str, seconds: int, count: int, most: int) -> float | None:
        """Add to a counter; return the seconds until it is empty again if it would be too full."""
        now = time.time()
        period = int(now // seconds) * seconds
        with self._lock, speaking(self.where):
            row = self._db.execute(
                "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + ? "
                "WHERE n + ? <= ? RETURNING n",
                (what, period, count, count, count, most),
            ).fetchone()
            if row and row[0] == count:  # a new period: the earlier ones are not needed
                self._db.execute("DELETE FROM counts WHERE what = ? AND period < ?", (what, period))
        return None if row and row[0] <= most else period + seconds - now

    def request(self, key: Key) -> None:
        """Count a request.

        Raises:
            ApiError: 429, the key has made too many in this minute.
        """
        wait = self._add(f"requests {key.id}", MINUTE, 1, key.rate)
        if wait is not None:
            raise _refused("rate", f"The key may make {key.rate:,} requests per minute.", wait)

    def faces(self, key: Key, count: int) -> None:
        """Count faces that are searched.

        Raises:
            ApiError: 429, the key has used its budget of this day.
        """
        wait = self._add(f"faces {key.id}", DAY, count, key.budget) if count else None
        if wait is not None:
            raise _refused("budget", f"The key may search {key.budget:,} faces per day.", wait)

    def person(self, key: Key, reference: str) -> bool:
        """Count a scored answer about one person; return whether scores may still be shown.

        Scores let a caller build an image that passes for a person. A limit per reference stops
        that: see docs/guide/server.md.
        """
        return self._add(f"person {key.id} {reference}", DAY, 1, PER_PERSON) is None

    def guess(self, address: str) -> None:
        """Count a wrong key.

        Raises:
            ApiError: 429, too many came from this address.
        """
        wait = self._add(f"guesses {address}", MINUTE, 1, GUESSES)
        if wait is not None:
            raise _refused("guesses", "Too many wrong keys came from this address.", wait)

    def repeats(self, key: Key, vectors: Floats) -> bool:
        """Remember probes; return whether a series of near-duplicates has just become too long."""
        now, alarm = time.monotonic(), False
        with self._lock:
            memory = self._probes.setdefault(key.id, deque(maxlen=MEMORY))
            for vector in vectors:
                # galleries may have different embedders
                same = (one for one in memory if one[1].shape == vector.shape)
                recent = [one for at, one in same if now - at < 10 * MINUTE]
                memory.append((now, vector))
                if recent:
                    near = np.stack(recent) @ vector
                    # equal images are a repeated request, not a search for a higher score
                    alarm |= int(((near > NEAR) & (near < 1 - 1e-6)).sum()) == SERIES
        return alarm

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _refused(code: str, message: str, wait: float) -> ApiError:
    seconds = max(1, round(wait))
    return ApiError(
        429,
        code,
        f"{message} Send the request again in {seconds:,} s.",
        headers={"Retry-After": str(seconds)},
    )
