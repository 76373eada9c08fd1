"""Known answers; the contract; two stages of training; the masked autoencoder."""

import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from mien.align import align
from mien.errors import MienError, TrainingError
from mien.media import stretched, write_image
from mien.systems.age_fahr.head import KNOTS, YEARS, Age, means
from mien.testing import check, noise
from mien.zoo import find, load


def test_the_shipped_head_keeps_its_contract_and_is_enabled_by_default():
    head = load("age-fahr")
    check("chip-head", head)
    for reading in head(noise(3, 112)):
        assert reading.unit == "year"
        assert reading.low["age"] <= reading.values["age"] <= reading.high["age"]
    assert find("age-fahr").default


def test_the_mean_of_years_by_hand():
    shares = np.zeros((2, 101), np.float32)
    shares[0, [20, 40]] = 0.5
    shares[1, 31] = 1
    assert means(shares) == pytest.approx([30, 31])


def test_the_interval_is_as_wide_as_the_card_says(toy):
    logits = np.full((1, 101), -50.0)
    logits[0, [20, 50]] = 0
    path = toy(["n", 3, 112, 112], {"logits": logits, "vector": np.ones((1, 256))})
    reach = [1.0, 2, 3, 10, 20, 5, 6, 7, 8]  # at 30 and 40 years: 10 and 20
    [reading] = Age(path, name="toy", reach=reach)(noise(1, 112))
    assert (reading.values["age"], reading.low["age"], reading.high["age"]) == pytest.approx(
        (35, 20, 50)
    )
    [wide] = Age(path, name="toy", reach=[40.0] * len(KNOTS))(noise(1, 112))
    assert wide.low["age"] == 0  # nobody is younger
    with pytest.raises(MienError, match="needs 9 half-widths as reach, got 2"):
        Age(path, name="toy", reach=[1.0, 2.0])


@pytest.mark.weights
def test_a_child_a_grown_up_and_their_vectors(astronaut, mtcnn):
    from mien.align import align
    from mien.detect import detect_with_retries

    head = load("age-fahr")
    chip = align(astronaut, detect_with_retries(mtcnn, astronaut, "never").faces[:1], head.crop)
    [reading] = head(chip)
    assert 20 < reading.values["age"] < 60  # Eileen Collins was 35
    assert head.vectors(chip).shape == (1, 256)
    assert head.vectors(chip[:0]).shape == (0, 256)


@pytest.mark.realdata
@pytest.mark.weights
def test_the_figures_of_the_card_hold(data, tmp_path):
    """On a quarter of the test part, which takes ten seconds."""
    from mien.evaluate.attributes.card_task import LabelledData, evaluate_card_task
    from mien.metrics.findings import plain
    from mien.photo import open_pipeline

    # Names hold labels, so the test part is known by the first digits of their SHA-256.
    held_out = set((Path(__file__).parent / "held_out.txt").read_text().split())
    with zipfile.ZipFile(data / "utkface_part1.zip") as archive:
        names = [n for n in archive.namelist()
                 if sha256(n.split("/")[-1].encode()).hexdigest()[:8] in held_out]  # fmt: skip
        archive.extractall(tmp_path, names[::4])
    card = find("age-fahr")
    source = LabelledData(folder=tmp_path / "utkface")
    pipeline = open_pipeline(embedder=None)
    found = plain(evaluate_card_task(card.eval, "age", load("age-fahr"), source, pipeline))
    stated = {r["metric"]: r for r in card.results}
    error, inside = stated["mean absolute error, years"], stated["truth in the stated interval"]
    adults = stated["mean absolute error from 20 years"]
    head = found["headline"]
    for name, result in (("mean absolute error", error), ("truth in the stated interval", inside),
                         ("mean absolute error from 20 years", adults)):  # fmt: skip
        assert head[name]["low"] <= result["high"]
        assert head[name]["high"] >= result["low"]
    assert head["mean absolute error from 20 years"]["value"] < 6.5


