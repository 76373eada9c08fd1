"""Exact parts: pairs, labels, segments, frames, file; the fusion by hand; the contract."""

import zipfile

import numpy as np
import pytest

from mien.errors import TrainingError
from mien.systems.compound_mhpf.head import (
    BASIC,
    COMPOUND,
    PAIRS,
    REMAP,
    WORDS,
    CompoundMhpf,
    no_compound,
    packed,
    thinned,
)
from mien.systems.compound_mhpf.segments import per_frame, segments, write_predictions
from mien.testing import check, made_up_clip
from mien.types import Clip
from mien.zoo import fetch, find, load

CARDS = ("expression", "action-units-mf2")  # of the two graphs that the fusion reads


@pytest.fixture(scope="module")
def head(lab, tmp_path_factory):
    """The head with a fusion that learnt from made numbers: no weights are shipped."""
    import torch

    from mien.train import export

    path = tmp_path_factory.mktemp("mhpf") / "weights.onnx"
    x, label = made()
    net = lab.train.network(lab.train.Config(epochs=1, batch=32), lab.data.Basics(x, label))
    export(net, path, torch.from_numpy(x[:8]), outputs=lab.train.OUTPUTS)
    return CompoundMhpf(*(fetch(find(name))[0] for name in CARDS), path, name="made")


def made(count=160):
    """Words and units that say which of eight classes it is."""
    label = np.arange(count) % 8
    words = np.array([np.eye(7)[WORDS.index(BASIC[k])] if k < 7 else np.full(7, 1 / 7)
                      for k in label]) * 0.7 + 0.3 / 7  # fmt: skip
    units = np.eye(16)[label] * 4 + np.random.default_rng(0).normal(0, 0.5, (count, 16))
    return packed(words.astype(np.float32), units.astype(np.float32)), label


def test_each_compound_is_the_pair_that_it_is_named_after():
    adverb = {"fearfully": "fear", "happily": "happiness", "sadly": "sadness",
              "disgustedly": "disgust", "angrily": "anger"}  # fmt: skip
    second = {"surprised": "surprise", "fearful": "fear", "angry": "anger"}
    for name, (a, b) in zip(COMPOUND, PAIRS, strict=True):
        first, last = name.split("-")
        assert (BASIC[a], BASIC[b]) == (adverb[first], second[last])


def test_words_are_put_into_the_order_of_the_source():
    assert [WORDS[k] if k >= 0 else None for k in REMAP] == [*BASIC[:-1], None]
    x = packed(np.eye(7, dtype=np.float32)[[3]], np.ones((1, 16), np.float32))
    assert x[0, 0, BASIC.index("happiness")] == 1
    assert x[0, 0, :-1].sum() == 1
    assert x[0, :, -1].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("seconds", "found"),
    [(0.5, [(0, 0.5)]), (3.9, [(0, 3.9)]), (4.0, [(0, 4)]), (4.5, [(0, 4), (2, 4.5)]),
     (9.3, [(0, 4), (2, 6), (4, 8), (6, 9.3)]), (4.0 + 2 * 1e-9, [(0, 4), (2, 4)])],
)  # fmt: skip
def test_segments_of_four_seconds_overlap_by_two(seconds, found):
    assert segments(seconds) == [(a, pytest.approx(b)) for a, b in found]


def test_a_tail_below_a_second_is_dropped():
    assert segments(6.5)[-1] == (4.0, 6.5)
    assert segments(4.9)[-1] == (2.0, 4.9)
    # With a step of 2 s a tail below 1 s lies in the segment before; nothing is lost.
    assert all(end - begin >= 1 for begin, end in segments(8.7))


def test_frames_take_the_mean_of_their_segments_and_else_the_last_scores():
    spans, scores = [(0.0, 4.0), (2.0, 6.0)], np.array([[1.0, 0.0], [0.0, 1.0]])
    found = per_frame(spans, scores, np.array([1.0, 3.0, 5.0, 7.0]))
    assert found.tolist() == [[1, 0], [0.5, 0.5], [0, 1], [0, 1]]


