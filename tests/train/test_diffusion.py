import math

import pytest
import torch
from torch import nn

from mien.errors import OptionError, TrainingError
from mien.train import Batches, adamw, fit, seeded
from mien.train.diffusion import (
    Guidance,
    ddim,
    dropped,
    guided,
    linear_signal,
    noised,
    velocity_loss,
)


def test_the_schedule_is_the_product_of_what_each_step_leaves():
    # Of 100 steps each adds ten times the variance that is stated for 1000: 0.01 to 0.1.
    signal = linear_signal(100, 0.001, 0.01)
    assert float(signal[0]) == pytest.approx(0.99)
    second = 0.01 + 0.09 / 99
    assert float(signal[1]) == pytest.approx(0.99 * (1 - second))
    assert (signal[1:] < signal[:-1]).all()
    assert float(linear_signal(200)[-1]) < 1e-4


@pytest.mark.parametrize(
    "given", [(0,), (1,), (10,), (200, 0.0), (200, 0.02, 0.01), (200, math.nan)]
)
def test_what_is_no_schedule_is_refused(given):
    with pytest.raises(OptionError, match="are no schedule"):
        linear_signal(*given)


def test_noise_and_image_are_mixed_by_their_shares_of_the_variance():
    mixed = noised(torch.ones(2, 1, 1, 1), 2 * torch.ones(2, 1, 1, 1), torch.tensor([1.0, 0.36]))
    assert mixed.flatten().tolist() == pytest.approx([1.0, 0.6 + 2 * 0.8])


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_a_perfect_prediction_leads_to_the_image(steps):
    signal = linear_signal(50)
    seeded(1)
    image = torch.rand(3, 2, 4, 4) * 1.8 - 0.9

    def perfect(noisy, time):
        share = float(signal[time])
        noise = (noisy - share**0.5 * image) / (1 - share) ** 0.5
        return share**0.5 * noise - (1 - share) ** 0.5 * image

    found = ddim(perfect, torch.randn_like(image), signal, steps)
    assert torch.allclose(found, image, atol=2e-3)


@pytest.mark.parametrize("steps", [0, 51])
def test_more_steps_than_the_schedule_has_are_refused(steps):
    with pytest.raises(OptionError, match="expected 1 to 50"):
        ddim(lambda x, t: x, torch.zeros(1, 1, 2, 2), linear_signal(50), steps)


class Sum(nn.Module):
    """A prediction that adds up what each context says; images are counted."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.images = 0

    def forward(self, noisy, time, one, two):
        self.images += len(noisy)
        both = one.flatten(1).mean(1) + 10 * two.flatten(1).mean(1)
        return noisy * 0 + (self.weight * both)[:, None, None, None] + 100


CONTEXTS = (torch.full((2, 4), 1.0), torch.full((2, 1, 3, 3), 1.0))
NOISY = torch.zeros(2, 1, 3, 3)


def test_without_guidance_the_prediction_is_the_conditional_one():
    net = Sum()
    found = guided(net, CONTEXTS, Guidance((0.0, 0.0), (0.0, 0.0)), 11)(NOISY, 5)
    assert torch.equal(found, net(NOISY, None, *CONTEXTS))
    assert net.images == 2 + 2


@pytest.mark.parametrize(
    ("time", "pushed"),
    [(10, 0.5 * 10), (0, 0.5 * 1), (5, 0.25 * 11)],  # style early, identity late, both half-way
)
def test_blending_pushes_towards_one_context_early_and_the_other_late(time, pushed):
    predict = guided(Sum(), CONTEXTS, Guidance(early=(0.0, 0.5), late=(0.5, 0.0)), 11)
    assert float(predict(NOISY, time)[0, 0, 0, 0].detach()) == pytest.approx(111 + pushed)


def test_weights_and_contexts_must_be_as_many():
    with pytest.raises(OptionError, match="as many early weights"):
        Guidance((1.0,), (1.0, 2.0))
    with pytest.raises(OptionError, match="1 weights for 2 contexts"):
        guided(Sum(), CONTEXTS, Guidance((1.0,), (1.0,)), 11)


def test_contexts_are_dropped_alone_and_together():
    seeded(0)
    ones = [torch.ones(20_000, 2), torch.ones(20_000, 1, 2, 2)]
    one, two = (found.flatten(1) for found in dropped(ones, alone=0.2, together=0.1))
    assert (one.std(1) == 0).all()  # a context is dropped as a whole
    gone, other = one[:, 0] == 0, two[:, 0] == 0
    # Both are gone if all are, or by chance: 0.1 + 0.9 x 0.2 x 0.2; each: 0.1 + 0.9 x 0.2.
    assert float((gone & other).float().mean()) == pytest.approx(0.136, abs=0.01)
    assert float(gone.float().mean()) == pytest.approx(0.28, abs=0.01)
    assert float(other.float().mean()) == pytest.approx(0.28, abs=0.01)
    assert all(torch.equal(a, b) for a, b in zip(dropped(ones, 0.0, 0.0), ones, strict=True))


def test_the_loss_of_a_network_that_predicts_zero_is_the_mean_square_of_velocities():
    class Nothing(nn.Module):
        def forward(self, noisy, time, *contexts):
            assert time.shape == (64,)
            return torch.zeros_like(noisy)

    seeded(0)
    # Of the velocity, a is the share of the noise (mean square 1) and 1 - a of the image (here 4).
    loss = velocity_loss(Nothing(), torch.full((64, 3, 8, 8), 2.0), (), torch.tensor([0.25]))
    assert float(loss) == pytest.approx(0.25 + 0.75 * 4, abs=0.05)


@pytest.mark.parametrize("pixel", [0.5, math.nan])
def test_it_is_trained_by_the_common_loop_which_refuses_what_is_no_number(pixel, tmp_path):
    seeded(0)
    net, signal = Sum(), linear_signal(50)
    rows = Batches(torch.full((8, 1, 3, 3), pixel), torch.ones(8, 4), size=4)

    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, noisy, time, one):
            return noisy + self.net(noisy, time, one, one) - 100

    def step(model, batch):
        return velocity_loss(model, batch[0], batch[1:], signal)

    model = Noisy()
    settings = {"epochs": 1, "average": 0.9, "out": tmp_path}
    if math.isnan(pixel):
        with pytest.raises(TrainingError, match="nan"):
            fit(step, model, rows, adamw(model, 0.01, 0.0), **settings)
    else:
        [row] = fit(step, model, rows, adamw(model, 0.01, 0.0), **settings)
        assert math.isfinite(row["loss"])
