"""A gallery calibrated on its own people by the server."""

from dataclasses import replace

import numpy as np
import pytest
from tests.toy_server import portrait

from mien.gallery import Template


@pytest.fixture
def gallery(toys):
    """Forty people with three photos each, enrolled by program."""
    toys.gallery("people")
    known = toys.state.tenants.open("default", "people", who="test")
    random = np.random.default_rng(0)
    people = random.normal(size=(40, 1, 3))
    vectors = (people + 0.05 * random.normal(size=(40, 3, 3))).reshape(-1, 3).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known.add([Template(f"p{i // 3}", v, known.embedder) for i, v in enumerate(vectors)])
    return toys


def test_a_gallery_is_calibrated_on_its_people_and_back(gallery, monkeypatch):
    before = gallery("GET", "/galleries/people/calibration")
    assert (before["own"], before["drift"]) == (False, [])
    job = gallery("POST", "/galleries/people/calibration")
    assert (job["kind"], job["subject"], job["state"]) == ("calibration", "people", "queued")
    assert gallery("POST", "/galleries/people/calibration")["id"] == job["id"]  # not twice
    gallery.worker.once()
    done = gallery("GET", f"/jobs/{job['id']}")
    assert (done["state"], done["error"]) == ("done", None)
    assert gallery("GET", "/galleries/people/calibration") == before  # that of the program decides
    known = gallery.state.pipelines._known
    known = {name: replace(one, calibration=None) for name, one in known.items()}
    monkeypatch.setattr(gallery.state.pipelines, "_known", known)
    after = gallery("GET", "/galleries/people/calibration")
    assert (after["own"], after["people"], after["genuine"]) == (True, 40, 120)
    assert after["name"] != before["name"]
    monkeypatch.undo()
    gallery("DELETE", "/galleries/people/calibration")
    assert gallery.state.tenants.open("default", "people", who="test").calibration() is None


def test_a_small_gallery_fails_and_keeps_its_calibration(toys):
    toys.gallery("people", "Ada", "Bob")
    before = toys("GET", "/galleries/people/calibration")
    job = toys("POST", "/galleries/people/calibration")
    toys.worker.once()
    done = toys("GET", f"/jobs/{job['id']}")
    assert done["state"] == "failed"
    assert done["error"]
    assert toys("GET", "/galleries/people/calibration") == before


def test_only_an_administrator_calibrates(gallery):
    for scopes in (("identify",), ("review", "scores"), ("enrol", "export")):
        key = gallery.key(*scopes)
        for method in ("POST", "DELETE"):
            refused = gallery(method, "/galleries/people/calibration", key=key, ok=False)
            assert refused.status_code == 403
    assert gallery("POST", "/galleries/nobody/calibration", ok=False).status_code == 404


def test_levels_of_live_searches_are_counted_over_requests(gallery, monkeypatch):
    known = {n: replace(p, calibration=None) for n, p in gallery.state.pipelines._known.items()}
    monkeypatch.setattr(gallery.state.pipelines, "_known", known)
    gallery("POST", "/galleries/people/calibration")
    gallery.worker.once()
    for _ in range(3):
        gallery.identify(portrait("Ada"), gallery="people")
    drift = gallery.state.tenants.open("default", "people", who="test").drift()
    assert sum(drift.window) == 3
