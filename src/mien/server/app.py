"""The app: all routes, what surrounds them, and the files of the page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from mien.photo import Pipeline
from mien.server import (
    albums,
    apikeys,
    calibrating,
    camera_checks,
    cameras,
    compreface,
    consents,
    copies,
    face_points,
    faces,
    films,
    frames,
    galleries,
    groups,
    health,
    jobs,
    model_changes,
    models,
    openapi,
    own_errors,
    people,
    planting,
    problems,
    rates,
    readings,
    retention,
    review,
    sessions,
    sightings,
    steps,
    templates,
    verdicts,
)
from mien.server.access import CSRF
from mien.server.heap import trim
from mien.server.middleware import Guard, Repeats
from mien.server.settings import ServerSettings
from mien.server.state import State, open_state

EVERY = 30.0  # s between two questions whether the models are idle
TIDY = 2.0  # s between two returns of freed memory to the system, while photos are computed
PAGE = Path(__file__).with_name("static")
NOUNS = (
    health,
    sessions,
    faces,
    frames,
    galleries,
    people,
    steps,
    sightings,
    templates,
    consents,
    retention,
    rates,
    calibrating,
    model_changes,
    own_errors,
    verdicts,
    albums,
    groups,
    planting,
    review,
    films,
    copies,
    readings,
    face_points,
    cameras,
    camera_checks,
    jobs,
    models,
    apikeys,
)


def routes() -> list[APIRoute]:
    """Return the routes of all nouns."""
    found = (route for noun in NOUNS for route in noun.router.routes)
    return [route for route in found if isinstance(route, APIRoute)]


def surroundings(state: State) -> list[Middleware]:
    """Return what surrounds every request, outermost first."""
    found = [Middleware(Guard, state=state), Middleware(Repeats, state=state)]
    if state.settings.origins:
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(state.settings.origins),
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key", CSRF],
                expose_headers=["X-Request-ID", "Retry-After"],
            )
        )
    return found


def create_app(settings: ServerSettings, pipeline: Pipeline | None = None) -> FastAPI:
    """Return the app of a server. It starts no worker: `mien serve` does.

    Args:
        settings: its folder is made if it does not exist.
        pipeline: is used for all galleries, instead of models from cards.

    Raises:
        GalleryError: the folder is damaged or cannot be written.
    """
    state = open_state(settings, pipeline)

    async def release() -> None:
        while True:
            await asyncio.sleep(min(settings.idle, EVERY))
            await asyncio.to_thread(state.pipelines.unload, settings.idle)

    async def tidy() -> None:
        passed = 0
        while True:
            await asyncio.sleep(TIDY)
            if state.gate.passed != passed:
                passed = state.gate.passed
                await asyncio.to_thread(trim)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        beside = [asyncio.create_task(one()) for one in (release, tidy)]
        yield
        for one in beside:
            one.cancel()
        state.close()

    app = FastAPI(
        title="mien",
        docs_url=None,  # their scripts come from another host
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=lifespan,
        middleware=surroundings(state),
    )
    app.state.mien = state
    problems.install(app)
    openapi.install(app, routes())
    for noun in NOUNS:
        app.include_router(noun.router)
    if "compreface" in settings.compat:
        app.include_router(compreface.router)
    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    return app
