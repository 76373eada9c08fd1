"""Known answers; the contract; two steps of training; a set that is refused."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.align.grey import grey_input
from mien.errors import TrainingError
from mien.media import write_image
from mien.systems.expression.head import AROUSAL, LABELS, VALENCE, Expression
from mien.testing import check, noise
from mien.zoo import find, load

HERE = Path(__file__).parent
# Metrics of the card, as the evaluation calls them.
CARD = {
    "raters' label predicted": "accuracy",
    "intended expression predicted": "accuracy",
    "KL from vote shares": "KL from vote shares",
}


def test_the_shipped_head_keeps_its_contract_and_is_enabled_by_default():
    head = load("expression")
    check("chip-head", head)
    readings = head(noise(3, 64))
    assert all(tuple(r.values) == LABELS for r in readings)
    assert all(sum(r.values.values()) == pytest.approx(1, abs=1e-5) for r in readings)
    assert find("expression").default


def test_mirrored_faces_show_the_same():
    head = load("expression")
    chips = noise(4, 64)
    assert np.allclose(
        head.probabilities(chips), head.probabilities(np.ascontiguousarray(chips[:, :, ::-1])),
        atol=1e-5,
    )  # fmt: skip


def test_colour_is_ignored():
    # Red, green and blue of the same luma: 255 * 0.299 = 76.2, and so on.
    chips = np.zeros((1, 64, 64, 3), np.uint8)
    chips[..., 1] = 100
    grey = grey_input(chips)
    assert grey.shape == (1, 3, 64, 64)
    assert grey[0, :, 5, 5] == pytest.approx([58.7 / 255] * 3, abs=1e-4)


def test_valence_and_arousal_are_the_weighted_places_of_the_words(toy):
    logits = np.log(np.array([[0.5, 1e-9, 1e-9, 0.5, 1e-9, 1e-9, 1e-9]]))
    head = Expression(toy(["n", 3, 64, 64], {"logits": logits}), name="toy")
    [reading] = head(noise(1, 64))
    assert reading.values["happiness"] == pytest.approx(0.5, abs=1e-4)
    measured = {one.task: one.values[one.task] for one in reading.derived}
    half_and_half = (VALENCE[0] + VALENCE[3]) / 2, (AROUSAL[0] + AROUSAL[3]) / 2
    assert (measured["valence"], measured["arousal"]) == pytest.approx(half_and_half, abs=1e-4)
    assert all("words" in one.unit for one in reading.derived)


@pytest.mark.weights
def test_a_smile_of_a_portrait_is_called_happiness(astronaut, mtcnn):
    from mien.align import align
    from mien.detect import detect_with_retries

    head = load("expression")
    faces = detect_with_retries(mtcnn, astronaut, "never").faces[:1]
    [reading] = head(align(astronaut, faces, head.crop))
    assert max(reading.values, key=reading.values.get) == "happiness"


def written(root, splits=("train", "validation")):
    """A set in FER2013's layout: each word has its own pattern."""
    random = np.random.default_rng(0)
    names = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    for split in splits:
        for number, name in enumerate(names):
            (root / split / name).mkdir(parents=True)
            for k in range(4):
                image = random.integers(0, 90, (48, 48, 3), dtype=np.uint8)
                image[6 * number : 6 * number + 6] += 120
                write_image(root / split / name / f"{k}.png", image)
    return root


@pytest.mark.slow
def test_two_epochs_of_training_give_a_file_and_go_on_after_a_stop(torch, tmp_path):
    from mien.systems.expression.train import Config, train

    data = written(tmp_path / "set")
    (data / "train" / "happy" / "broken.png").write_bytes(b"\x89PNG\r\n")
    copied = data / "validation" / "sad" / "0.png"
    (data / "train" / "sad" / "copy.png").write_bytes(copied.read_bytes())
    config = Config(layout="fer2013", blocks=1, side=64, epochs=2, batch=8, precision="32")
    measured = train(config, data, tmp_path / "run")
    assert measured["copies left out"] == 1
    assert "broken.png" in measured["lost"]
    assert measured["learnt from"] + measured["chosen by"] == 28
    for name in ("weights", "weights-32"):
        assert 0 <= measured[name]["accuracy"] <= 1
        assert measured[name]["KL to the votes"] > 0
        check("chip-head", Expression(tmp_path / "run" / f"{name}.onnx", name=name))
    again = train(config, data, tmp_path / "run")  # all epochs are done: only measured again
    assert again["weights"] == measured["weights"]
    with pytest.raises(TrainingError, match="other settings"):
        train(replace(config, epochs=3), data, tmp_path / "run")


