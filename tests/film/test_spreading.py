"""Films and images analysed on a Ray cluster: the table of one process, whatever is killed."""

import os
import signal

import numpy as np
import pandas as pd
import pytest
from tests import ray_nodes

from mien.errors import MienError
from mien.evaluate.demo import portraits
from mien.film import Analyzer, analyze, open_analyzer
from mien.media import FilmWriter, read_image, write_image
from mien.photo import Pipeline

if why := ray_nodes.missing():
    pytest.skip(why, allow_module_level=True)

from mien.film import spreading
from mien.photo.cluster import Ended

pytestmark = [pytest.mark.slow, pytest.mark.weights]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Two films and images of two people, and three sources that cannot be read."""
    folder = tmp_path_factory.mktemp("sources")
    faces = [read_image(path)[:512, :512] for path in portraits().values()]
    for number, face in enumerate(faces):
        write_image(folder / f"p{number}.png", face)
        with FilmWriter(folder / f"f{number}.mp4") as film:
            for step in range(12):
                film.add(np.roll(face, 2 * step, axis=1), step / 10)
    (folder / "broken.png").write_bytes(b"\x89PNG broken")
    (folder / "broken.mp4").write_bytes(b"no film")
    return [str(path) for path in sorted(folder.iterdir())] + [str(folder / "none.jpg")]


def tables(sources, address=None, on_step=lambda *step: None, folder=None):
    analyzer = open_analyzer(people=True, heads="expression", cluster=address)
    found = analyze(sources, analyzer, on_step=on_step, folder=folder)
    return found


def same(one, other):
    for part in ("data", "recordings", "people", "events"):
        pd.testing.assert_frame_equal(getattr(one, part), getattr(other, part), check_exact=True)
    assert one.facts == other.facts


@pytest.fixture(scope="module")
def alone(sources):
    return tables(sources)


def test_two_nodes_give_the_table_of_one_process_though_workers_are_killed(sources, alone):
    killed = []

    def disturb(name, done, total):
        if not killed:
            killed.extend(nodes.workers())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    with ray_nodes.running() as nodes:
        same(tables(sources, nodes.address, disturb), alone)
    assert killed
    assert (alone.data["reason"] == "ok").sum() >= 20
    assert (alone.recordings["reason"] == "unreadable").sum() == 3


def test_a_stopped_run_goes_on_with_and_without_a_cluster(sources, alone, tmp_path):
    def stop(name, done, total):
        if name == "films":
            raise KeyboardInterrupt

    first = tables(sources, "local", stop, tmp_path)
    assert set(first.recordings["reason"]) >= {"interrupted"}
    same(tables(sources, folder=tmp_path), alone)


def test_a_film_that_a_machine_does_not_see_is_named(tmp_path):
    sent = spreading.Sent(0, None, str(tmp_path / "away.mp4"), 7)
    recipe = tuple(sorted({"heads": "none", "contract": None}.items()))
    with pytest.raises(MienError, match=r"does not see the film .*away\.mp4"):
        spreading.analyze_there(recipe, sent, "away.mp4")


def test_a_film_that_ends_workers_is_a_row_with_the_reason(sources, monkeypatch):
    class Dying:
        def __init__(self, *how):
            pass

        def results(self, items, call):
            for item in items:
                yield item, Ended("it ended three workers")

        def close(self):
            pass

    monkeypatch.setattr(spreading, "Cluster", Dying)
    found = tables(sources[:2], "local")
    assert set(found.recordings["reason"]) == {"unreadable"}
    assert set(found.recordings["detail"]) == {"it ended three workers"}


def test_an_analyzer_without_cards_cannot_be_sent(sources):
    kit = open_analyzer(heads="none")
    pipeline = Pipeline(detector=kit.pipeline.detector, cluster="local")
    with pytest.raises(MienError, match="models without cards"):
        analyze(sources[:1], Analyzer(pipeline=pipeline, landmarker=kit.landmarker))
