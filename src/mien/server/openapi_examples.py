"""Examples of the OpenAPI: one request and one answer of every operation, from its schema."""

from typing import Any

Schema = dict[str, Any]
DEEPEST = 12  # of nested parts
# Texts and numbers by the name of a field. Others are made from the type.
VALUES: Schema = {
    "name": "Ada Lovelace", "person": "Ada Lovelace", "label": "Ada Lovelace",
    "who": "Ada Lovelace",
    "gallery": "people", "embedder": "dlib-resnet29-int8", "detector": "mtcnn",
    "model": "mtcnn", "photo": "party.jpg", "image": "party.jpg", "film": "party.mp4",
    "source": "party.jpg", "made": "2026-11-30T09:00:00+00:00",
    "added": "2026-11-30T09:00:00+00:00",
    "at": "2026-11-30T09:00:00+00:00", "time": "2026-11-30T09:00:00+00:00",
    "until": "2026-12-30T09:00:00+00:00", "ends": "2027-11-30T09:00:00+00:00",
    "given": "2026-11-30T09:00:00+00:00", "first": 1.5, "last": 4.0, "seconds": 2.5,
    "box": [120.0, 80.0, 240.0, 230.0], "size": [480, 640], "rate": 0.01, "fmr": 0.0001,
    "score": 5.2, "threshold": 3.6, "similarity": 0.93, "probability": 0.98, "margin": 1.7,
    "low": 0.93, "high": 0.99, "purpose": "door", "ground": "consent", "version": "v2",
    "reason": "The face is similar enough.", "message": "What was wrong.", "code": "not-found",
    "key": "mien_1f2e3d4c5b6a_SECRET", "licence": "MIT", "command": "mien eval identify",
    "labels": {"Ada Lovelace": "engineers"}, "next": "50",
    "request_id": "6ecec0804b224d09", "digest": "9c56cc51b374c3ba",
    "depth": "@depth.png", "infrared": "@infrared.png",
}  # fmt: skip
TEXTS = {"date-time": "2026-11-30T09:00:00+00:00", "binary": "@photo.jpg"}
PATTERNS = {
    "^[a-z0-9_-]{1,64}$": "door",
    "^[0-9a-f]{64}$": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
    "^[A-Za-z0-9_-]{8,64}$": "5f0c3e1a-live",
    "^[a-z0-9][a-z0-9_-]{0,63}$": "people",
}


def add_examples(document: Schema) -> None:
    """Add an example to each JSON request, each parameter without one, and each JSON answer."""
    parts = document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            _of_operation(operation, parts)


def _of_operation(operation: Schema, parts: Schema) -> None:
    for one in operation.get("parameters", ()):
        if "example" not in one and "examples" not in one:
            one["example"] = example(one["schema"], parts, one["name"])
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for kind, content in body.get("content", {}).items():
            if kind in (
                "application/json",
                "multipart/form-data",
                "application/x-www-form-urlencoded",
            ):
                content.setdefault("example", example(content.get("schema", {}), parts))


def example(schema: Schema | bool, parts: Schema, name: str = "", depth: int = 0) -> Any:
    """Return a value that a schema accepts.

    Args:
        schema: JSON schema.
        parts: schemas that references name.
        name: of the field.
        depth: of nested parts; beyond DEEPEST only what is required is filled in.
    """
    if isinstance(schema, bool) or not schema:  # anything
        return "text"
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return example(parts[target], parts, name, depth + 1)
    for key in ("example", "const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "allOf" in schema:
        return example(schema["allOf"][0], parts, name, depth)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        wanted = [one for one in choices if one.get("type") != "null"]
        return example((wanted or choices)[0], parts, name, depth)
    return _by_type(schema, parts, name, depth)


def _by_type(schema: Schema, parts: Schema, name: str, depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    known = VALUES.get(name)
    match kind:
        case "object":
            fields = schema.get("properties", {})
            wanted = schema.get("required", ()) if depth > DEEPEST else fields
            return {one: example(fields[one], parts, one, depth + 1) for one in wanted}
        case "array":
            if isinstance(known, list):
                return known
            count = schema.get("minItems", 1)
            items = schema.get("prefixItems") or [schema.get("items", {})] * max(count, 1)
            return (
                [] if depth > DEEPEST else [example(one, parts, name, depth + 1) for one in items]
            )
        case "integer":
            return max(1, int(schema.get("minimum", 1)))
        case "number":
            return _number(schema, known)
        case "boolean":
            return False
        case "null":
            return None
    return _text(schema, known)


def _number(schema: Schema, known: Any) -> float:
    value = known if isinstance(known, int | float) else 0.5
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and value < low:
        return float(low)
    return float(high) if high is not None and value > high else value


def _text(schema: Schema, known: Any) -> Any:
    if schema.get("pattern") in PATTERNS:
        return PATTERNS[schema["pattern"]]
    if schema.get("format") in TEXTS:
        return TEXTS[schema["format"]]
    if "contentMediaType" in schema:
        return TEXTS["binary"]
    return known if isinstance(known, str) else "text"