def test_the_reach_by_hand_and_its_refusal(torch):
    from mien.systems.age_fahr.train import reach

    shares = np.zeros((19, 101), np.float32)
    shares[:, 50] = 1
    age = 50 + np.arange(19.0)
    # The 18th of 19 errors in order, since ceil(20 * 0.9) = 18: 17 years.
    assert reach(shares, age) == [17] * len(KNOTS)
    young, old = np.zeros((100, 101), np.float32), np.zeros((100, 101), np.float32)
    young[:, 10], old[:, 70] = 1, 1
    far = reach(np.concatenate([young, old]), np.concatenate([np.full(100, 11), np.full(100, 60)]))
    assert far == [1, 1, 1, 1, 1, 10, 10, 10, 10]  # at 40 both are as near: the first come first
    with pytest.raises(TrainingError, match="show no interval"):
        reach(shares[:5], age[:5])


def test_balance_by_hand(torch):
    from mien.systems.age_fahr.data import balance

    age = np.array([20.0, 21, 22, 23, 70])
    weight = balance(age)
    assert weight / weight[0] == pytest.approx([1, 1, 1, 1, 4])
    many = np.concatenate([np.full(100, 20.0), [70.0]])
    assert balance(many)[-1] / balance(many)[0] == pytest.approx(20)  # not 100


def test_errors_by_hand(torch):
    from mien.systems.age_fahr.train import errors

    shares = np.zeros((3, 101), np.float32)
    shares[[0, 1, 2], [20, 30, 60]] = 1
    found = errors(shares, np.array([22.0, 26, 70]), far=[5.0] * len(KNOTS))
    assert found["error"] == pytest.approx((2 + 4 + 10) / 3)
    assert found["balanced error"] == pytest.approx(((2 + 4) / 2 + 10) / 2)  # twenties, seventies
    assert found["error from 65"] == 10
    assert found["bias"] == pytest.approx((-2 + 4 - 10) / 3)
    assert found["inside"] == pytest.approx(2 / 3)


def written(root, count=40):
    root.mkdir()
    random = np.random.default_rng(0)
    for k in range(count):
        image = np.clip(random.normal(2 * (k % 90), 30, (60, 60, 3)), 0, 255).astype(np.uint8)
        write_image(root / f"{5 + k % 90}_0_0_{20170000 + k}.jpg.chip.png", image)
    return root


@pytest.fixture
def cut_already(monkeypatch):
    """Images of noise have no faces, and the search for them takes most of a training's time."""
    monkeypatch.setattr(
        "mien.train.chips.cutter", lambda _, crop: lambda image: stretched(image, crop.size)
    )


@pytest.mark.slow
def test_two_stages_give_a_file(torch, tmp_path, cut_already):
    from mien.systems.age_fahr.train import Config, train

    config = Config(blocks=1, epochs=1, second=1, batch=8, precision="32")
    with pytest.raises(TrainingError, match="show no interval"):  # four faces to choose by
        train(config, written(tmp_path / "few", 12), tmp_path / "run")
    found = train(config, written(tmp_path / "set", 120), tmp_path / "more")
    assert found["learnt from"] > 5 * found["chosen by"] > 0
    assert {"first stage", "second stage", "shipped"} <= set(found)
    head = Age(tmp_path / "more" / "weights.onnx", name="new", reach=found["reach"])
    check("chip-head", head)


def test_a_training_starts_from_a_pretrained_encoder(torch, tmp_path):
    from mien.systems.age_fahr.train import Config, started
    from mien.train import Faces
    from mien.train.masked import Encoder, Sizes, write_encoder

    sizes = Sizes(width=16, depth=1)
    encoder = Encoder.of(sizes)
    write_encoder(encoder, sizes, tmp_path)
    faces = Faces(noise(2, 112), np.array([20.0, 30.0]), np.array(["a", "b"]))
    net = started(Config(start=str(tmp_path)), faces)
    assert net(torch.rand(2, 3, 112, 112)).shape == (2, 101)
    assert torch.equal(net.trunk.cut.weight, encoder.cut.weight)
    with pytest.raises(TrainingError, match="no run folder of a pretraining"):
        started(Config(start=str(tmp_path / "none")), faces)


@pytest.mark.slow
def test_an_age_that_is_none_is_refused(torch, tmp_path, cut_already):
    from mien.systems.age_fahr.train import Config, train

    data = written(tmp_path / "set", 12)
    write_image(data / "999_0_0_20170001.jpg.chip.png", np.zeros((60, 60, 3), np.uint8))
    with pytest.raises(TrainingError, match="999 years old"):
        train(Config(), data, tmp_path / "run")
    with pytest.raises(TrainingError, match="--data"):
        train(Config(), None, tmp_path / "run")


