"""LPIPS by a file of weights: small networks of the two forms, against the published formula."""

import numpy as np
import pytest

from mien.errors import MienError, WeightsError

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402, N812 - the usual name

from mien.train.perceptual import Lpips, lpips_of, weights_in  # noqa: E402

ALEX = [(0, 3, 4, 11), (3, 4, 6, 5), (6, 6, 5, 3), (8, 5, 4, 3), (10, 4, 4, 3)]  # small widths
VGG = [(k, 3 if k == 0 else 2, 2, 3) for k in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 48, 40, 3), np.uint8)
OTHERS = np.random.default_rng(1).integers(0, 256, (3, 48, 40, 3), np.uint8)


def state(layers, taps, name="features.{}"):
    generator = torch.Generator().manual_seed(5)
    made = {}
    for number, into, out, side in layers:
        start = name.format(number)
        made[f"{start}.weight"] = torch.randn(out, into, side, side, generator=generator)
        made[f"{start}.bias"] = torch.randn(out, generator=generator)
    widths = [layers[k][2] for k in taps]
    for k, width in enumerate(widths):
        made[f"lin{k}.model.1.weight"] = torch.rand(1, width, 1, 1, generator=generator)
    return made


def saved(tmp_path, given):
    torch.save(given, tmp_path / "lpips.pth")
    return tmp_path / "lpips.pth"


def published(given, pictures, others):
    """AlexNet as torchvision writes it, and the formula as the authors write it."""
    shift = torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[None, :, None, None]
    total = 0
    sides = []
    for images in (pictures, others):
        x = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
        x, maps = (x - shift) / scale, []
        for (number, *_), (stride, pad, pool) in zip(
            ALEX, ((4, 2, 0), (1, 2, 1), (1, 1, 1), (1, 1, 0), (1, 1, 0)), strict=True
        ):
            x = F.max_pool2d(x, 3, 2) if pool else x
            weight, bias = (given[f"features.{number}.{k}"] for k in ("weight", "bias"))
            x = F.relu(F.conv2d(x, weight, bias, stride, pad))
            maps.append(x / (torch.sqrt((x**2).sum(1, keepdim=True)) + 1e-10))
        sides.append(maps)
    for k, (a, b) in enumerate(zip(*sides, strict=True)):
        total = total + F.conv2d((a - b) ** 2, given[f"lin{k}.model.1.weight"]).mean((1, 2, 3))
    return total.numpy()


def test_it_is_the_published_formula_on_alexnet(tmp_path):
    given = state(ALEX, range(5))
    found = Lpips(saved(tmp_path, given))(PICTURES, OTHERS)
    assert found == pytest.approx(published(given, PICTURES, OTHERS), rel=1e-4)
    assert (found > 0).all()
    assert Lpips(tmp_path / "lpips.pth")(PICTURES, PICTURES) == pytest.approx(np.zeros(3))


def test_names_of_the_package_lpips_and_vgg_are_read(tmp_path):
    one = Lpips(saved(tmp_path, state(ALEX, range(5))))(PICTURES, OTHERS)
    same = state(ALEX, range(5), "net.slice1.{}")
    same |= {"lins.0.model.1.weight": torch.ones(1), "scaling_layer.shift": torch.ones(3)}
    assert Lpips(saved(tmp_path, same))(PICTURES, OTHERS) == pytest.approx(one)
    vgg = Lpips(saved(tmp_path, state(VGG, (1, 3, 6, 9, 12))))
    assert vgg(PICTURES, OTHERS).shape == (3,)
    assert vgg(PICTURES, PICTURES) == pytest.approx(np.zeros(3))


def test_without_a_file_it_is_not_measured(tmp_path):
    assert weights_in(tmp_path) is None
    assert lpips_of(None, PICTURES, OTHERS) is None
    path = saved(tmp_path, state(ALEX, range(5)))
    assert weights_in(tmp_path) == path
    assert lpips_of(path, PICTURES, OTHERS) == pytest.approx(Lpips(path)(PICTURES, OTHERS).mean())


def test_files_that_do_not_fit_are_refused(tmp_path):
    whole = state(ALEX, range(5))
    for given, says in (
        ({}, "found 0"),
        ([1, 2], "found 0"),
        (state(ALEX[:4], range(4)), "found 4"),
        ({k: v for k, v in whole.items() if k != "lin2.model.1.weight"}, "lacks linear layers"),
        (whole | {"features.3.weight": torch.ones(6, 9, 5, 5)}, "no file of LPIPS"),
    ):
        with pytest.raises(WeightsError, match=says):
            Lpips(saved(tmp_path, given))
    (tmp_path / "bad.pth").write_bytes(b"nothing")
    for name in ("bad.pth", "missing.pth"):
        with pytest.raises(WeightsError, match="cannot be read"):
            Lpips(tmp_path / name)


def test_pictures_that_do_not_fit_are_refused(tmp_path):
    metric = Lpips(saved(tmp_path, state(ALEX, range(5))))
    with pytest.raises(MienError, match="cannot be compared"):
        metric(PICTURES, OTHERS[:2])
    with pytest.raises(MienError, match="at least 32 px per side, got 20 x 48"):
        metric(PICTURES[:, :, :20], OTHERS[:, :, :20])
