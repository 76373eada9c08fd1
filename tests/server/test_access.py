"""Who may do what: keys, scopes route by route, tenants that see nothing of each other."""

import json

import pytest
from tests.server.operations import OPEN, call, operations
from tests.toy_server import portrait

from mien.server.keys import SCOPES

ALL = [pytest.param(*one, id=f"{one[0]} {one[1]}") for one in operations()]


@pytest.fixture(scope="module")
def roles(tmp_path_factory):
    from tests.toy_server import Toys

    toys = Toys(tmp_path_factory.mktemp("roles") / "server")
    keys = {scope: toys.key(scope, rate=1_000_000) for scope in SCOPES}
    yield toys, keys
    toys.close()


@pytest.mark.parametrize(("method", "path", "operation"), ALL)
def test_a_route_answers_only_keys_with_its_scopes(roles, method, path, operation):
    toys, keys = roles
    bare = call(toys, method, path, operation, {}, key="")
    if operation["operationId"] in OPEN:
        assert bare.status_code != 403
        return
    assert bare.status_code == 401, bare.text
    assert bare.json()["error"]["code"] == "not-authenticated"
    needed = operation["security"][0]["key"]
    for scope, key in keys.items():
        answer = call(toys, method, path, operation, {}, key=key)
        allowed = not needed or scope in needed or scope == "admin"
        assert (answer.status_code in (401, 403)) != allowed, (scope, answer.text)
        assert answer.status_code < 500


@pytest.fixture(scope="module")
def tenants(tmp_path_factory):
    """A server, the ids of all that one tenant has, and the key of another tenant."""
    from tests.toy_server import Toys

    toys = Toys(tmp_path_factory.mktemp("tenants") / "server", portraits=True)
    key = toys.key("admin", tenant="one", rate=1_000_000)
    ids = toys.populate("secret", key)
    other = toys.key("admin", tenant="two", rate=1_000_000)
    toys.gallery("people", "Bob", key=other)
    yield toys, ids, other, key
    toys.close()


SHARED = ("/v1/models/", "/v1/live/")  # no ids of a tenant
CAMERAS = "/v1/cameras/"  # are named by the operator: see test_cameras.py
OWNED = [
    one for one in ALL if "{" in one.values[1] and not one.values[1].startswith((*SHARED, CAMERAS))
]


@pytest.mark.parametrize(("method", "path", "operation"), OWNED)
def test_what_belongs_to_another_tenant_does_not_exist(tenants, method, path, operation):
    toys, ids, other, key = tenants
    answer = call(toys, method, path, operation, ids, key=other)
    assert answer.status_code == 404, answer.text
    if method == "GET":
        own = call(toys, method, path, operation, ids, key=key)
        assert own.status_code not in (403, 404) or "picture" in path or "copy_name" in path, (
            own.text
        )


def test_lists_show_only_what_is_ones_own(tenants):
    toys, _, other, _ = tenants
    for path in ("/albums", "/films", "/jobs", "/review", "/review/figures"):
        found = toys("GET", path, key=other)
        assert (found["items"] if isinstance(found, dict) else found) == [], path
    assert [one["name"] for one in toys("GET", "/galleries", key=other)] == ["people"]
    assert len(toys("GET", "/keys", key=other)) == 1


def test_a_gallery_of_another_tenant_cannot_be_named_in_a_body(tenants):
    toys, _, other, _ = tenants
    refused = [
        toys.identify(portrait("Ada"), gallery="secret", key=other, ok=False),
        toys("POST", "/albums", json={"name": "x", "gallery": "secret"}, key=other, ok=False),
        toys.identify(portrait("Ada"), gallery="../one/secret", key=other, ok=False),
    ]
    assert [one.status_code for one in refused] == [404] * 3


def test_a_key_is_made_rotated_and_revoked(toys):
    made = toys("POST", "/keys", json={"name": "Door", "scopes": ["identify"], "days": 1})
    key = made["key"]
    assert made["expires"] is not None
    assert toys("GET", "/session", key=key)["scopes"] == ["identify"]
    new = toys("POST", f"/keys/{made['id']}/rotate")
    assert toys("GET", "/session", key=key, ok=False).status_code == 401
    assert toys("GET", "/session", key=new["key"])["name"] == "Door"
    toys("DELETE", f"/keys/{new['id']}")
    assert toys("GET", "/session", key=new["key"], ok=False).status_code == 401
    assert toys("POST", f"/keys/{new['id']}/rotate", ok=False).status_code == 404


def test_no_file_has_the_secret_of_a_key(toys):
    secret = toys.admin.split("_", 2)[2]  # which may contain "_" itself
    assert len(secret) > 30
    kept = b"".join(p.read_bytes() for p in toys.settings.folder.rglob("*") if p.is_file())
    assert secret.encode() not in kept


def test_an_expired_key_is_refused(toys):
    key = toys.key("identify", days=1)
    toys.state.store.run("UPDATE keys SET expires = 1 WHERE id = ?", key.split("_")[1])
    assert toys("GET", "/session", key=key, ok=False).status_code == 401


@pytest.mark.parametrize("text", ["", "x", "mien_", "mien__", "mien_a_b", "Ω" * 300, "mien_%s_x"])
def test_what_is_no_key_is_refused(toys, text):
    bad = text % toys.admin.split("_")[1] if "%s" in text else text
    header = {"X-API-Key": bad.encode("utf-8")}
    answer = toys.client.get("/v1/session", headers=header)
    assert answer.status_code == 401


def test_guessing_is_slowed_and_others_are_not(toys):
    wrong = [toys("GET", "/session", key=f"mien_{i}_x", ok=False).status_code for i in range(11)]
    assert wrong == [401] * 10 + [429]
    assert toys("GET", "/session")["name"] == "Kim"


def test_a_session_needs_its_token_for_writes_and_ends(toys):
    made = toys.client.post("/v1/session", json={"key": toys.admin})
    cookie = made.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    token = toys.client.get("/v1/session").json()["csrf"]
    assert token == made.json()["csrf"]
    body = {"json": {"name": "family"}}
    refused = toys.client.post("/v1/galleries", **body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf")
    wrong = toys.client.post("/v1/galleries", headers={"X-CSRF-Token": b"\xe9"}, **body)
    assert wrong.status_code == 403
    done = toys.client.post("/v1/galleries", headers={"X-CSRF-Token": token}, **body)
    assert done.status_code == 201
    old = toys.client.cookies["mien_session"]
    assert toys.client.delete("/v1/session", headers={"X-CSRF-Token": token}).status_code == 204
    stolen = {"Cookie": f"mien_session={old}"}
    assert toys.client.get("/v1/session", headers=stolen).status_code == 401


def test_revoking_a_key_ends_its_sessions(toys):
    key = toys("POST", "/keys", json={"name": "Page", "scopes": ["review"]})
    toys.client.post("/v1/session", json={"key": key["key"]})
    assert toys.client.get("/v1/session").status_code == 200
    toys("DELETE", f"/keys/{key['id']}")
    assert toys.client.get("/v1/session").status_code == 401


def test_a_wrong_key_starts_no_session(toys):
    made = toys.client.post("/v1/session", json={"key": "mien_a_b"})
    assert made.status_code == 401
    assert "set-cookie" not in made.headers


def test_fields_that_nobody_asked_for_are_refused(toys):
    body = {"name": "x", "scopes": ["identify"], "tenant": "two"}
    assert toys("POST", "/keys", json=body, ok=False).status_code == 422
    assert json.dumps(toys("GET", "/keys")).count('"id"') == 1
