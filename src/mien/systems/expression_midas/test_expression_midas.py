"""Known answers of the mixing; the contract; two steps; the shipped file equals the network."""

import zipfile

import numpy as np
import pytest

from mien.align import align
from mien.datasets import LABELS
from mien.detect import detect_with_retries
from mien.media import read_image
from mien.metrics import wilson
from mien.systems.expression_midas.head import ExpressionMidas
from mien.testing import check, made_up_clip
from mien.types import Clip
from mien.zoo import find, load


def test_the_shipped_head_keeps_its_contract():
    head = load("expression-midas")
    check("clip-head", head)
    shares, doubt = head(made_up_clip(24, head))
    assert sum(shares.values.values()) == pytest.approx(1, abs=1e-5)
    assert 0 <= doubt.values["doubt"] <= 1
    assert doubt.values["ambiguous"] in (0, 1)
    assert shares.span == (0.0, pytest.approx(23 / 25))


@pytest.mark.realdata
@pytest.mark.weights
def test_the_figure_of_the_card_holds(data, tmp_path):
    """On 400 photographs of the validation part of FERPlus, each held for a second."""
    with zipfile.ZipFile(data / "ferplus.zip") as archive:
        archive.extractall(tmp_path)
    records = [r for r in LABELS["ferplus"](tmp_path / "ferplus") if r.split == "validation"]
    records = [r for r in records if r.labels.get("expression") in ExpressionMidas.classes]
    head, detector, right = load("expression-midas"), load("mtcnn"), []
    for record in records[:: len(records) // 400][:400]:
        image = read_image(record.path)
        faces = detect_with_retries(detector, image).faces
        if faces:
            chip = align(image, faces[:1], head.crop)
            shares = head(Clip(np.arange(25) / 25, np.repeat(chip, 25, axis=0)))[0].values
            right.append(max(shares, key=shares.__getitem__) == record.labels["expression"])
    low, high = wilson(sum(right), len(right))
    stated = find("expression-midas").results[0]
    assert len(right) > 350
    assert low <= stated["high"]
    assert high >= stated["low"]
    assert np.mean(right) > 0.6  # the most common label: 0.39


def test_a_short_clip_is_reported_with_its_length():
    head = load("expression-midas")
    [one] = head(made_up_clip(3, head))
    assert one.values == {}
    assert one.text == "too short: 3 frames with a face, 4 are needed"
    [none] = head(Clip(np.zeros(0)))
    assert none.text.startswith("too short: 0 frames")


def test_a_pause_in_the_film_does_not_shift_what_is_seen():
    head = load("expression-midas")
    clip = made_up_clip(24, head)
    uneven = Clip(np.concatenate([clip.times[:12], clip.times[12:] + 5]), clip.chips)
    even = head(clip)[0].values
    assert head(uneven)[0].values != even  # other frames represent the same interval of time
    twice = Clip(np.repeat(clip.times, 2), np.repeat(clip.chips, 2, axis=0))
    assert head(twice)[0].values == pytest.approx(even)


def test_mixing_by_hand(torch, lab):
    torch.manual_seed(0)
    x = torch.arange(4.0)[:, None, None].expand(4, 3, 2)
    y = torch.eye(4)
    share = torch.tensor([1.0, 0.75, 0.5, 0.0])
    torch.manual_seed(5)
    other = torch.randperm(4)
    torch.manual_seed(5)
    clips, labels = lab.train.mixed(x, y, 0.4, share)
    assert torch.equal(clips[0], x[0])  # a share of 1 is the clip itself
    assert torch.equal(labels[0], y[0])
    assert torch.allclose(clips[1], 0.75 * x[1] + 0.25 * x[other[1]])
    assert torch.allclose(clips[3], x[other[3]])
    assert torch.allclose(labels.sum(1), torch.ones(4))
    assert torch.equal(lab.train.mixed(x, y, 0)[0], x)  # alpha 0 mixes nothing
    drawn = [lab.train.mixed(x, y, 0.4)[1] for _ in range(20)]
    assert all(torch.allclose(one.sum(1), torch.ones(4)) for one in drawn)
    assert len({round(float(one[0, 0]), 4) for one in drawn}) > 10  # one share a pair and a batch


def test_the_loss_by_hand(torch, lab):
    logits, share = torch.tensor([[0.0, np.log(3.0)]]), torch.tensor([[0.5, 0.5]])
    loss = lab.train.soft_cross_entropy(logits, share)
    assert float(loss) == pytest.approx(-0.5 * np.log(0.25) - 0.5 * np.log(0.75))


def test_votes_majority_and_what_is_ambiguous(lab):
    votes = np.zeros((3, 7))
    votes[0, 3], votes[1, :2], votes[2, [0, 4]] = 10, 5, (6, 4)
    clips = lab.data.Clips(np.zeros((3, 16, 24), np.float32), votes, ("a", "b", "c"))
    assert clips.majority.tolist() == [3, -1, 0]
    assert clips.ambiguous.tolist() == [False, True, True]


def test_intervals_draw_people_not_clips(lab):
    votes = np.zeros((40, 7))
    votes[:, 1] = 10
    clips = lab.data.Clips(np.zeros((40, 16, 24), np.float32), votes, ("a", "b") * 20)
    p = np.full((40, 7), 0.01)
    p[::2, 1], p[1::2, 2] = 0.94, 0.94  # always right of one person, never of the other
    result = lab.train.intervals(p, clips)
    assert (result["WAR low"], result["WAR high"]) == (0, 1)
    assert result["KL low"] == pytest.approx(-np.log(0.94))
    assert result["KL high"] == pytest.approx(-np.log(0.01))


def test_made_up_signals_are_what_they_claim(lab):
    learnt, test = lab.data.signals(0, 100, 400)
    assert learnt.x.shape == (100, 16, 24)
    assert (test.votes.sum(1) == 10).all()
    assert 0.25 < test.ambiguous.mean() < 0.5
    assert not set(learnt.group) & set(test.group)
    again, _ = lab.data.signals(0, 100, 400)
    assert np.array_equal(again.x, learnt.x)


def test_photographs_fade_for_as_long_as_raters_vote(lab):
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(7), 20)
    label[::20] = -1  # copies of test images
    faces = np.broadcast_to((30 * np.repeat(np.arange(7), 20))[:, None, None, None], (140, 4, 4, 3))
    faces = faces.astype(np.uint8).copy()
    faces[label < 0] = 255
    shown = np.zeros((200, 7))
    shown[:, 2], shown[:, 5] = 0.6, 0.4
    shown[100:] = 0.1 / 6
    shown[100:, 3] = lab.data.CLEAR
    clips = lab.data.fading(rng, faces, label, shown)
    assert clips.shape == (200, 16, 4, 4, 3)
    assert clips.max() < 255  # no copy was taken
    time_of_second = (clips[:100].mean((1, 2, 3, 4)) - 60) / 90
    assert time_of_second.mean() == pytest.approx(0.4, abs=0.02)
    assert set(np.unique(clips[:100, 0])) == {60, 150}  # some of them run backwards
    assert (clips[100:] == 90).all()  # a clear clip shows one class


