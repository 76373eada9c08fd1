"""The app of a server process that uvicorn starts: its settings come from the environment."""

import os

from fastapi import FastAPI

from mien.server.app import create_app
from mien.server.heap import few_arenas
from mien.server.settings import ServerSettings

VARIABLE = "MIEN_SERVER_SETTINGS"


def app() -> FastAPI:
    """Return the app of this process."""
    few_arenas()
    return create_app(ServerSettings.unpacked(os.environ[VARIABLE]))