@pytest.mark.slow
def test_votes_are_learnt_and_only_clear_images_are_tested(torch, tmp_path):
    from mien.systems.expression.data import parts

    random = np.random.default_rng(0)
    rows = ["id,split,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"]
    clear = [[9 * (k == j) + (k == (j + 1) % 7) for k in range(7)] + [0, 0, 0] for j in range(7)]
    votes = {
        "train": [*clear, [4, 3, 0, 0, 0, 0, 0, 3, 0, 0], [1, 1, 0, 0, 0, 0, 0, 4, 3, 1]],
        "validation": [*clear, [5, 5, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 9, 0, 0]],
    }
    for split, given in votes.items():
        (tmp_path / split).mkdir()
        for number, row in enumerate(given):
            name = f"{split[0]}{number}"
            image = random.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            write_image(tmp_path / split / f"{name}.jpg", image)
            rows.append(",".join(map(str, (name, split, *row))))
    (tmp_path / "votes.csv").write_text("\n".join(rows) + "\n")
    learn, test, left_out = parts(tmp_path, "ferplus", tmp_path / "run")
    assert (len(learn.label), len(test.label)) == (8, 7)  # raters disagree on one to learn from
    assert learn.label.sum(1) == pytest.approx(np.ones(8))
    assert left_out["left out for votes outside the labels"] == 1
    assert left_out["test images without a majority"] == 2


def test_rare_labels_are_drawn_more_often(torch):
    from mien.systems.expression.train import rarity

    votes = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    # Shares of the labels 3/4 and 1/4; at power 1 a label's images together weigh the same.
    assert rarity(votes, 1.0).tolist() == pytest.approx([4 / 3] * 3 + [4])
    assert rarity(votes, 0.0).tolist() == pytest.approx([1.0] * 4)
    half = rarity(torch.tensor([[0.5, 0.5], [0.5, 0.5]]), 0.5)
    assert half.tolist() == pytest.approx([2**0.5] * 2)


@pytest.mark.slow
def test_what_cannot_be_learnt_from_is_refused(torch, tmp_path):
    from mien.systems.expression.train import Config, train

    with pytest.raises(TrainingError, match="--data"):
        train(Config(), None, tmp_path / "run")
    alone = written(tmp_path / "one", splits=("train",))
    with pytest.raises(TrainingError, match="one to learn from"):
        train(Config(layout="fer2013"), alone, tmp_path / "run")


def test_the_temperature_of_answers_that_are_too_sure_is_above_one(torch):
    from mien.systems.expression.train import cross_entropy, softened, temperature

    random = np.random.default_rng(0)
    label = random.integers(0, 7, 4000)
    votes = np.eye(7, dtype=np.float32)[label]
    logits = random.normal(size=(4000, 7)) + 1.5 * np.eye(7)[label]
    # Labels are drawn with probabilities proportional to exp(1.5 x); three times that is
    # overconfident.
    sure = (3 * 1.5 * logits)[None].astype(np.float32)
    assert temperature(sure, votes) == pytest.approx(3, rel=0.15)
    by_hand = -np.log(softened(sure, 3.0)[np.arange(4000), label]).mean()
    assert cross_entropy(softened(sure, 3.0), votes) == pytest.approx(by_hand, rel=1e-5)


def test_labels_are_evened_as_far_as_it_costs_little(torch):
    from mien.systems.expression.train import COST, evenness

    # 980 images of the first label, 20 of the second; the second is called the first by a
    # difference of logits of 1, and frequencies differ by ln 49 = 3.9: from 0.26 on it is found.
    label = np.repeat([0, 1], [980, 20])
    votes = np.eye(7, dtype=np.float32)[label]
    prior = np.maximum(votes.mean(0), np.float32(1e-6))
    logits = np.where(votes > 0, 9.0, 0.0)
    logits[label == 1] = [1.0, 0, 0, 0, 0, 0, 0]
    few = logits[None].astype(np.float32)
    prior[2:] = 1  # labels that nobody gave are not raised
    assert evenness(few, votes, prior) == 1  # finding them costs nothing
    logits[:50] = [2.0, 0, 0, 0, 0, 0, 0]  # lost when evened by more than 2 / 3.9 = 0.51
    assert evenness(logits[None].astype(np.float32), votes, prior) == pytest.approx(0.5)
    assert COST < 50 / 1000
    assert evenness(few, np.full((1000, 7), 1 / 7, np.float32), prior) == 0