def test_photographs_stay_or_appear_over_a_neutral_one_and_go(lab):
    votes = np.eye(7)[np.repeat(np.arange(7), 30)]
    faces = np.broadcast_to((30 * votes.argmax(1) + 20)[:, None, None], (210, 4, 4))
    x = lab.data.appearing(np.random.default_rng(0), faces.astype(np.uint8), votes)
    assert x.shape == (210, 16, 4, 4)
    grey = x[:, :, 0, 0].astype(int)
    own, neutral = 30 * votes.argmax(1) + 20, 30 * 4 + 20
    still = (grey == own[:, None]).all(1)
    assert 0.4 < still[own != neutral].mean() < 0.6
    moving = grey[~still] - neutral
    nearest = np.abs(grey[~still] - own[~still, None]).min(1)
    assert nearest.max() <= 10  # near its apex a clip shows its photograph
    assert (np.abs(moving).min(1) < np.abs(own[~still] - neutral)).all()  # and not all the time


def test_ferplus_becomes_clips_without_copies_of_the_test(lab, tmp_path, monkeypatch):
    from mien.train.chips import Chips

    words = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
    rows = ["id,split," + ",".join(words) + ",unknown,NF"]
    for number in range(20):
        counts = [0] * 10
        counts[number % 7] = 8 if number != 3 else 2  # the fourth has too few votes
        counts[(number + 1) % 7] = 2
        rows.append(
            f"{number},{'train' if number < 14 else 'validation'},{','.join(map(str, counts))}"
        )
        path = tmp_path / ("train" if number < 14 else "validation") / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "votes.csv").write_text("\n".join(rows))

    def cut(records, crop, out, on_step=None):
        content = [r.path.stem for r in records]
        content[0] = "19"  # the first is a copy of one of the test
        images = np.full((len(records), 48, 48, 3), 9, np.uint8)
        return Chips(images, np.arange(len(records)), np.array(content), "")

    monkeypatch.setattr(lab.data, "read_chips", cut)
    learnt, test, lost = lab.data.stills(tmp_path, tmp_path / "run")
    assert (len(learnt.x), len(test.x)) == (12, 6)
    assert lost == "1 training photographs are in the test, too"
    assert (learnt.votes.sum(1) == 10).all()
    assert not set(learnt.group) & set(test.group)


