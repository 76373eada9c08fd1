"""Known answers of moments, drivers and the loss; the contract; the figures of the page."""

import zipfile

import numpy as np
import pytest

from mien.errors import TrainingError
from mien.systems.valence_xtrace.head import (
    MOMENTS,
    UNITS,
    ValenceXtrace,
    contributions,
    moments,
    track,
)
from mien.testing import check, made_up_clip
from mien.types import Clip
from mien.zoo import find, load


@pytest.fixture(scope="module")
def head():
    return load("valence-xtrace")


def test_the_shipped_head_keeps_its_contract_and_is_on_for_films(head):
    check("clip-head", head)
    assert find("valence-xtrace").default
    readings = head(made_up_clip(50, head))
    assert [one.task for one in readings] == ["perceived-valence", "perceived-arousal"]
    for one, axis in zip(readings, ("valence", "arousal"), strict=True):
        assert -1 <= one.low[axis] <= one.values[axis] <= one.high[axis] <= 1
        spread, drivers = one.derived
        assert spread.values[axis] > 0
        assert len(drivers.values) == 3
        assert set(drivers.values) <= set(UNITS)
        assert one.text.startswith("AU")
        assert one.span == (pytest.approx(49 / 25 - 1.8), pytest.approx(49 / 25))


def test_moments_end_at_the_last_frame_and_a_gap_is_marked():
    times = np.array([0.0, 0.2, 0.4, 1.8, 2.0])
    rows, seen = moments(times)
    assert rows[-2:].tolist() == [3, 4]
    assert seen.tolist() == [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]  # 1.0 and 1.2 s are 0.6 s from a frame


def test_a_clip_with_few_frames_gets_a_reason_and_no_zero(head):
    [one] = head(Clip(np.array([0.0]), np.zeros((1, 64, 64, 3), np.uint8)))
    assert one.values == {}
    assert one.text == "too short: 3 of 10 moments have a face, 4 are needed"
    [none] = head(Clip(np.zeros(0)))
    assert none.text == "no face in the clip"


def test_drivers_of_a_linear_answer_are_its_terms():
    slope = np.zeros((16, 2))
    slope[[0, 3], 0], slope[5, 1] = (0.1, -0.2), 0.3
    x = track(np.tile(np.arange(16, dtype=np.float32) / 10, (MOMENTS, 1)), np.ones(MOMENTS))
    neutral = np.full(16, 0.1, np.float32)
    found = contributions(lambda rows: rows[:, -1, :-1].astype(float) @ slope, x, neutral)
    assert found == pytest.approx((x[-1, :-1] - neutral)[:, None] * slope, abs=1e-4)


def test_drivers_of_a_curved_answer_sum_to_the_difference():
    x = track(np.ones((MOMENTS, 16), np.float32), np.ones(MOMENTS))

    def means(rows):
        y = rows[:, -1, :-1].astype(float)
        return np.stack([y[:, 0] * y[:, 1] ** 2, np.tanh(y.sum(1) / 8)], 1)

    found = contributions(means, x, np.zeros(16, np.float32))
    assert found.sum(0) == pytest.approx([1.0, np.tanh(2)], abs=0.05)


def test_a_smile_is_more_pleasant_than_a_frown(head):
    """Logits of units instead of pixels: what AU12 and AU04 alone change."""
    neutral = np.asarray(find("valence-xtrace").options["neutral"], np.float32)

    def read(**units):
        row = neutral.copy()
        for unit, value in units.items():
            row[UNITS.index(unit)] = value
        x = track(np.tile(row, (MOMENTS, 1)), np.ones(MOMENTS))
        return head.estimate(x[None])[0][0]

    smile, frown, rest = read(AU12=4, AU06=2), read(AU04=4, AU09=2), read()
    assert smile[0] > rest[0] + 0.2
    assert frown[0] < rest[0] - 0.05
    assert abs(rest).max() < 0.25


def test_a_neutral_face_of_another_length_is_refused(head):
    with pytest.raises(ValueError, match="16 numbers, got 3"):
        ValenceXtrace(None, None, name="x", neutral=(0.0, 1.0, 2.0))


def test_photos_have_no_columns_of_a_head_that_is_on_for_films(head):
    from mien.film import open_analyzer
    from mien.film.analyzer import without_default_clips
    from mien.photo.heads import open_heads, split_heads

    assert "valence-xtrace" in split_heads(None)[1]
    assert "valence-xtrace" not in [one.name for one in open_heads(None, "cpu", False)]
    pytest.importorskip("pandas", reason="a table needs the extra analyze")
    analyzer = open_analyzer()
    names = {column.name for column in analyzer.columns()}
    assert {"perceived_valence", "perceived_arousal_hi", "valence_by_au27"} <= names
    photos = [column.name for column in without_default_clips(analyzer).columns()]
    assert not any("perceived_" in name or "_by_au" in name for name in photos)


