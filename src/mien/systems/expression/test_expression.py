"""Known answers; the contract; two steps of training; a set that is refused."""

import numpy as np
import pytest

from mien.errors import TrainingError
from mien.media import write_image
from mien.systems.expression.head import AROUSAL, LABELS, VALENCE, Expression, tensor
from mien.testing import check, noise
from mien.zoo import find, load


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
    grey = tensor(chips)
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
    config = Config(blocks=1, side=64, epochs=2, second=1, batch=8, precision="32")
    measured = train(config, data, tmp_path / "run")
    assert measured["copies left out"] == 1
    assert "broken.png" in measured["lost"]
    assert measured["learnt from"] + measured["chosen by"] == 28
    for name in ("weights", "weights-32"):
        assert 0 <= measured[name]["accuracy"] <= 1
        check("chip-head", Expression(tmp_path / "run" / f"{name}.onnx", name=name))
    again = train(config, data, tmp_path / "run")  # all epochs are done: only measured again
    assert again["weights"] == measured["weights"]
    with pytest.raises(TrainingError, match="other settings"):
        train(
            Config(blocks=1, side=64, epochs=3, second=1, batch=8, precision="32"),
            data,
            tmp_path / "run",
        )


@pytest.mark.slow
def test_what_cannot_be_learnt_from_is_refused(torch, tmp_path):
    from mien.systems.expression.train import Config, train

    with pytest.raises(TrainingError, match="--data"):
        train(Config(), None, tmp_path / "run")
    with pytest.raises(TrainingError, match="one to learn from"):
        train(Config(), written(tmp_path / "one", splits=("train",)), tmp_path / "run")


def test_the_temperature_of_answers_that_are_too_sure_is_above_one(torch):
    from mien.systems.expression.train import negative_log_likelihood, softened, temperature

    random = np.random.default_rng(0)
    label = random.integers(0, 7, 4000)
    logits = random.normal(size=(4000, 7)) + 1.5 * np.eye(7)[label]
    # Labels are drawn with probabilities proportional to exp(1.5 x); three times that is
    # overconfident.
    sure = (3 * 1.5 * logits)[None].astype(np.float32)
    assert temperature(sure, label) == pytest.approx(3, rel=0.15)
    by_hand = -np.log(softened(sure, 3.0)[np.arange(4000), label]).mean()
    assert negative_log_likelihood(softened(sure, 3.0), label) == pytest.approx(by_hand, rel=1e-5)