def test_two_epochs_learn_something_and_the_same_seed_gives_the_same_network(lab):
    learnt, test = lab.data.signals(1, 300, 300)
    config = lab.train.Config(epochs=15, rate=3e-3, precision="32")
    one = lab.train.probabilities(lab.train.network(config, learnt, None), test)
    two = lab.train.probabilities(lab.train.network(config, learnt, None), test)
    assert np.array_equal(one, two)
    result = lab.train.measured(one, test)
    assert result["UAR"] > 0.3  # chance is 1/7
    flat = np.full_like(one, 1 / 7)
    assert result["KL"] < lab.train.measured(flat, test)["KL"]


def films(lab, count=12):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (count, 16, 48, 48), dtype=np.uint8)
    votes = random.multinomial(10, np.ones(7) / 7, count).astype(float)
    return lab.data.Clips(x, votes, tuple(f"P{k // 2}" for k in range(count)))


def test_films_are_trained_on_and_the_file_answers_as_the_network(lab, tmp_path):
    from mien.train import export

    config = lab.train.Config(epochs=1, batch=4, balanced=True, held=0.2)
    net = lab.train.network(config, films(lab), tmp_path)
    example = lab.train.tensor(films(lab).x[:4])
    assert export(net, tmp_path / "net.onnx", example) < 1e-4
    assert (tmp_path / "log.jsonl").is_file()


def test_hard_labels_leave_out_clips_without_a_majority(lab):
    clips = films(lab, 8)
    clips.votes[:, :] = 0
    clips.votes[:4, 2] = 10
    clips.votes[4:, :2] = 5
    net = lab.train.network(
        lab.train.Config(labels="hard", mix=False, epochs=1, held=0.0), clips, None
    )
    assert net is not None


def test_rows_of_the_original_layouts_become_clips(lab, tmp_path):
    from mien.media import write_image

    words = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    for name in "abc":
        (tmp_path / name).mkdir()
        for k in range(6):
            image = np.full((50, 50, 3), 40 * k, np.uint8)
            write_image(tmp_path / name / f"{k}.png", image)
    rows = [
        f"{n},{n},{s},6,0,0,0,4,0,0" for n, s in zip("abc", ("train", "train", "test"), strict=True)
    ]
    head = "clip,frames_dir,split," + ",".join(f"v_{w}" for w in words)
    (tmp_path / "clips.csv").write_text("\n".join([head, *rows]) + "\n")
    learnt, test, lost = lab.data.read(tmp_path)
    assert learnt.x.shape == (2, 16, 48, 48)
    assert test.share[0].tolist() == [0.6, 0, 0, 0, 0.4, 0, 0]
    assert lost == ""


@pytest.mark.parametrize("name", ["transformer", "r2plus1d"])
def test_other_backbones_take_the_same_clips_and_export(lab, torch, tmp_path, name):
    from mien.train import export

    torch.manual_seed(0)
    small = {"transformer": {"width": 32, "layers": 1, "heads": 2}, "r2plus1d": {"width": 8}}
    net = lab.model.BACKBONES[name](7, **small[name]).eval()
    clips = torch.rand(4, 16, 48, 48) * 2 - 1
    logits = net(clips)
    assert logits.shape == (4, 7)
    assert not torch.allclose(logits, net(clips.flip(1)), atol=1e-6)  # the order of frames counts
    export(net, tmp_path / "weights.onnx", clips)
    head = ExpressionMidas(tmp_path / "weights.onnx", name="new")
    check("clip-head", head)


def test_the_large_network_has_the_size_of_its_source(lab):
    weights = sum(p.numel() for p in lab.model.BACKBONES["r2plus1d"](7).parameters())
    assert 30e6 < weights < 33e6  # 31.3 million in the paper's table, with 400 classes