def places(lab, count=400, classes=4):
    """Photographs whose first units say where they are."""
    random = np.random.default_rng(0)
    place = random.uniform(-0.8, 0.8, (count, 2))
    views = np.repeat(random.normal(0, 0.3, (count, 1, 23)), lab.data.VIEWS, 1)
    views[..., :2] += 3 * place[:, None]
    views += random.normal(0, 0.3, views.shape)
    names = tuple(f"P{k % 20}" for k in range(count))
    return lab.data.Places(views.astype(np.float32), place, names)


def sets(lab):
    some = places(lab)
    half = np.arange(0, 400, 2)
    return lab.train.Sets(some, {"a": some.rows(half), "b": some.rows(half)}, {"a": some})


def test_it_learns_and_the_file_answers_as_the_network(lab, torch, tmp_path):
    from mien.train import export

    config = lab.train.Config(epochs=15, batch=50, rate=1e-2)
    net = lab.train.network(config, sets(lab))
    tracks = lab.data.held(lab.train.limited(config, places(lab)), MOMENTS, 0)
    mean, spread = lab.train.answers(net, tracks)
    found = lab.train.measured(mean, spread, places(lab).place)
    assert found["valence CCC"] > 0.8
    assert 0.8 < found["arousal coverage"] < 1
    example = torch.from_numpy(tracks.x[:8])
    assert export(net, tmp_path / "w.onnx", example, outputs=("mean", "spread")) < 1e-4


def test_a_training_is_a_model_with_a_copy_of_the_graph_of_units(lab, torch, tmp_path, head):
    from mien.train import export
    from mien.train.finish import finish_run
    from mien.zoo import find_system

    net = lab.model.Net(np.zeros(16), np.ones(16), 8, (1,))
    example = torch.zeros(4, MOMENTS, 17)
    export(net, tmp_path / "weights.onnx", example, outputs=("mean", "spread"))
    neutral = [0.5] * 16
    card = finish_run(
        find_system("valence-xtrace"), lab.train.Config(), None, tmp_path, {"neutral": neutral}
    )
    assert [file.raw for file in card.files] == ["units.onnx", "weights.onnx"]
    assert list(card.options["neutral"]) == neutral
    clip = made_up_clip(50, head)
    assert load(str(tmp_path))(clip)[0].values != head(clip)[0].values


def test_the_network_sees_only_what_is_past(lab, torch):
    torch.manual_seed(0)
    net = lab.model.Net(np.zeros(16), np.ones(16), 8, (1, 2, 4)).eval()
    x = torch.randn(2, MOMENTS, 17)
    x[..., -1] = 1
    later = x.clone()
    later[:, 6:, :-1] += 1
    with torch.no_grad():
        one, two = net.moments(x)[0], net.moments(later)[0]
    assert torch.allclose(one[:, :6], two[:, :6])
    assert not torch.allclose(one[:, 6:], two[:, 6:])
    unseen = x.clone()
    unseen[:, 3, :-1], unseen[:, 3, -1] = 99, 0
    zeroed = unseen.clone()
    zeroed[:, 3, :-1] = 0
    with torch.no_grad():
        assert torch.allclose(net.moments(unseen)[0], net.moments(zeroed)[0])


def test_the_loss_is_least_at_the_truth_and_knows_its_doubt(lab, torch):
    y = torch.linspace(-0.8, 0.8, 40).reshape(20, 2)
    config = lab.train.Config()

    def loss(mean, log):
        return float(lab.train.loss(config, mean, log, y))

    sure, unsure = torch.full_like(y, -5.0), torch.full_like(y, 0.0)
    assert loss(y, sure) < loss(y, unsure)
    assert loss(-y, unsure) < loss(-y, sure)
    assert loss(y, sure) < loss(y + 0.3, sure)


def test_rare_places_are_drawn_more_often_but_at_most_five_times(lab):
    place = np.r_[np.zeros((10_000, 2)), [[0.9, 0.9]], np.full((100, 2), -0.9)]
    weight = lab.data.even_weights(place)
    assert weight[-1] / weight[0] == pytest.approx(5.0)
    assert weight[10_000] / weight[0] == pytest.approx(5.0)


