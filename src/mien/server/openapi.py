"""The OpenAPI of the server: routes of FastAPI, and the published schema of answers."""

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from mien.server.access import COOKIE, CSRF, scopes_of
from mien.server.openapi_examples import add_examples
from mien.server.problems import PROBLEMS, Problem
from mien.service.schema import answer_schema

ABOUT = """
The use-cases of mien over HTTP. Every answer about a person is a decision with a reason, at an
error rate that the request names. Keys are sent as `Authorization: Bearer KEY`, or by the page as
a cookie. Every error has the form of `Problem`. Lists have a cursor: send `next` as `cursor`.
Writes accept an `Idempotency-Key`.
"""
KEY, SESSION = "key", "session"
# Names of the parts of the published schema of `mien identify`, as they are here.
NAMES = {
    "image": "ImageAnswer",
    "film": "FilmAnswer",
    "unread_image": "UnreadImage",
    "unread_film": "UnreadFilm",
    "maybe_decision": "MaybeDecision",
}


def schema_name(name: str) -> str:
    """Return the name of a part of the schema of answers within the OpenAPI."""
    return NAMES.get(name, name.title().replace("_", ""))


def ref(name: str) -> dict[str, str]:
    """Return a reference to a part of the schema of answers."""
    return {"$ref": f"#/components/schemas/{schema_name(name)}"}


def says(
    properties: dict[str, Any], description: str, *, optional: tuple[str, ...] = ()
) -> dict[int | str, dict[str, Any]]:
    """Return the description of a 200 answer for `responses` of a route."""
    schema = {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


def many(item: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an array."""
    return {"type": "array", "items": item}


def pictures(
    description: str, kinds: tuple[str, ...] = ("image/jpeg",)
) -> dict[int | str, dict[str, Any]]:
    """Return the description of an answer that is a file of some media types."""
    schema = {"type": "string", "format": "binary"}
    content = {kind: {"schema": schema} for kind in kinds}
    return {200: {"description": description, "content": content}}


def answer_parts() -> dict[str, Any]:
    """Return the parts of the published schema of answers, with the names of the OpenAPI."""
    text = json.dumps(answer_schema()["$defs"])
    for name in answer_schema()["$defs"]:
        text = text.replace(f'"#/$defs/{name}"', f'"#/components/schemas/{schema_name(name)}"')
    return {schema_name(name): part for name, part in json.loads(text).items()}


def install(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Let an app describe itself completely: all its routes, with scopes and errors."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(routes)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


def describe(routes: Sequence[APIRoute]) -> dict[str, Any]:
    """Return the OpenAPI of some routes."""
    found = get_openapi(
        title="mien", version=version("mien"), description=ABOUT.strip(), routes=routes
    )
    parts = found.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        parts.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts |= problem.pop("$defs", {})
    parts |= {"Problem": problem, **answer_parts()}
    found["components"]["schemas"] = dict(sorted(parts.items()))
    found["components"]["securitySchemes"] = {
        KEY: {"type": "http", "scheme": "bearer", "description": "An API key."},
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": f"From POST /v1/session; writes need the header {CSRF}.",
        },
    }
    for route in routes:
        for method in route.methods or ():
            _complete(found["paths"][route.path_format][method.lower()], route)
    add_examples(found)
    return found


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    """Add the name, the scopes and the errors of one operation."""
    operation["operationId"] = route.name
    scopes = next((s for s in map(scopes_of, _calls(route.dependant)) if s is not None), None)
    if scopes is not None:
        operation["security"] = [{KEY: list(scopes)}, {SESSION: list(scopes)}]
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers = operation["responses"]
    for status in PROBLEMS:
        answers[str(status)] = {"description": "A problem.", "content": content}
    operation["responses"] = dict(sorted(answers.items()))


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)