def test_the_proof_has_a_baseline_a_control_and_criteria_that_can_fail(torch):
    from mien.systems.expression.proof import (
        EQUAL,
        MIXED,
        ONE,
        PARTS,
        VOTES,
        given,
        measured,
    )
    from mien.train import Faces

    random = np.random.default_rng(0)
    votes = random.dirichlet(np.ones(7), 40).astype(np.float32)
    faces = Faces(noise(40, 64), votes, np.array([str(k) for k in range(40)]))
    assert (given(VOTES, faces, random).label == votes).all()
    assert (given(ONE, faces, random).label.argmax(1) == votes.argmax(1)).all()
    assert given(ONE, faces, random).label.max(1).tolist() == [1] * 40
    mixed = given(MIXED, faces, random).label
    assert (mixed != votes).any()
    assert sorted(mixed[:, 0]) == sorted(votes[:, 0])
    two = np.eye(7, dtype=np.float32)[[1, 1, 3]]  # disgust twice, happiness
    found = measured(np.eye(7, dtype=np.float32)[[1, 2, 3]], two)
    assert (found["accuracy"], found["mean recall"], found["rare"]) == (2 / 3, 0.75, 0.5)
    good = {"accuracy": 0.8, "mean recall": 0.6, "rare": 0.5, "KL": 0.4}
    runs = {
        VOTES: [good, good],
        ONE: [{**good, "KL": 0.5}, {**good, "KL": 0.39}],  # better than the votes in one seed
        EQUAL: [good, good],
        MIXED: [{**good, "mean recall": 0.15}] * 2,
    }
    text = PARTS[0].text(runs, None)
    assert "| KL: votes below one label in every seed | 1 of 2 seeds (0.045" in text
    assert "| shuffled: mean recall within 0.05 of one of seven | 2 of 2 seeds (0.150" in text


def measured_on(data, tmp_path, pack, folder, layout, split=""):
    """What `mien eval expression` finds on a real set, and the card's results on it."""
    from mien.evaluate.attributes.card_task import LabelledData, evaluate_card_task
    from mien.metrics.findings import plain
    from mien.photo import open_pipeline

    with zipfile.ZipFile(data / f"{pack}.zip") as archive:
        archive.extractall(tmp_path)
    asked = find("expression").eval
    source = LabelledData(folder=tmp_path / folder, layout=layout, split=split, cut="crops")
    pipeline = open_pipeline(embedder=None)
    found = evaluate_card_task(asked, "expression", load("expression"), source, pipeline)
    stated = {
        result["metric"]: result
        for result in find("expression").results
        if f"--layout {layout} " in result["command"]
    }
    return plain(found)["headline"], stated


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.parametrize(
    ("pack", "folder", "layout", "split"),
    [
        ("ferplus", "ferplus", "ferplus", "validation"),
        ("ck48", "ck48", "ckplus", ""),
        ("taiwan_expressions", "taiwan", "taiwan", ""),
    ],
)
def test_the_figures_of_the_card_hold(data, tmp_path, pack, folder, layout, split):
    found, stated = measured_on(data, tmp_path, pack, folder, layout, split)
    held = {CARD[metric]: result for metric, result in stated.items() if metric in CARD}
    assert "accuracy" in held
    for key, result in held.items():
        assert result["low"] <= found[key]["value"] <= result["high"]
    if layout == "ferplus":
        assert found["accuracy"]["value"] >= 0.80


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
def test_valence_and_arousal_agree_with_raters_of_actors_as_the_page_says(data, tmp_path):
    from mien.datasets import LABELS as READERS
    from mien.datasets.ratings import TAIWAN_WORDS, taiwan_ratings
    from mien.metrics import concordance
    from mien.train.chips import read_chips

    pytest.importorskip("torch", reason="chips of data sets are cut by mien.train")
    with zipfile.ZipFile(data / "taiwan_expressions.zip") as packed:
        packed.extractall(tmp_path)
    folder = tmp_path / "taiwan"
    rated = taiwan_ratings(folder / "ratings.csv")
    records = [r for r in READERS["taiwan"](folder) if r.labels["expression"] != "neutral"]
    chips = read_chips(records, Expression.crop, tmp_path / "run")
    found = load("expression").probabilities(chips.images)
    place = {file: row for row, file in enumerate(rated.files)}
    shares = rated.share[[place[records[k].path.name] for k in chips.row]]
    words = [LABELS.index(word) for word in TAIWAN_WORDS]
    for places, low, high in ((VALENCE, 0.796, 0.906), (AROUSAL, 0.443, 0.559)):
        truth = shares @ places[words]
        assert low < concordance(truth, found @ places) < high