def test_the_autoencoder_learns_patches_and_is_scored_on_hidden_ones_only(torch):
    from mien.systems.age_fahr.model import Net
    from mien.train.masked import Autoencoder, Encoder, positions

    torch.manual_seed(0)
    encoder = Encoder(32, 8, 32, 2, 4)
    net = Autoencoder(encoder, 16, 1, 2)
    pixels = torch.rand(8, 3, 32, 32)
    targets = net._targets(pixels)
    assert targets.mean(2).abs().max() < 1e-5
    assert (targets.var(2) - 1).abs().max() < 1e-3
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    losses = []
    stripes = (torch.arange(32)[None, None, None] // 4 % 2).float().expand(8, 3, 32, 32)
    for _ in range(60):
        loss = net(stripes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 < losses[0]  # the same in every patch: easily guessed
    assert Net(encoder, 32, 0.0)(pixels).shape == (8, len(YEARS))
    assert positions(4, 32).shape == (1, 16, 32)
    assert len(torch.unique(positions(4, 32)[0], dim=0)) == 16  # each place has its own
    with pytest.raises(ValueError, match="cannot be cut"):
        Encoder(30, 8, 32, 1, 4)


def test_edits_change_what_they_name_and_nothing_else():
    from mien.systems.age_fahr import robust

    grey = np.full((112, 112, 3), 128, np.uint8)
    light = robust.one_sided(grey).mean((0, 2))
    assert (np.diff(light) >= 0).all()
    assert light[0] < 110 < 145 < light[-1]
    red, green, blue = robust.warm(grey).reshape(-1, 3).mean(0)
    assert red > green == 128 > blue
    painted = robust.made_up(grey).astype(int)
    assert np.array_equal(painted[:15], grey[:15])  # the forehead
    mouth = painted[77, 56]
    assert mouth[0] > 128 > mouth[1]
    assert [v.tolist() for v in robust.share([np.arange(7)], 1, 5)] == [[1, 6]]


@pytest.mark.weights
def test_a_face_is_turned_and_what_is_no_face_is_left_out(astronaut, mtcnn):
    from mien.systems.age_fahr import robust

    chip = align(astronaut, mtcnn(astronaut)[:1], Age.crop)[0]
    images, rows = robust.moved(np.stack([noise(1, 112)[0], chip]))
    assert rows.tolist() == [1.0]
    assert images[robust.TURNED].shape == images[robust.SMILING].shape == (1, 112, 112, 3)
    assert np.abs(images[robust.TURNED][0].astype(int) - chip).mean() > 0.5


def test_a_map_shows_the_patch_that_an_answer_comes_from():
    from mien.systems.age_fahr import saliency

    chips = noise(3, 112)
    area = (slice(None), slice(32, 48), slice(48, 64))  # row 3, column 4
    found = saliency.occluded(lambda c: {"level": c[area].mean((1, 2, 3))}, chips)
    level = found["level"]
    assert level.shape == (3, 50)
    where = saliency.map_of(level)
    assert np.flatnonzero(where > 1e-9).tolist() == [2 * 7 + 3]
    expected = np.abs(chips[area].mean((1, 2, 3)) - 128).mean()
    assert where[17] == pytest.approx(expected)
    grey = saliency.greyed(chips)
    assert (grey[1, 0, 16:] == chips[1, 16:]).all()
    assert (grey[1, 0, :16, :16] == 128).all()


def test_overlap_is_that_of_ranks_and_a_flat_map_has_none(torch):  # of the lab
    from mien.systems.age_fahr.proof import overlap

    rising = np.arange(49.0)
    assert overlap(rising, rising**3) == pytest.approx(1)
    assert overlap(rising, -rising) == pytest.approx(-1)
    with pytest.warns(Warning, match="constant"):
        assert np.isnan(overlap(rising, np.ones(49)))


def test_a_linear_head_finds_a_planted_target():
    from mien.systems.age_fahr import saliency

    rng = np.random.default_rng(3)
    vectors = rng.normal(5, [1, 10, 0.1], (500, 3))
    head = saliency.linear_head(vectors, 2 * vectors[:, 1])
    new = rng.normal(5, [1, 10, 0.1], (4, 6, 3))
    assert np.corrcoef(head(new).ravel(), new[..., 1].ravel())[0, 1] > 0.999
