"""The app of a server process that uvicorn starts: its settings come from the environment."""

import ctypes
import os
from contextlib import suppress

from fastapi import FastAPI

from mien.server.app import create_app
from mien.server.settings import ServerSettings

VARIABLE = "MIEN_SERVER_SETTINGS"


ARENA_MAX, ARENAS = -8, 2  # M_ARENA_MAX of mallopt(3)


def few_arenas() -> None:
    """Let threads share memory that was freed; only for the C library of GNU.

    Each of the 40 threads that answer requests would else keep the memory of its largest image:
    with 32 clients the server had 756 MB instead of 626 MB (benchmarks/serve.py).
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(ARENA_MAX, ARENAS)


def app() -> FastAPI:
    """Return the app of this process."""
    few_arenas()
    return create_app(ServerSettings.unpacked(os.environ[VARIABLE]))
