"""`mien serve` on the command line: what it refuses before it starts, and its keys."""

import json

import pytest
from typer.testing import CliRunner

from mien.cli.main import app
from mien.errors import MienError

pytest.importorskip("fastapi", reason="the server needs fastapi: pip install 'mien[server]'")


def run(*words):
    done = CliRunner().invoke(app, ["serve", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(*words):
    with pytest.raises(MienError) as caught:
        CliRunner().invoke(app, ["serve", *map(str, words)], catch_exceptions=False)
    return str(caught.value)


def test_keys_are_made_listed_rotated_and_revoked(tmp_path):
    folder = ("--folder", tmp_path / "faces")
    [made] = run("keys", "add", "front door", "--scope", "identify", "--days", "30", *folder)
    assert made["key"].startswith(f"mien_{made['id']}_")
    [listed] = run("keys", "list", *folder)
    assert (listed["name"], listed["scopes"]) == ("front door", ["identify"])
    assert "key" not in listed
    [new] = run("keys", "rotate", made["id"], *folder)
    assert run("keys", "revoke", new["id"], *folder) == [{"revoked": new["id"]}]
    assert all(one["revoked"] for one in run("keys", "list", *folder))
    done = CliRunner().invoke(app, ["serve", "keys", "list", "--table", *map(str, folder)])
    assert "front door" in done.stdout
    assert "No valid key" in refused("keys", "rotate", made["id"], *folder)
    assert "No key" in refused("keys", "revoke", "nobody", *folder)


def test_a_scope_or_tenant_that_cannot_be_is_refused(tmp_path):
    folder = ("--folder", tmp_path / "faces")
    assert "everything" in refused("keys", "add", "x", "--scope", "everything", *folder)
    wrong = ("--scope", "identify", "--tenant", "../other")
    assert "not a name" in refused("keys", "add", "x", *wrong, *folder)


def test_what_cannot_be_served_is_refused_before_a_model_is_loaded(tmp_path):
    folder = ("--folder", tmp_path / "faces")
    assert "plain text" in refused("--host", "0.0.0.0", *folder)
    assert "belong together" in refused("--tls-key", tmp_path / "x", *folder)
    assert "deepface" in refused("--compat", "deepface", *folder)
    assert "cameras" in refused("--cameras", tmp_path / "nowhere.toml", *folder)
    assert not (tmp_path / "faces").exists()
