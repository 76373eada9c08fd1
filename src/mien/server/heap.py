"""Two wishes to the C library of GNU about memory; others have none of them."""

import ctypes
from contextlib import suppress

ARENA_MAX, ARENAS = -8, 2  # M_ARENA_MAX of mallopt(3)


def few_arenas() -> None:
    """Let threads share memory that was freed.

    Each of the 40 threads that answer requests would else keep the memory of its largest image:
    with 32 clients the server had 756 MB instead of 626 MB (benchmarks/serve.py).
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(ARENA_MAX, ARENAS)


def trim() -> None:
    """Return freed memory to the system: without this, released models free none of it."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