def test_the_file_of_the_challenge(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(path, ["v/00001.jpg"], np.array([[0, 0, 1.0, 0, 0, 0, 0]]), COMPOUND)
    head, row = path.read_text().splitlines()
    assert head.split(",") == ["image_location", *COMPOUND]
    assert row == "v/00001.jpg,2"


def test_no_compound_without_two_expressions():
    basic = np.array([0.1, 0, 0, 0.4, 0, 0, 0.5, 0])
    assert not no_compound(basic, 0)
    assert no_compound(basic, 1)  # nobody would call it happy
    assert no_compound(np.array([0.6, 0, 0, 0.2, 0, 0, 0.2, 0]), 0)


def test_frames_are_thinned():
    times = np.arange(20) / 25
    assert thinned(times, np.arange(20)) == [0, 5, 10, 15]


def test_the_head_keeps_its_contract_and_is_off(head):
    check("clip-head", head)
    assert not find("compound-mhpf").default
    [one] = head(made_up_clip(24, head))
    assert sum(one.values.values()) == pytest.approx(1, abs=1e-5)
    basic, flag, weights = one.derived
    assert sum(basic.values.values()) == pytest.approx(1, abs=1e-5)
    assert flag.values["no-compound"] in (0, 1)
    assert sum(weights.values.values()) == pytest.approx(1, abs=1e-5)


def test_a_long_clip_has_a_reading_for_each_segment(head):
    chips = np.zeros((31, 64, 64, 3), np.uint8)
    found = head(Clip(np.arange(31) * 0.3 + 10, chips))
    assert [one.span[0] for one in found] == pytest.approx([10, 12.1, 14.2, 16.0])


def test_without_a_face_nothing_is_named(head):
    [one] = head(Clip(np.zeros(0)))
    assert one.values == {}
    assert one.text.startswith("undetermined")


def test_weights_sum_to_one_per_class_and_hidden_modalities_have_none(lab, torch):
    torch.manual_seed(0)
    fusion = lab.model.Fusion(3)
    with torch.no_grad():
        fusion.theta.normal_()
    there = torch.tensor([[1.0, 1, 1], [1, 0, 1]])
    weights = fusion.weights(there)
    assert torch.allclose(weights.sum(1), torch.ones(2, 8))
    assert weights[1, 1].abs().max() == 0
    p = torch.softmax(torch.randn(2, 3, 8), 2)
    changed = p.clone()
    changed[1, 1] = 9
    assert torch.allclose(fusion(p, there)[1], fusion(changed, there)[1])


def test_equal_weights_give_the_mean_and_pairs_add_up(lab, torch):
    fusion = lab.model.Fusion(2, 1)
    p = torch.softmax(torch.randn(3, 2, 8), 2)
    assert torch.allclose(fusion(p, torch.ones(3, 2)), p.mean(1))
    basic = torch.tensor([[0.0, 0, 0, 0.5, 0, 0, 0.5, 0]])
    scores = lab.model.pair_scores(basic)[0]
    assert scores.argmax() == 0
    assert scores[0] == pytest.approx(1 / 3.5)  # six of seven pairs share a member with it


def test_at_least_one_modality_is_shown(lab, torch):
    torch.manual_seed(0)
    there = torch.ones(500, 2)
    shown = lab.train.hidden(there, 0.5)
    assert (shown.sum(1) > 0).all()
    assert 0.7 < shown.mean() < 0.8  # a quarter would have lost both, and keeps both


def test_a_modality_that_is_right_gets_the_weight(lab, torch):
    made = lab.data.simulated(0, unreliable=True, count=400)
    fusion = lab.model.Fusion(6)
    p, label = torch.from_numpy(made.learn[0]), torch.from_numpy(made.learn[1])
    torch.manual_seed(0)
    lab.train.fuse(lab.train.Config(epochs=8), fusion, p, torch.ones(400, 6), label)
    with torch.no_grad():
        fused = fusion(torch.from_numpy(made.basic[0]).float(), torch.ones(400, 6)).numpy()
    found = lab.train.basic_scores(fused, made.basic[1])["accuracy"]
    mean = lab.train.basic_scores(made.basic[0].mean(1), made.basic[1])["accuracy"]
    assert found > mean


def test_mixed_portraits_by_hand(lab):
    intensity = np.zeros((4, 8))
    intensity[0, [3, 6]] = 4, 3  # fear, surprise
    intensity[1, [3, 6]] = 4, 1.9
    intensity[2, [1, 2]] = 5, 4  # anger and disgust: mixed, but none of the seven
    intensity[3, [4, 6]] = 2, 1.4  # too weak
    some = lab.data.Mixtures(np.zeros((4, 2, 17), np.float32), intensity, ("a",) * 4)
    assert some.mixed.tolist() == [True, False, True, False]
    assert some.compound.tolist() == [0, -1, -1, -1]
    assert some.pair[0].tolist() == [3, 6]
    basic = np.full((1, 8), 0.01)
    basic[0, [3, 6]] = 0.5, 0.4
    assert lab.train.nearest_pair(basic).tolist() == [0]


def test_it_learns_and_the_file_answers_as_the_network(lab, torch, tmp_path):
    from mien.train import export

    x, label = made()
    config = lab.train.Config(epochs=6, batch=32)
    net = lab.train.network(config, lab.data.Basics(x, label))
    assert lab.train.basic_scores(lab.train.answers(net, x)["basic"], label)["accuracy"] > 0.9
    example = torch.from_numpy(x[:8])
    assert export(net, tmp_path / "w.onnx", example, outputs=lab.train.OUTPUTS) < 1e-4


def test_without_weights_each_reading_says_so():
    shipped = load("compound-mhpf")
    check("clip-head", shipped)
    [one] = shipped(made_up_clip(24, shipped))
    assert one.text.startswith("no weights: run mien train compound-mhpf")


def test_a_training_is_a_model_with_copies_of_the_graphs_that_it_reads(lab, torch, tmp_path):
    from mien.train import export
    from mien.train.finish import finish_run
    from mien.zoo import find_system

    x, label = made()
    net = lab.train.network(lab.train.Config(epochs=1, batch=32), lab.data.Basics(x, label))
    export(net, tmp_path / "weights.onnx", torch.from_numpy(x[:8]), outputs=lab.train.OUTPUTS)
    system = find_system("compound-mhpf")
    card = finish_run(system, lab.train.Config(), None, tmp_path, {})
    assert [file.raw for file in card.files] == ["words.onnx", "units.onnx", "weights.onnx"]
    trained = load(str(tmp_path))
    [one] = trained(made_up_clip(24, trained))
    assert sum(one.values.values()) == pytest.approx(1, abs=1e-5)


def test_without_data_the_training_is_refused(lab, tmp_path):
    with pytest.raises(TrainingError, match="taiwan/"):
        lab.train.train(lab.train.Config(), None, tmp_path)


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
def test_mixed_portraits_have_the_figures_of_the_page(lab, data, tmp_path):
    """What needs no training: the two strongest words of the head `expression`."""
    with zipfile.ZipFile(data / "taiwan_expressions.zip") as archive:
        archive.extractall(tmp_path)
    some = lab.data.taiwan(tmp_path / "taiwan", tmp_path / "run")
    basic = some.x[:, 0, : len(BASIC)].astype(float)
    scores = np.full((len(basic), len(PAIRS)), 1 / 7)
    found = lab.train.mixture_scores({"basic": basic, "pairs": scores, "prototypes": scores}, some)
    assert 130 <= found["mixed portraits"] <= 200
    assert 0.25 <= found["pairs of fifteen"] <= 0.55  # chance is 0.067
    assert 0.6 <= found["mixed"] <= 0.8
    assert 0.6 <= found["intensities"] <= 0.85
