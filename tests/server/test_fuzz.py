"""Requests that schemathesis makes from the OpenAPI: none fails, and answers keep their schema.

Needs the extra `fuzz`: `make test-fuzz`.
"""

import secrets
import warnings
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from tests.server.operations import operations
from tests.toy_server import Toys

schemathesis = pytest.importorskip(
    "schemathesis", reason="fuzzing needs schemathesis: pip install 'mien[fuzz]'"
)
pytestmark = pytest.mark.slow
ENOUGH = 40  # requests per operation


def endless(app):
    """The app, which does not end when one of the clients of schemathesis does."""

    async def wrapped(scope, receive, send):
        if scope["type"] != "lifespan":
            await app(scope, receive, send)

    return wrapped


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    toys = Toys(tmp_path_factory.mktemp("fuzz") / "server", portraits=True)
    toys.gallery("people", "Ada", "Bob")
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", endless(toys.app))
    yield toys, schema, toys.key("admin", rate=10_000_000, budget=10_000_000)
    toys.close()


@pytest.mark.parametrize(
    ("method", "path"), [pytest.param(m, p, id=f"{m} {p}") for m, p, _ in operations()]
)
def test_no_request_makes_the_server_fail(fuzzed, method, path):
    toys, schema, key = fuzzed
    headers = {"Authorization": f"Bearer {key}"}
    ids = toys.populate(f"gallery-{secrets.token_hex(4)}", key) if "{" in path else {}
    numbers = count()

    @given(case=schema[path][method].as_strategy())
    @settings(
        max_examples=ENOUGH,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def run(case):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own client
            if next(numbers) % 2 and case.path_parameters:  # with ids of what exists
                known = {name: ids.get(name, v) for name, v in case.path_parameters.items()}
                case.path_parameters = known
            answer = case.call(headers=headers)
            assert answer.status_code < 500, answer.text
            if answer.status_code not in (400, 405):
                case.validate_response(
                    answer,
                    checks=[
                        schemathesis.checks.response_schema_conformance,
                        schemathesis.checks.content_type_conformance,
                        schemathesis.checks.status_code_conformance,
                    ],
                )

    run()
    assert toys("GET", "/keys", key=key), "the server does not answer any more"
