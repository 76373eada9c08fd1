"""Images measured on a Ray cluster: the answers of one process, whatever is killed."""

import os
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest
from tests import ray_nodes

from mien.errors import MienError
from mien.evaluate.demo import portraits
from mien.gallery import open_gallery
from mien.media import read_image, write_image
from mien.photo import cluster as module
from mien.photo import each_photo, open_pipeline
from mien.photo.cluster import AHEAD, DEATHS, Cluster, Ended, measure_there
from mien.service import enroll, identify, items_in

if why := ray_nodes.missing():
    pytest.skip(why, allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.weights]

FEW = 12  # images


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of images of two people, one of nobody, and one that is damaged."""
    folder = tmp_path_factory.mktemp("images")
    faces = [read_image(path)[:512, :512] for path in portraits().values()]
    for number in range(FEW):
        face = np.roll(faces[number % 2], number, axis=1)
        write_image(folder / f"p{number:02}.png", face)
    write_image(folder / "q0.png", np.full((90, 90, 3), 128, np.uint8))
    (folder / "q1.png").write_bytes(b"\x89PNG broken")
    return folder


@pytest.fixture(scope="module")
def sources(images):
    return [str(path) for path in sorted(images.iterdir())] + [str(images / "none.png")]


def facts(found):
    """What an answer says, to the bit."""
    return [
        (
            one.source,
            one.error,
            [
                (face.box.tobytes(), face.embedding.tobytes(), str(face.quality), decided(face))
                for face in (one.answer.faces if one.answer else ())
            ],
        )
        for one in found
    ]


def decided(face):
    decision = face.decision
    return decision and (decision.outcome, decision.person, decision.similarity, decision.score)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory, images):
    path = tmp_path_factory.mktemp("gallery") / "people.mien"
    pipeline = open_pipeline()
    with open_gallery(path, pipeline.embedder.contract, create=True) as known:
        list(enroll(items_in(images / "p00.png"), pipeline, known))
    return path


@pytest.fixture(scope="module")
def alone(gallery, sources):
    """The answers of one process."""
    with open_gallery(gallery, None, read_only=True) as known:
        return facts(identify(sources, open_pipeline(gallery=known)))


def spread(gallery, sources, address, disturb=lambda done: None):
    with open_gallery(gallery, None, read_only=True) as known:
        pipeline = open_pipeline(gallery=known, cluster=address)
        found = []
        for one in identify(sources, pipeline):
            found.append(one)
            disturb(len(found))
        return facts(found)


def test_two_nodes_give_the_answers_of_one_process_to_the_bit(gallery, sources, alone):
    with ray_nodes.running() as nodes:
        assert spread(gallery, sources, nodes.address) == alone


def test_a_killed_node_and_a_killed_worker_change_no_answer(gallery, sources, alone):
    killed = []

    def disturb(done):
        if done == 2:
            workers = nodes.workers()
            killed.extend(workers)
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
        if done == 4:
            nodes.kill(nodes.nodes[0])

    with ray_nodes.running() as nodes:
        assert spread(gallery, sources * 2, nodes.address, disturb) == alone * 2
    assert killed


def test_a_killed_head_is_a_sentence_and_the_enrolment_goes_on_where_it_was(tmp_path, images):
    items = [one for one in items_in(images) if one.path.name.startswith("p")]
    items = [type(one)(f"p{i}", one.path) for i, one in enumerate(items)]
    done = []
    with ray_nodes.running(more=0) as nodes:
        pipeline = open_pipeline(cluster=nodes.address)
        contract = pipeline.embedder.contract
        with open_gallery(tmp_path / "g.mien", contract, create=True) as known:
            start = time.monotonic()
            with pytest.raises(MienError, match="kept; start"):  # noqa: PT012
                for one in enroll(items, pipeline, known, allow_conflicts=True):
                    done.append(one)
                    if len(done) == 2:
                        nodes.kill(nodes.head)
            assert time.monotonic() - start < 120
    with open_gallery(tmp_path / "g.mien", None) as known:
        here = open_pipeline()
        rest = list(enroll(items, here, known, allow_conflicts=True))
        outcomes = [one.outcome for one in rest]
        assert outcomes[: len(done)] == ["already"] * len(done)
        assert len(known) == len(items)


def test_no_more_images_are_taken_than_the_cluster_works_on(images):
    taken, given = [], 0

    def items():
        for path in sorted(images.glob("p*.png")) * 2:
            taken.append(path)
            yield path

    pipeline = open_pipeline(embedder=None, cluster="local")
    found = each_photo(items(), pipeline, lambda path: (str(path), None), lambda path, one: one)
    cores = len(os.sched_getaffinity(0))
    for one in found:
        given += 1
        assert one.answer is not None
        assert len(taken) - given <= AHEAD * cores + 1
    assert given == 2 * FEW


def test_a_cluster_that_is_not_there_is_a_sentence(sources, gallery):
    with pytest.raises(MienError, match="No Ray cluster answers"):
        spread(gallery, sources[:1], "127.0.0.1:1")


def test_a_pipeline_without_cards_cannot_be_sent(toy_pipeline):
    toy_pipeline.cluster = "local"
    with pytest.raises(MienError, match="models without cards"):
        list(each_photo([1], toy_pipeline, lambda one: None, lambda one, found: one))


def test_a_worker_with_other_models_is_refused():
    recipe = open_pipeline(embedder=None).recipe
    cluster = Cluster(
        "local", {**recipe, "detector": "mtcnn", "contract": None, "quality": 7}, measure_there
    )
    try:
        recipe = {**open_pipeline().recipe, "contract": "another/0/128", "quality": True}
        with pytest.raises(MienError, match="same version of mien"):
            module._pipeline(tuple(sorted(recipe.items())))
    finally:
        cluster.close()


class CrashError(Exception):
    pass


class MemoryOutError(CrashError):
    pass


@pytest.mark.parametrize(
    ("error", "message"),
    [(CrashError(), "workers ended at it"), (MemoryOutError(), "ran out of memory")],
)
def test_an_image_that_ends_several_workers_is_left_out(error, message):
    def get(reference):
        raise error

    names = {"WorkerCrashedError": CrashError, "OutOfMemoryError": MemoryOutError}
    names |= {"RayTaskError": KeyError, "RayError": ValueError}
    ray = SimpleNamespace(
        wait=lambda refs, timeout: (refs, []), get=get, exceptions=SimpleNamespace(**names)
    )
    kind, found = module._result(ray, object(), "a.jpg", None)
    assert (kind, type(found)) == ("done", Ended)
    assert found.error.startswith(f"a.jpg: {DEATHS} workers")
    assert message in found.error


def test_a_silent_head_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "POLL", 0.0)
    ray = SimpleNamespace(wait=lambda refs, timeout: ([], refs))
    kind, sentence = module._result(ray, object(), "a.jpg", "127.0.0.1:1")
    assert kind == "lost"
    assert "does not answer any more" in sentence
