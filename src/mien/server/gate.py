"""A bounded queue in front of what computes: who finds it full is asked to come back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mien.server.problems import ApiError


class Gate:
    """Lets some requests compute, and some wait. Thread-safe."""

    def __init__(self, running: int, waiting: int) -> None:
        self._slots = threading.Semaphore(running)
        self._most = running + waiting
        self._lock = threading.Lock()
        self.inside = 0  # requests that compute or wait
        self.refused = 0
        self.passed = 0  # requests that have computed

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold a slot for the block.

        Raises:
            ApiError: 429, too many wait already.
        """
        with self._lock:
            full = self.inside >= self._most
            self.refused += full
            self.inside += not full
        if full:
            raise ApiError(
                429,
                "busy",
                "The server works at its limit; send the request again in a second.",
                headers={"Retry-After": "1"},
            )
        try:
            with self._slots:
                yield
        finally:
            with self._lock:
                self.inside -= 1
                self.passed += 1
