"""Groups of people in a training: by labels or tone, drawn so that they are not learnt."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.datasets import Labelled
from mien.errors import TrainingError
from mien.media.skin import UTKFACE_POINTS
from mien.train import Batches, Faces, fit, seeded
from mien.train.grouped import MOST, Grouping
from mien.train.mitigation import cell_weights
from mien.types import Crop

GROUP = np.array(["a", "a", "a", "b", "b", ""])
LABEL = np.array(["x", "x", "y", "x", "y", "y"])
WHOLE = Crop(48, points=UTKFACE_POINTS)


def records(*races):
    return [Labelled(f"{k}.png", labels={"race": race} if race else {"age": "9"})
            for k, race in enumerate(races)]  # fmt: skip


def test_chances_by_hand():
    # Of the five with a group: P(a) 3/5, P(b) 2/5, P(x) 3/5, P(y) 2/5.
    chances = Grouping("reweighing", "race").weight(GROUP, LABEL)
    assert chances.tolist() == pytest.approx([0.9, 0.9, 1.2, 1.2, 0.8, 0])
    assert chances[:5].numpy() == pytest.approx(cell_weights(GROUP[:5], LABEL[:5]))
    base = np.array([1.0, 2, 1, 1, 1, 5])
    assert Grouping("reweighing", "race").weight(GROUP, LABEL, base)[:2].tolist() == pytest.approx(
        [0.9, 1.8]
    )
    for given in (None, base):  # it makes labels equally frequent itself
        chances = Grouping("oversampling", "race").weight(GROUP, LABEL, given)
        assert chances.tolist() == pytest.approx([0.5, 0.5, 1, 1, 1, 0])
    assert Grouping().weight(None, LABEL) is None
    assert Grouping().weight(None, LABEL, base).tolist() == base.tolist()


def test_a_handful_of_images_is_not_drawn_without_end():
    group = np.array(["a"] * 100 + ["b"] * 100)
    label = np.array(["x"] * 100 + ["x"] * 99 + ["y"])
    label[:50] = "y"
    chances = Grouping("oversampling", "race").weight(group, label)
    assert float(chances.max() / chances.min()) == pytest.approx(MOST)  # not 99


def test_groups_are_labels_or_tones():
    grouping = Grouping("reweighing", "race")
    some = records("Asian", "Black", "")
    assert grouping.of(some, np.zeros((3, 48, 48, 3), np.uint8), WHOLE).tolist() == [
        "Asian", "Black", "",
    ]  # fmt: skip
    assert Grouping().of(some, np.zeros((3, 48, 48, 3), np.uint8), WHOLE) is None
    colours = ((110, 76, 58), (220, 180, 155), (90, 90, 90))
    images = np.stack([np.full((48, 48, 3), c, np.uint8) for c in colours])
    tone = Grouping("oversampling", "tone")
    assert tone.of(some, images, WHOLE).tolist() == ["dark", "light", ""]
    assert tone.of(some, images, Crop(48)).tolist() == ["dark", "light", ""]  # cut otherwise
    with pytest.raises(TrainingError, match="No image shows skin in colour"):
        tone.of(some[2:], images[2:], WHOLE)


@pytest.mark.parametrize(
    ("grouping", "says"),
    [
        (Grouping("fairness", "race"), "'fairness' is unknown; choose none, reweighing"),
        (Grouping("none", "race"), "group=race does nothing without a mitigation"),
        (Grouping("reweighing"), "needs the groups; add --set group=COLUMN, one of: age, race, to"),
        (Grouping("reweighing", "gender"), "No image has a label 'gender'; the data set has: age"),
    ],
)
def test_what_cannot_be_mitigated_is_refused_before_work(grouping, says):
    with pytest.raises(TrainingError, match=says):
        grouping.check(records("Asian", ""))


def test_empty_cells_and_single_groups_are_refused():
    grouping = Grouping("reweighing", "race")
    with pytest.raises(TrainingError, match="No image to draw of b with y"):
        grouping.weight(np.array(["a", "a", "b"]), np.array(["x", "y", "x"]))
    with pytest.raises(TrainingError, match=r"one group by race \(a\)"):
        grouping.weight(np.array(["a", "a", ""]), np.array(["x", "y", "x"]))
    with pytest.raises(TrainingError, match="these have none"):
        grouping.weight(None, LABEL)


def test_faces_keep_their_groups_when_rows_are_chosen():
    faces = Faces(np.zeros((6, 4, 4, 3), np.uint8), LABEL, LABEL, GROUP)
    assert faces.rows(np.array([3, 0])).group.tolist() == ["b", "a"]
    assert Faces(faces.images, LABEL, LABEL).rows(np.array([1])).group is None


def test_a_short_training_sees_cells_equally_often_and_does_not_learn_the_link():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 600)
    group = np.where(rng.random(600) < 0.9, label, 1 - label)
    x = np.stack([label + rng.normal(0, 1, 600), 3.0 * group], 1).astype(np.float32)
    leaned, shares = {}, {}
    for kind in ("none", "reweighing", "oversampling"):
        grouping = Grouping(kind, "" if kind == "none" else "race")
        seen = []

        def step(model, batch, seen=seen):
            seen.append(batch[2])
            return nn.functional.cross_entropy(model(batch[0]), batch[1])

        seeded(0)
        net = nn.Linear(2, 2)
        chances = grouping.weight(None if kind == "none" else group.astype(str), label)
        batches = Batches(torch.from_numpy(x), torch.from_numpy(label),
                          torch.from_numpy(2 * label + group), size=50, weight=chances)  # fmt: skip
        fit(step, net, batches, torch.optim.Adam(net.parameters(), 0.03), epochs=12)
        shares[kind] = np.bincount(torch.cat(seen).numpy(), minlength=4) / (12 * 600)
        leaned[kind] = abs(float((net.weight[1] - net.weight[0])[1].detach()))
    assert shares["none"][[1, 2]].max() < 0.07  # 5 % each
    for kind in ("reweighing", "oversampling"):
        assert shares[kind] == pytest.approx(0.25, abs=0.04)
        assert leaned[kind] < 0.35 * leaned["none"]