def test_tracks_pass_from_one_place_to_another(lab):
    some = places(lab)
    tracks = lab.data.changing(some, np.arange(100), MOMENTS, 0)
    assert tracks.x.shape == (100, MOMENTS, 24)
    assert (tracks.x[:, -1, -1] == 1).all()
    assert 0.1 < (tracks.x[..., -1] == 0).mean() < 0.4
    assert (tracks.x[tracks.x[..., -1] == 0][:, :-1] == 0).all()
    moves = np.abs(np.diff(tracks.y[..., 0], axis=1)).sum(1) > 0
    assert 0.4 < moves.mean() < 0.95


def test_simulated_tracks_are_noisier_for_turned_heads(lab):
    tracks = lab.data.simulated(300, 0)
    yaw = np.abs(tracks.x[:, 0, -2])
    jitter = np.abs(np.diff(tracks.x[..., 0], axis=1)).mean(1)
    assert jitter[yaw > 0.8].mean() > 2 * jitter[yaw < 0.3].mean()
    assert np.abs(tracks.y).max() <= 1


def test_without_data_the_training_is_refused(lab, tmp_path):
    with pytest.raises(TrainingError, match="taiwan/"):
        lab.train.train(lab.train.Config(), None, tmp_path)


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
def test_photographs_of_people_left_out_have_the_figures_of_the_page(lab, data, tmp_path):
    """Concordance with raters of the Taiwanese actors, each portrait held for two seconds."""
    from mien.metrics import concordance

    with zipfile.ZipFile(data / "taiwan_expressions.zip") as packed:
        packed.extractall(tmp_path)
    _, test = lab.data.taiwan(tmp_path / "taiwan", tmp_path / "run")
    mean, spread = load("valence-xtrace").estimate(
        lab.data.held(lab.train.limited(lab.train.Config(), test), MOMENTS, 1).x
    )
    results = {r["metric"]: r for r in find("valence-xtrace").results if "Taiwan" in r["protocol"]}
    for k, axis in enumerate(("valence", "arousal")):
        stated = results[f"CCC of {axis}"]
        assert stated["low"] <= concordance(test.place[:, k], mean[:, k]) <= stated["high"]
    covered = np.abs(test.place - mean) <= 1.645 * spread
    assert (covered.mean(0) > 0.75).all()
    used = lab.train.limited(lab.train.Config(), test)
    change = lab.train.change_scores(load("valence-xtrace").estimate, used)
    for axis in ("valence", "arousal"):
        stated = results[f"CCC of the change of {axis}"]
        assert stated["low"] <= change[f"{axis} CCC"] <= stated["high"]


def test_a_change_of_one_person_by_hand(lab):
    some = places(lab)
    tracks, pairs = lab.data.passing(some, MOMENTS, 3, 0)
    who = np.array(some.group)
    assert (who[pairs[:, 0]] == who[pairs[:, 1]]).all()
    assert sorted(pairs[:, 0]) == sorted(pairs[:, 1]) == list(range(400))
    assert (tracks.y[:, :7] == some.place[pairs[:, 0]][:, None]).all()
    assert (tracks.y[:, 7:] == some.place[pairs[:, 1]][:, None]).all()
    rows = lab.data.Places(some.views, some.place, tuple(str(k) for k in range(400)))
    assert len(lab.data.passing(rows, MOMENTS, 3, 0)[1]) == 0  # nobody has two photographs


def test_change_scores_of_estimates_that_are_known(lab):
    """The place is the mean of the first two descriptors over the last five moments."""
    exact = lab.data.Places(np.zeros((40, 5, 16), np.float32),
                            np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2)),
                            tuple(f"P{k % 8}" for k in range(40)))  # fmt: skip
    exact.views[..., :2] = exact.place[:, None]

    def slow(x):
        return x[:, -5:, :2].mean(1).astype(np.float64), np.full((len(x), 2), 0.1)

    found = lab.train.change_scores(slow, exact)
    assert found["valence CCC"] == pytest.approx(1, abs=1e-5)
    assert found["arousal sign"] == found["arousal coverage"] == 1
    assert found["valence after 0.4 s"] == pytest.approx(0.4, abs=1e-3)  # two of five moments
    assert found["valence after 1.0 s"] == pytest.approx(1, abs=1e-3)
    blind = lab.train.change_scores(lambda x: (x[:, 0, :2] * 0.0, np.full((len(x), 2), 0.1)), exact)
    assert blind["valence CCC"] == 0
    assert np.isnan(blind["valence after 0.4 s"])
    assert blind["valence sign"] == 0
