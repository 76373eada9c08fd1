"""Films: uploaded, identified by a job that survives its worker, named once, and erased."""

import io
import json

import numpy as np
import pytest
from PIL import Image
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


def made(toys, path, **body):
    """The copies of a film after a job."""
    toys("POST", f"{path}/copies", json=body)
    toys.worker.once()
    found = toys("GET", f"{path}/copies")
    assert found["job"]["state"] == "done", found["job"]["error"]
    return [one["name"] for one in found["items"]]


def sharp(image, left):
    """Whether a square that begins at x = `left` has its edge."""
    row = image[50, left - 12 : left + 12].max(axis=-1).astype(int)
    return np.abs(np.diff(row)).max() > 80


@pytest.mark.parametrize("who", ["all", "unknown", ["Ada"]])
def test_a_blurred_film_is_seen_before_it_is_written(toys, clip, who, tmp_path):
    from mien.media import open_film

    toys.gallery("people", "Ada")
    path = f"/films/{upload(toys, clip)['id']}"
    assert toys("POST", f"{path}/copies", json={"kind": "preview"}, ok=False).status_code == 409
    toys.worker.once()
    names = made(toys, path, kind="preview", who=who)
    assert names[0] == "preview-0.jpg"
    assert len(names) <= 6
    picture = toys("GET", f"{path}/copies/{names[-1]}").content
    last = np.array(Image.open(io.BytesIO(picture)))
    names = made(toys, path, kind="blurred", who=who)
    film = tmp_path / "blurred.mp4"
    film.write_bytes(toys("GET", f"{path}/copies/blurred.mp4").content)
    with open_film(film) as opened:
        frame = list(opened.frames())[-1].image
    for image in (last, frame):
        assert sharp(image, 20) == (who == "unknown")  # Ada
        assert sharp(image, 140) == (who == ["Ada"])  # Bob


def test_a_clip_is_a_part_of_the_film(toys, clip, tmp_path):
    from mien.media import open_film

    toys.gallery("people")
    path = f"/films/{upload(toys, clip)['id']}"
    toys.worker.once()
    assert made(toys, path, kind="clip", start=0.5, end=1.5) == ["clip-500-1500.mp4"]
    film = tmp_path / "clip.mp4"
    film.write_bytes(toys("GET", f"{path}/copies/clip-500-1500.mp4").content)
    with open_film(film) as opened:
        times = [frame.time for frame in opened.frames()]
    assert (times[0], times[-1] <= 1.0, len(times) > 5) == (0.0, True, True)
    for start, end in ((1, 1), (0, 601), (2, 1)):
        body = {"kind": "clip", "start": start, "end": end}
        assert toys("POST", f"{path}/copies", json=body, ok=False).status_code == 422
    for name in ("../film.mkv", "film.mkv", "blurred.mp4", "people.npz"):
        assert toys("GET", f"{path}/copies/{name}", ok=False).status_code == 404


def test_a_film_that_was_moved_is_asked_for_again(toys, clip):
    toys.gallery("people", "Ada")
    number = upload(toys, clip)["id"]
    toys.worker.once()
    path = f"/films/{number}"
    assert toys("GET", path)["present"] is True
    there = toys("PUT", f"{path}/file", files={"file": ("film.mkv", clip)}, ok=False)
    assert there.status_code == 409
    [file] = toys.settings.folder.glob(f"tenants/default/films/{number}/film.*")
    file.unlink()
    assert toys("GET", path)["present"] is False
    assert toys("GET", f"{path}/file", ok=False).status_code == 404
    for other in (b"x" * len(clip), clip[:-1]):
        refused = toys("PUT", f"{path}/file", files={"file": ("film.mkv", other)}, ok=False)
        assert refused.json()["error"]["code"] == "other-film"
    assert toys("PUT", f"{path}/file", files={"file": ("new.mkv", clip)})["present"] is True
    assert toys("GET", f"{path}/file").content == clip
    assert toys("GET", f"{path}/answer")["answer"]["people"][0]["label"] == "Ada"
