"""Several servers share one database: keys, galleries and jobs."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.toy_server import portrait

from mien.errors import MienError, StorageError
from mien.server.jobs import Jobs
from mien.server.settings import DATABASE, ServerSettings
from mien.server.store import STEPS
from mien.server.store_postgres import PostgresStore


def test_two_servers_share_keys_galleries_and_jobs(make):
    one, two = make("one"), make("two")
    one.gallery("people", "Ada")
    [found] = two.identify(portrait("Ada"), key=one.admin)["answers"]
    assert found["faces"][0]["decision"]["person"] == "Ada"
    two.enrol("Bob", key=one.admin)
    [found] = one.identify(portrait("Bob"))["answers"]
    assert found["faces"][0]["decision"]["person"] == "Bob"
    ids = [person["id"] for person in one("GET", "/galleries/people/people")["items"]]
    one("DELETE", f"/galleries/people/people/{ids[0]}")
    [found] = two.identify(portrait("Ada"), key=one.admin)["answers"]
    assert found["faces"][0]["decision"]["outcome"] == "unknown"
    other = two.key("admin", tenant="second")
    assert two("GET", "/galleries", key=other) == []
    assert two("GET", "/galleries/people", key=other, ok=False).status_code == 404


def test_each_job_is_taken_once(make):
    one, two = make("one"), make("two")
    made = {Jobs(one.state.store).submit("default", "film", f"{i}", {}).id for i in range(20)}

    def take(state):
        taken = []
        while (job := Jobs(state.store).claim("w")) is not None:
            taken.append(job.id)
        return taken

    with ThreadPoolExecutor(8) as pool:
        states = [one.state, two.state] * 4
        found = [number for taken in pool.map(take, states) for number in taken]
    assert sorted(found) == sorted(made)


def test_a_change_that_fails_changes_nothing(make):
    store = make().state.store

    def fails():
        with store.change():
            store.run("INSERT INTO hooks VALUES (?, ?, ?)", "t", "c", 1)
            assert store.one("SELECT count(*) FROM hooks")[0] == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert store.one("SELECT count(*) FROM hooks")[0] == 0
    assert store.one("SELECT '100 % ' || CAST(? AS TEXT)", "?")[0] == "100 % ?"


def test_an_old_database_is_brought_up_to_date_and_a_newer_one_refused(make, database):
    make()
    store = PostgresStore(database)
    store.run("DROP TABLE sightings")
    store.run("DROP TABLE galleries")
    for table, column in (("questions", "others"), ("questions", "planted")):
        store.run(f"ALTER TABLE {table} DROP COLUMN {column}")
    store.run("ALTER TABLE questions DROP COLUMN shown")
    store.run("ALTER TABLE films DROP COLUMN digest")
    store.run("DROP INDEX events_of")
    store.run("UPDATE about SET version = ?", len(STEPS) - 1)
    store.close()
    store = PostgresStore(database)
    assert store.one("SELECT count(*) FROM sightings")[0] == 0
    store.run("UPDATE about SET version = ?", len(STEPS) + 1)
    store.close()
    with pytest.raises(MienError, match="newer version"):
        PostgresStore(database)


def test_a_database_that_is_not_there_is_named_without_its_password():
    with pytest.raises(StorageError, match="cannot be used") as caught:
        PostgresStore("postgresql://mien:secret@127.0.0.1:1/none?connect_timeout=1")
    assert "secret" not in str(caught.value)


def test_the_address_of_a_database_is_not_among_the_words_of_a_process(tmp_path, monkeypatch):
    settings = ServerSettings(folder=tmp_path, database="postgresql://mien:secret@db/mien")
    assert "secret" not in settings.packed()
    assert json.loads(settings.packed())["database"] is None
    monkeypatch.setenv(DATABASE, "postgresql://mien:secret@db/mien")
    assert ServerSettings.unpacked(settings.packed()) == settings


def test_the_first_start_makes_a_gallery_and_a_key(tmp_path, database, monkeypatch):
    from mien.server import running

    settings = ServerSettings(folder=tmp_path / "server", database=database)

    class Plain:
        def __init__(self, settings):
            pass

        def plain(self):
            from tests.toy_server import TOYS

            return TOYS

    monkeypatch.setattr(running, "Pipelines", Plain)
    assert running.prepare(settings).startswith("mien_")
    assert running.prepare(settings) is None
    assert list(tmp_path.rglob("*.mien")) == []
