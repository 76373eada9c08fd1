"""The OpenAPI of the server, held against web/openapi.json, from which the page is made.

A change that is meant is written down by: python tests/server/test_openapi.py --write
"""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the server needs fastapi: pip install 'mien[server]'")

from mien.server.app import routes
from mien.server.openapi import describe

FILE = Path(__file__).parents[2] / "web" / "openapi.json"
WRITE = "python tests/server/test_openapi.py --write"
OPEN = {"health", "ready", "log_in"}  # need no key


def text():
    found = describe(routes())
    found["info"]["version"] = "1"  # of the API, not of the package
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def operations():
    for path, each in describe(routes())["paths"].items():
        for method, operation in each.items():
            yield path, method, operation


def test_the_committed_file_is_that_of_today():
    assert FILE.read_text("utf-8") == text(), f"the API changed; if that is meant: {WRITE}"


def test_every_operation_has_a_name_a_sentence_and_a_scope():
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, _, operation in operations():
        assert path.startswith("/v1/")
        assert operation["description"].partition("\n")[0].endswith("."), path
        assert "security" in operation or operation["operationId"] in OPEN, path


def test_no_reference_leads_nowhere():
    whole = text()
    known = {f"#/components/schemas/{name}" for name in json.loads(whole)["components"]["schemas"]}
    used = {part.split('"')[0] for part in whole.split('"$ref": "')[1:]}
    assert used <= known


def test_every_operation_has_examples_that_its_schemas_accept():
    import jsonschema

    document = describe(routes())
    jsons = ("application/json", "multipart/form-data", "application/x-www-form-urlencoded")
    for path, _, operation in operations():
        shown = [(one["schema"], one["example"]) for one in operation.get("parameters", ())]
        for body in [operation.get("requestBody", {}), *operation["responses"].values()]:
            for kind, content in body.get("content", {}).items():
                if kind in jsons:
                    shown.append((content["schema"], content["example"]))
        assert shown, path
        for schema, example in shown:
            whole = {**schema, "components": document["components"]}
            found = jsonschema.Draft202012Validator(whole).iter_errors(example)
            assert [f"{path}: {e.json_path}: {e.message[:200]}" for e in found] == []


if __name__ == "__main__" and "--write" in sys.argv:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), "utf-8")
