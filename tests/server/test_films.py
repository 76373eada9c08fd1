"""Films: uploaded, identified by a job that survives its worker, named once, and erased."""

import json

import numpy as np
import pytest
from tests.toy_server import portrait

from mien.server.jobs import ATTEMPTS, Jobs


@pytest.fixture
def clip(film):
    """The bytes of a film: Ada for two seconds, then Ada and Bob."""
    pictures = [portrait("Ada", "Ada")] * 40
    pictures[0:20] = [np.hstack([portrait("Ada"), np.zeros((100, 120, 3), np.uint8)])] * 20
    pictures[20:] = [portrait("Ada", "Bob")] * 20
    return film(pictures).read_bytes()


def upload(toys, clip, name="film.mkv", **how):
    return toys("POST", "/films", files={"film": (name, clip)}, **how)


def test_a_film_is_identified_and_an_unknown_is_named_once(toys, clip):
    toys.gallery("people", "Ada")
    made = upload(toys, clip)
    path = f"/films/{made['id']}"
    assert toys("GET", f"{path}/answer", ok=False).status_code == 409
    toys.worker.once()
    facts = toys("GET", path)
    assert facts["job"]["state"] == "done", facts["job"]["error"]
    answer = toys("GET", f"{path}/answer")["answer"]
    assert [one["label"] for one in answer["people"]] == ["Ada", "unknown-1"]
    assert answer["film"] == "film.mkv"
    assert toys("GET", f"{path}/people/1/picture").content.startswith(b"\xff\xd8")
    named = toys("POST", f"{path}/people/1/name", json={"name": "Bob"})
    assert len(named["jobs"]) == 1
    toys.worker.once()
    answer = toys("GET", f"{path}/answer")["answer"]
    assert [one["label"] for one in answer["people"]] == ["Ada", "Bob"]


def test_a_part_of_a_film_is_sent_for_the_player(toys, clip):
    toys.gallery("people")
    path = f"/films/{upload(toys, clip)['id']}/file"
    part = toys("GET", path, headers={"Range": "bytes=10-19"}, ok=False)
    assert (part.status_code, part.content) == (206, clip[10:20])


def test_a_job_whose_worker_died_is_taken_by_another_one(toys, clip):
    toys.gallery("people", "Ada")
    made = upload(toys, clip)
    jobs = Jobs(toys.state.store)
    assert jobs.claim("a worker that dies").id == made["job"]["id"]
    assert toys.worker.once() is None  # its lease holds
    toys.state.store.run("UPDATE jobs SET lease = 0")
    assert toys.worker.once().id == made["job"]["id"]
    assert toys("GET", f"/films/{made['id']}")["job"]["state"] == "done"


def test_a_film_that_ends_every_worker_fails(toys, clip):
    toys.gallery("people")
    made = upload(toys, clip)
    jobs = Jobs(toys.state.store)
    for _ in range(ATTEMPTS):
        assert jobs.claim("a worker that dies") is not None
        toys.state.store.run("UPDATE jobs SET lease = 0")
    assert toys.worker.once() is None
    job = toys("GET", f"/films/{made['id']}")["job"]
    assert (job["state"], "damaged" in job["error"]) == ("failed", True)


def test_a_worker_that_shall_end_returns_its_job(toys, clip):
    toys.gallery("people")
    made = upload(toys, clip)
    toys.worker.stopping.set()
    found = toys.worker.jobs.claim(toys.worker.name)
    toys.worker._interrupted(found)
    job = toys("GET", f"/films/{made['id']}")["job"]
    assert (job["state"], job["attempts"]) == ("queued", 0)


def test_a_job_is_cancelled_and_resumed(toys, clip):
    toys.gallery("people")
    job = upload(toys, clip)["job"]["id"]
    assert toys("POST", f"/jobs/{job}/cancel")["state"] == "cancelled"
    assert toys.worker.once() is None
    assert toys("POST", f"/jobs/{job}/resume")["state"] == "queued"
    toys.worker.once()
    assert toys("GET", f"/jobs/{job}")["state"] == "done"
    assert toys("POST", f"/jobs/{job}/resume", ok=False).json()["error"]["code"] == "job-state"


def test_what_is_no_film_fails_with_the_reason_and_without_a_path(toys):
    toys.gallery("people")
    made = upload(toys, b"this is no film", name="x.mp4")
    toys.worker.once()
    job = toys("GET", f"/films/{made['id']}")["job"]
    assert job["state"] == "failed"
    assert str(toys.settings.folder) not in job["error"]
    refused = toys("POST", "/films", files={"film": ("notes.txt", b"x")}, ok=False)
    assert refused.status_code == 415


def test_an_erased_person_is_gone_from_films_too(toys, clip):
    ada = toys.gallery("people", "Ada")["Ada"]["person"]["id"]
    path = f"/films/{upload(toys, clip)['id']}"
    toys.worker.once()
    other = upload(toys, clip)["id"]  # is not identified yet, and has a table of another job
    films = toys.settings.folder / "tenants/default/films"
    for place in films.iterdir():
        (place / "table.parquet").write_bytes(b"Ada")
    done = toys("DELETE", f"/galleries/people/people/{ada}")
    assert sorted(p.name for p in (films / other).iterdir()) == ["film.mkv"]
    toys("DELETE", f"/films/{other}")
    assert done["elsewhere"] == {"pictures": 1, "films": 1, "questions": 0, "events": 0}
    assert toys("GET", f"{path}/answer", ok=False).status_code == 409
    place = toys.settings.folder / "tenants/default/films"
    assert [one.name for one in place.rglob("*") if one.is_file()] == ["film.mkv"]
    assert "Ada" not in json.dumps(toys.state.store.all("SELECT result, spec FROM films, jobs"))


def test_a_deleted_film_leaves_no_file_and_no_job(toys, clip):
    toys.gallery("people")
    made = upload(toys, clip)
    toys("DELETE", f"/films/{made['id']}")
    assert toys.worker.once() is None
    assert list(toys.settings.folder.rglob("film*")) == [
        toys.settings.folder / "tenants/default/films"
    ]
