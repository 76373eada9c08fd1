import pytest
import torch

from mien.train import Augment


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(n=6, side=24):
    rows = torch.linspace(0, 1, side)
    return (rows[None, None, :, None] * 0.5 + rows[None, None, None, :] * 0.3).repeat(n, 3, 1, 1)


def test_the_same_seed_gives_the_same_pictures_and_stays_in_range():
    change = Augment(0.5, 0.1, 15, 0.1, 0.2, 0.3, 0.5)
    x = torch.rand(8, 3, 24, 24, generator=seeded(1))
    one, two = change(x, seeded()), change(x, seeded())
    assert torch.equal(one, two)
    assert not torch.equal(one, change(x, seeded(5)))
    assert one.shape == x.shape
    assert 0 <= one.min() <= one.max() <= 1


def test_nothing_asked_changes_nothing():
    x = torch.rand(4, 3, 10, 10, generator=seeded())
    assert torch.equal(Augment(flip=0)(x, seeded()), x)
    bytes_ = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8, generator=seeded())
    assert torch.equal(Augment(flip=0)(bytes_), bytes_.float() / 255)


def test_a_mirror_by_hand_and_about_half_of_them():
    x = torch.rand(400, 1, 4, 4, generator=seeded())
    out = Augment(flip=0.5)(x, seeded())
    mirrored = (out == x.flip(-1)).all(-1).all(-1).all(-1)
    kept = (out == x).all(-1).all(-1).all(-1)
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250
    sampled = Augment(flip=1, shift=1e-9)(x, seeded())  # the other road: by sampling
    assert torch.allclose(sampled, x.flip(-1), atol=1e-5)


def test_a_shift_moves_by_no_more_than_asked():
    x = torch.zeros(64, 1, 41, 41)
    x[:, :, 20, 20] = 1
    out = Augment(flip=0, shift=0.1)(x, seeded())
    weight = out.sum((1, 2, 3))
    row = (out.sum((1, 3)) * torch.arange(41)).sum(1) / weight - 20
    assert row.abs().max() <= 4.1 + 0.01
    assert row.abs().max() > 3


def test_a_turn_keeps_the_middle_and_turns_a_square_picture_without_shear():
    x = torch.zeros(32, 1, 41, 41)
    x[:, :, 20, 35] = x[:, :, 20, 34] = x[:, :, 19:22, 35] = 1  # a dot 15 px right of the middle
    out = Augment(flip=0, turn=30)(x, seeded())
    at = torch.arange(41) - 20.0
    weight = out.sum((1, 2, 3))
    px = (out.sum((1, 2)) * at).sum(1) / weight
    py = (out.sum((1, 3)) * at).sum(1) / weight
    assert torch.allclose((px**2 + py**2).sqrt(), torch.tensor(14.8), atol=0.6)
    angles = torch.rad2deg(torch.atan2(py, px))
    assert 20 < angles.abs().max() <= 30.5


def test_light_and_contrast_by_hand():
    x = torch.full((16, 3, 4, 4), 0.5)
    out = Augment(flip=0, light=0.2)(x, seeded())
    assert (out - 0.5).abs().max() <= 0.2 + 1e-6
    assert out[0].std() < 1e-6
    x = picture(64)
    ratio = Augment(flip=0, contrast=0.3)(x, seeded()).std((1, 2, 3)) / x.std((1, 2, 3))
    assert 0.69 < ratio.min() < 0.8
    assert 1.2 < ratio.max() < 1.31


def test_erasing_covers_as_much_as_asked_and_only_some():
    x = torch.zeros(200, 1, 40, 40)
    out = Augment(flip=0, erase=0.5, erase_area=(0.1, 0.2))(x, seeded())
    share = (out > 0).float().mean((1, 2, 3))
    hit = share > 0
    assert 70 < hit.sum() < 130
    assert 0.07 < share[hit].min() < share[hit].max() < 0.24


def test_all_frames_of_a_clip_are_changed_alike():
    frame = torch.rand(5, 1, 3, 16, 16, generator=seeded())
    clip = frame.repeat(1, 4, 1, 1, 1)
    out = Augment(0.5, 0.1, 10, 0.1, 0.1, 0.1)(clip, seeded(2))
    assert out.shape == clip.shape
    assert torch.allclose(out, out[:, :1].expand_as(out), atol=1e-6)
    assert pytest.approx(0) != float((out[0, 0] - frame[0, 0]).abs().max())
