import math

import numpy as np
import pytest
import torch
from torch import nn

from mien.errors import TrainingError
from mien.train import seeded
from mien.train.adversarial import PATIENCE, Pace, hinge, mode_seeking, play
from mien.train.averaging import blend_weights
from mien.train.facenet import InceptionResNet
from mien.train.players import ClassGame, PairGame, Weights


class Toy:
    """A generator of one number that should become that of the data, 3."""

    def __init__(self, accuracy=0.5, lost=None):
        seeded(0)
        self.generator, self.critic = nn.Linear(1, 1), nn.Linear(1, 1)
        self.accuracy, self.lost = accuracy, lost

    def critic_loss(self, step):
        real, fake = torch.full((4, 1), 3.0), self.generator(torch.rand(4, 1)).detach()
        return hinge(self.critic(real)[:, 0], self.critic(fake)[:, 0])[0], self.accuracy

    def generator_loss(self, step):
        loss = -self.critic(self.generator(torch.rand(4, 1))).mean()
        return loss * math.nan if step == self.lost else loss

    def play(self, steps=120, **options):
        return play(self, self.generator, self.critic, Pace(steps=steps, generator_rate=0.01),
                    **options)  # fmt: skip


def weights(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


def test_the_average_moves_by_hand():
    average, model = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.constant_(average.weight, 1.0)
    nn.init.constant_(model.weight, 2.0)
    blend_weights(average, model, 0.9, 1000)
    assert float(average.weight.detach()) == pytest.approx(0.9 * 1 + 0.1 * 2)
    blend_weights(average, model, 0.9, 0)  # the first step: a tenth of the old value stays
    assert float(average.weight.detach()) == pytest.approx(0.1 * 1.1 + 0.9 * 2)


def test_hinge_and_what_is_judged_right_by_hand():
    loss, right = hinge(torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5]))
    assert float(loss) == pytest.approx((0 + 0.5) / 2 + (0 + 1.5) / 2)
    assert right == 0.75


def test_mode_seeking_by_hand_and_up_to_its_limit():
    z1, z2 = torch.zeros(2, 4), torch.ones(2, 4)
    first, second = torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    second[0], second[1] = 0.1, 9.0
    assert float(mode_seeking(first, second, z1, z2)) == pytest.approx((0.1 + 0.25) / 2)
    assert float(mode_seeking(first, second, z1, z1)) == pytest.approx(0.25)  # no division by 0


def test_a_game_moves_the_generator_and_ends_with_its_average():
    toy = Toy()
    before = weights(toy.generator)
    game = toy.play()
    assert (game.steps, game.stopped) == (120, "")
    assert len(game.gradient) == len(game.accuracy) == 120
    assert game.gradient_ratio >= 1
    assert not torch.equal(weights(toy.generator), before)
    assert not toy.generator.training


def test_a_critic_that_always_wins_stops_the_game():
    toy = Toy(accuracy=0.99)
    game = toy.play(steps=PATIENCE + 50)
    assert game.steps == PATIENCE
    assert "the critic was right in more than 98% of the pictures for 200 steps" in game.stopped
    short = Toy(accuracy=0.98).play(steps=PATIENCE + 50)  # not above the limit
    assert (short.steps, short.stopped) == (PATIENCE + 50, "")


def test_a_loss_that_is_not_a_number_stops_the_game_before_it_is_learnt():
    toy, until = Toy(lost=60), Toy()
    game = toy.play()
    assert game.steps == 60
    assert "the loss of the generator is nan at step 61" in game.stopped
    until.play(steps=60)
    assert torch.equal(weights(toy.generator), weights(until.generator))


def test_a_game_that_was_stopped_is_resumed_to_the_same_weights(tmp_path):
    class StoppedError(Exception):
        """The process ends."""

    def stop(name, done, total):
        if done == 70:
            raise StoppedError

    whole, parted = Toy(), Toy()
    whole.play(out=tmp_path / "whole")
    with pytest.raises(StoppedError):
        parted.play(out=tmp_path / "parted", on_step=stop)
    again = Toy()
    game = again.play(out=tmp_path / "parted")
    assert game.steps == 120
    assert torch.equal(weights(again.generator), weights(whole.generator))
    assert (tmp_path / "parted" / "curves.png").is_file()
    with pytest.raises(TrainingError, match="other settings"):
        Toy().play(steps=50, out=tmp_path / "parted")


