"""Weights by hand, what each mitigation shows a network, and a planted link that it takes out."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.errors import TrainingError
from mien.train import fit, seeded
from mien.train.mitigation import MITIGATIONS, cell_weights, equal_cells, mitigated

GROUP = np.array(["a", "a", "a", "b"])
LABEL = np.array([0, 0, 1, 1])


def test_weights_by_hand():
    # P(a) = 3/4, P(0) = 1/2, P(a, 0) = 1/2: 3/4. P(a, 1) = 1/4: 3/2. P(b, 1) = 1/4: 1/2.
    assert cell_weights(GROUP, LABEL) == pytest.approx([0.75, 0.75, 1.5, 0.5])
    assert equal_cells(GROUP, LABEL) == pytest.approx([0.5, 0.5, 1, 1])
    assert equal_cells(GROUP) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])
    assert cell_weights(LABEL, np.zeros(4)) == pytest.approx(1)


def test_weights_unlink_label_and_group():
    rng = np.random.default_rng(0)
    for _ in range(20):
        group, label = rng.integers(0, 3, 200), rng.integers(0, 2, 200)
        weight = cell_weights(group, label)
        for g in range(3):
            of_group = weight[(group == g) & (label == 1)].sum() / weight[group == g].sum()
            assert of_group == pytest.approx((label == 1).mean())


def faces(linked, count=400, seed=0):
    """8 px: a faint left half shows the label, and the brightness of all shows the group."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count)
    group = np.where(rng.random(count) < linked, label, 1 - label)
    pixels = rng.normal(100, 12, (count, 8, 8, 3))
    pixels[:, :, :4] += 12 * label[:, None, None, None]
    other = np.clip(pixels + 60 * (1 - group)[:, None, None, None], 0, 255).astype(np.uint8)
    pixels = np.clip(pixels + 60 * group[:, None, None, None], 0, 255).astype(np.uint8)
    return pixels, other, label, group


def gap_of(kind, **more):
    """Largest difference of a recall between groups, where they are not linked."""
    pixels, other, label, group = faces(0.9)
    seeded(1)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))

    def see(model, x):
        return model(8 * (x - 0.5))

    batches, step = mitigated(
        kind, pixels, torch.from_numpy(label), group, other, size=50, see=see, seed=1, **more
    )
    fit(step, net, batches, torch.optim.Adam(net.parameters(), 3e-3), epochs=25)
    shown, _, truth, of = faces(0.5, 2000, seed=2)
    with torch.no_grad():
        x = torch.from_numpy(shown.transpose(0, 3, 1, 2).copy()).float() / 255
        right = see(net, x).argmax(1).numpy() == truth
    return max(
        abs(right[(truth == y) & (of == 0)].mean() - right[(truth == y) & (of == 1)].mean())
        for y in (0, 1)
    )


def test_each_mitigation_lowers_a_planted_gap():
    plain = gap_of("none")
    assert plain > 0.5
    for kind in MITIGATIONS[1:]:
        assert gap_of(kind) < 0.5 * plain, kind
    assert gap_of("consistency", strength=0.0) > 0.8 * plain  # the control


def test_a_face_and_its_counterfactual_come_by_lot_and_are_changed_alike():
    dark, light = np.zeros((64, 4, 4, 3), np.uint8), np.full((64, 4, 4, 3), 255, np.uint8)
    label, group = torch.zeros(64, dtype=torch.long), np.zeros(64)

    def see(model, x):
        return model(x)

    batches, _ = mitigated("counterfactual", dark, label, group, light, size=64, see=see)
    [(x, _, weight)] = list(batches)
    shown = x.mean((1, 2, 3))
    assert set(shown.tolist()) == {0, 1}
    assert 0.25 < shown.mean() < 0.75
    assert weight.tolist() == [1] * 64
    batches, step = mitigated("consistency", dark, label, group, light, size=64, see=see)
    [batch] = list(batches)
    seen = []

    def model(x):
        seen.append(len(x))
        return torch.stack([x.mean((1, 2, 3)), torch.zeros(len(x))], 1)

    # Both logits are 0 for the face itself, so its loss is log 2; the first differs by 1.
    assert float(step(model, batch)) == pytest.approx(np.log(2) + 0.5, abs=1e-5)
    assert seen == [128]


def test_what_cannot_be_done_is_refused():
    pixels, other, label, group = faces(0.9, 8)
    truth = torch.from_numpy(label)
    with pytest.raises(TrainingError, match="'magic' is unknown; choose none, reweighing"):
        mitigated("magic", pixels, truth, group, size=4, see=lambda m, x: m(x))
    for missing in (None, other[:3]):
        with pytest.raises(TrainingError, match="one counterfactual per face"):
            mitigated("consistency", pixels, truth, group, missing, size=4, see=lambda m, x: m(x))
