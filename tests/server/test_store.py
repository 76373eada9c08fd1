"""What a server keeps: files of older versions, backups, damage, and two servers on one folder."""

import sqlite3

import pytest
from tests.toy_server import Toys, portrait

from mien.errors import MienError, StorageError
from mien.server.store import STEPS, Store


def test_a_file_of_an_older_version_is_migrated_and_keeps_its_rows(tmp_path):
    path = tmp_path / "server.db"
    db = sqlite3.connect(path)
    for statement in STEPS[0]:
        db.execute(statement)
    db.execute("INSERT INTO albums VALUES ('a', 'default', 'people', 'Old', 1.0)")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    store = Store(path)
    assert store.one("SELECT name FROM albums") == ("Old",)
    assert store.all("SELECT * FROM events") == []
    assert store.one("PRAGMA user_version") == (len(STEPS),)
    store.close()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "server.db"
    Store(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(MienError, match="newer version"):
        Store(path)


def test_a_damaged_file_is_one_sentence(tmp_path):
    path = tmp_path / "server.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match=r"server\.db"):
        Store(path)


def test_a_change_that_fails_changes_nothing(tmp_path):
    store = Store(tmp_path / "server.db")

    def stopped():
        with store.change():
            store.run("INSERT INTO albums VALUES ('a', 'x', 'people', 'x', 1.0)")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stopped()
    assert store.all("SELECT * FROM albums") == []
    store.close()


def test_a_backup_is_restored_as_the_guide_says(make, tmp_path):
    toys = make()
    toys.gallery("people", "Ada")
    place = toys.settings.folder / "tenants/default"
    toys.state.tenants.open("default", "people", who="x").backup(tmp_path / "copy.mien")
    toys.enrol("Bob")
    admin = toys.admin
    toys.close()
    for old in place.glob("people.mien*"):
        old.unlink()
    (tmp_path / "copy.mien").rename(place / "people.mien")
    again = make(toys.settings.folder.name)
    names = [one["name"] for one in again("GET", "/galleries/people/people", key=admin)["items"]]
    assert names == ["Ada"]
    [found] = again.identify(portrait("Ada", "Bob"), key=admin)["answers"]
    assert {face["decision"]["person"] for face in found["faces"]} == {"Ada", None}


def test_two_servers_share_one_folder(make):
    first, second = make(), make()
    first.gallery("people", "Ada")
    [found] = second.identify(portrait("Ada"), key=first.admin)["answers"]
    assert found["faces"][0]["decision"]["person"] == "Ada"
    second("DELETE", "/galleries/people/people/1", key=first.admin)
    [found] = first.identify(portrait("Ada"))["answers"]
    assert found["faces"][0]["decision"]["outcome"] == "unknown"
    key = first.key("identify", rate=1)
    assert first("GET", "/settings", key=key, ok=False).status_code == 200
    assert second("GET", "/settings", key=key, ok=False).status_code == 429


def test_the_folder_is_only_for_its_owner(make):
    toys = make()
    assert toys.settings.folder.stat().st_mode & 0o077 == 0
    assert isinstance(toys, Toys)


def test_readiness_is_no_use_of_the_models(make):
    toys = make()
    assert toys.client.get("/v1/ready").json()["ready"]
    assert toys.state.pipelines.unload(0)
    assert toys.client.get("/v1/ready").json() == {"ready": True, "models": []}