class Frozen(nn.Module):
    """A recogniser of toy size."""

    def __init__(self):
        super().__init__()
        self.early, self.late = nn.Conv2d(3, 4, 4, 4), nn.Sequential(nn.Flatten(), nn.Linear(16, 6))
        self.person = nn.Linear(6, 3)


class Judge(nn.Module):
    def __init__(self, channels, classes=0):
        super().__init__()
        self.real = nn.Linear(channels * 64, 1)
        self.person = nn.Linear(channels * 64, classes) if classes else None

    def forward(self, x):
        x = x.flatten(1)
        return self.real(x)[:, 0], self.person(x) if self.person else None


class Painter(nn.Module):
    """Adds noise to what it is given; from a class: only noise."""

    def __init__(self, classes=0):
        super().__init__()
        self.paint = nn.Linear(5, 192)
        self.classes = nn.Embedding(classes, 192) if classes else None

    def forward(self, first, second):
        if self.classes:
            return torch.tanh(self.paint(first) + self.classes(second)).reshape(-1, 3, 8, 8)
        return torch.tanh(first + self.paint(second).reshape(-1, 3, 8, 8))


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (7, 8, 8, 3)).astype(np.uint8), np.array([0, 0, 1, 1, 1, 2, 2])


def test_pairs_are_two_pictures_of_one_person_and_the_same_again(faces):
    seeded(0)
    images, label = faces
    game = PairGame(images, label, Painter(), Judge(6), Frozen(), 5, batch=32)
    x, other, who, z = game.draw(3)
    assert x.shape == other.shape == (32, 3, 8, 8)
    assert z.shape == (2, 32, 5)
    assert not any(torch.equal(a, b) for a, b in zip(x, other, strict=True))
    for one, person in zip(other, who, strict=True):
        own = game.pixels[game.label == person]
        assert any(torch.equal(one, p) or torch.equal(one, p.flip(-1)) for p in own)
    assert torch.equal(x, game.draw(3)[0])
    assert not torch.equal(x, game.draw(4)[0])


def test_salience_has_mean_one_and_only_the_generator_learns(faces):
    seeded(0)
    frozen = Frozen()
    game = PairGame(*faces, Painter(), Judge(6), frozen, 5, batch=8)
    size = game._salient(torch.randn(2, 4, 2, 2), torch.tensor([0, 2]))
    assert size.mean((1, 2, 3)).tolist() == pytest.approx([1, 1])
    plain = PairGame(*faces, game.generator, game.critic, frozen, 5, batch=8,
                     weights=Weights(salience=0.0))  # fmt: skip
    assert game.generator_loss(0).item() > plain.generator_loss(0).item()
    before = weights(frozen).clone()
    play(game, game.generator, game.critic, Pace(steps=3))
    assert torch.equal(weights(frozen), before)


def test_a_game_of_classes_moves_both_networks(faces):
    seeded(0)
    painter, judge = Painter(3), Judge(3, 3)
    before = weights(painter).clone(), weights(judge).clone()
    game = play(ClassGame(*faces, painter, judge, 5, batch=8), painter, judge, Pace(steps=3))
    assert game.steps == 3
    assert not torch.equal(weights(painter), before[0])
    assert not torch.equal(weights(judge), before[1])


def test_the_full_network_has_the_size_of_facenet_and_learns_from_two_faces():
    seeded(0)
    net = InceptionResNet(classes=7)
    heads = 7 * 512 + 1792 + 1
    # Parameters of InceptionResnetV1 of facenet-pytorch without its classifier.
    assert sum(p.numel() for p in net.parameters()) - heads == 23_482_624
    vectors, cosines, real, salient = net(torch.rand(2, 3, 160, 160) * 2 - 1)
    shapes = [tuple(one.shape) for one in (vectors, cosines, real, salient)]
    assert shapes == [(2, 512), (2, 7), (2,), (2, 896, 8, 8)]
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-5)
    assert cosines.abs().max() <= 1.0001
    (cosines.sum() + real.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())
