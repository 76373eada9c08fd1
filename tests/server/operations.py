"""Every operation of the OpenAPI, and a request that its schema accepts."""

import re

from mien.server.app import routes
from mien.server.openapi import describe

OPEN = {"health", "ready", "log_in"}  # need no key
DOCUMENT = describe(routes())
# Ids of what does not exist.
NOWHERE = {
    "gallery": "nowhere",
    "model": "nowhere",
    "session": "a-random-text",
    "album": "nowhere",
    "film": "nowhere",
    "job": "nowhere",
    "camera": "nowhere",
    "key": "nowhere",
    "photo": "0" * 16,
}
PATTERNS = {"^[a-z0-9_-]{1,64}$": "door", "^[0-9a-f]{64}$": "0" * 64}


def operations():
    for path, each in DOCUMENT["paths"].items():
        for method, operation in each.items():
            yield method.upper(), path, operation


def resolved(schema):
    if "$ref" in schema:
        return DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def example(schema):
    """A value that a schema accepts."""
    schema = resolved(schema)
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            return {name: example(schema["properties"][name]) for name in wanted}
        case "array":
            return [example(schema["items"])]
        case "integer":
            return 1
        case "number":
            return 0.5
        case "boolean":
            return False
    pattern = schema.get("pattern")
    return PATTERNS.get(pattern, "nowhere")


def call(toys, method, path, operation, ids, *, key):
    """Send a request that the schema of an operation accepts."""
    known = {**NOWHERE, **ids}
    place = re.sub(r"\{(\w+)\}", lambda part: str(known.get(part[1], 9999)), path)
    how, headers = {}, {"Authorization": f"Bearer {key}"} if key else {}
    params = {
        one["name"]: known.get(one["name"], example(one["schema"]))
        for one in operation.get("parameters", [])
        if one["in"] == "query" and one.get("required")
    }
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            how["json"] = example(content["schema"])
        elif kind == "multipart/form-data":
            how |= form(resolved(content["schema"]))
        else:
            how["content"], headers["Content-Type"] = b"x", kind
    return toys.client.request(method, place, params=params, headers=headers, **how)


def form(schema):
    files, data = [], {}
    for name in schema.get("required", []):
        part = resolved(schema["properties"][name])
        inner = resolved(part.get("items", part))
        if "contentMediaType" in inner or inner.get("format") == "binary":
            files.append((name, ("film.mp4", b"x")))
        else:
            data[name] = example(part)
    return {"files": files or None, "data": data}
