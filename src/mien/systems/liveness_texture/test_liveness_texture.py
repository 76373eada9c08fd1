"""Known answers of the parts; the contract; two epochs; the shipped file equals the network."""

import numpy as np
import pytest

from mien.liveness import LivenessCheck, cut_square
from mien.media import write_image
from mien.systems.liveness_texture.head import SIDE, ZOOM, as_input
from mien.testing import check, made_up_clip, noise
from mien.types import Clip, Face
from mien.zoo import load


@pytest.fixture(scope="module")
def head():
    return load("liveness-texture")


def test_the_shipped_head_keeps_its_contract(head):
    check("clip-head", head)
    assert head(Clip(np.zeros(0))) == []
    [reading] = head(made_up_clip(3, head))
    assert reading.task == "liveness"
    assert reading.span == (0.0, pytest.approx(2 / 25))


def test_a_clip_gets_the_mean_of_its_frames(head):
    clip = made_up_clip(2, head)
    chips = [cut_square(*pair, ZOOM, SIDE) for pair in zip(clip.frames, clip.boxes, strict=True)]
    each = head.scores(np.stack(chips))
    assert head(clip)[0].values["live"] == pytest.approx(each.mean(), abs=1e-6)


def test_it_checks_a_face_at_each_of_its_points(head):
    image = noise(1, 200)[0]
    face = Face(np.array([60, 60, 120, 120], np.float32), 0.9)
    found = {point: LivenessCheck(head, point).of(image, face) for point in head.points}
    assert {one.model for one in found.values()} == {f"liveness-texture@{head.digest}"}
    assert len({one.score for one in found.values()}) == 1
    assert sorted(head.points.values())[0] == head.points["bpcer1"]


@pytest.mark.realdata
@pytest.mark.weights
def test_pictures_of_others_get_their_answers(head, data):
    from mien.media import read_image
    from mien.photo import Pipeline

    pipeline = Pipeline(detector=load("mtcnn"), quality=False, liveness=LivenessCheck(head, "half"))
    folder = data / "assets" / "Silent-Face-Anti-Spoofing"
    found = {
        name: pipeline(read_image(folder / f"image_{name}.jpg")).faces[0].liveness.outcome
        for name in ("T1", "F1", "F2")
    }
    assert found == {"T1": "live", "F1": "attack", "F2": "attack"}


def proof():
    from mien.systems.liveness_texture import proof

    return proof


def faces(lab, count=48):
    """Live chips are bright at the top, attacks at the bottom; two domains, six people."""
    rng = np.random.default_rng(0)
    chips = rng.integers(0, 80, (count, SIDE, SIDE, 3), dtype=np.uint8)
    live = np.arange(count) % 2 == 0
    chips[live, : SIDE // 2] += 150
    chips[~live, SIDE // 2 :] += 150
    domain = np.where(np.arange(count) % 4 < 2, "nuaa", "rendered")
    person = np.array([f"{d} {k // 4 % 6}" for k, d in enumerate(domain)])
    species = np.where(live, "bona-fide", "print")
    return lab.data.Faces(chips, species, person, domain, np.full(count, ZOOM, np.float32))


def test_people_of_the_test_are_every_third_of_each_domain(lab):
    every = faces(lab)
    assert set(every.person[every.test]) == {"nuaa 0", "nuaa 3", "rendered 0", "rendered 3"}
    some = every.rows(~every.test)
    assert len(some.chips) == len(some.person) == 32
    # Of one domain alone, the same people are held out: training on it does not change the test.
    one = every.rows(every.domain == "nuaa")
    assert set(one.person[one.test]) == {"nuaa 0", "nuaa 3"}


def test_domains_and_both_classes_weigh_the_same(lab):
    every = faces(lab).rows(np.arange(48) >= 8)
    weight = lab.train.balance(every)
    sums = {
        (d, live): weight[(every.domain == d) & (every.live == live)].sum()
        for d in ("nuaa", "rendered")
        for live in (True, False)
    }
    assert list(sums.values()) == pytest.approx([1.0] * 4)


def test_it_learns_a_difference_and_the_file_answers_as_the_network(torch, lab, tmp_path):
    from mien.systems.liveness_texture.head import LivenessTexture
    from mien.train import export

    every = faces(lab, 192)
    config = lab.train.Config(epochs=8, batch=16, held=0.25)
    net = lab.train.network(config, every, tmp_path)
    test = every.rows(every.test)
    p = lab.train.scores(net, test)
    measured = lab.train.measured(p, test)
    assert set(measured) == {"auc nuaa", "auc rendered"}
    assert measured["auc nuaa"] > 0.9
    assert export(net, tmp_path / "w.onnx", torch.from_numpy(as_input(test.chips[:4]))) < 1e-4
    head = LivenessTexture(tmp_path / "w.onnx", name="trained")
    assert head.scores(test.chips) == pytest.approx(p, abs=1e-4)


def test_a_domain_that_is_left_out_is_not_learnt(lab, monkeypatch):
    seen = []
    kept = lab.train.Batches
    monkeypatch.setattr(
        lab.train, "Batches", lambda *a, **k: seen.append(len(a[0])) or kept(*a, **k)
    )
    config = lab.train.Config(epochs=1, batch=4, held=0.25, without="rendered")
    lab.train.network(config, faces(lab), None)
    assert seen[0] <= 16  # people 1, 2, 4, 5 of NUAA, one of them for the choice of the epoch


def test_real_pictures_are_read_in_their_layout_and_kept(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(lab.data, "load", lambda name: Everywhere())
    monkeypatch.setattr(lab.data, "DOMAINS", ("nuaa",))
    for folder in ("live", "print"):
        for person in ("0001", "0002"):
            path = tmp_path / "nuaa" / folder / f"{person}_00_00_01_1.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, noise(1, 120)[0])
    found = lab.data.faces(tmp_path, tmp_path / "run")
    assert len(found.chips) == 4 * len(lab.data.ZOOMS)
    assert set(found.person) == {"nuaa 0001", "nuaa 0002"}
    monkeypatch.setattr(lab.data, "load", lambda name: pytest.fail("cut again"))
    assert np.array_equal(lab.data.faces(tmp_path, tmp_path / "run").chips, found.chips)


class Everywhere:
    """Finds a face in the middle of every picture."""

    def __call__(self, image):
        return [Face(np.array([40, 40, 80, 80], np.float32), 0.9)]


def test_rates_of_the_proof_by_hand(lab):  # a lab: torch is there
    every = faces(lab, 160)
    top = every.chips[:, : SIDE // 2].mean((1, 2, 3)) / 255  # bright at the top: live
    measured = proof().rates(top, every)
    assert (measured["auc nuaa"], measured["bpcer nuaa"]) == (1, 0)
