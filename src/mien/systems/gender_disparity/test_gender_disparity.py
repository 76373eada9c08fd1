"""Known answers; two training steps; the shipped file equals the network."""

from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien.evaluate.fairness.grid import read_grid
from mien.testing import check, noise
from mien.zoo import load

HERE = Path(__file__).parent


def test_the_shipped_head_keeps_its_contract_and_is_in_no_default():
    head = load("gender-disparity")
    check("chip-head", head)
    readings = head(noise(3, 40))
    assert all(sum(r.values.values()) == pytest.approx(1) for r in readings)
    from mien.photo import Pipeline

    assert Pipeline.__dataclass_fields__["heads"].default == ()


def test_the_example_grid_has_266_rows_and_the_reduced_one_112():
    full = read_grid(HERE / "grid-266.toml")
    assert (len(full.pairs), len(full.rows())) == (38, 266)
    assert len(read_grid(HERE / "grid-utkface.toml").rows()) == 16 * 7


def test_losses_by_hand(torch):
    from mien.systems.gender_disparity.model import build, loss_of

    torch.manual_seed(0)
    net = build("cnn-tiny", 32).eval()
    pixels, male = torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 1, 1])
    logits = net(pixels)
    p = logits.softmax(1)[torch.arange(4), male]
    plain = -p.log().mean()
    share = torch.tensor([0.5, 0.5])
    assert loss_of("cross-entropy", net, pixels, male, share).item() == pytest.approx(plain.item())
    assert loss_of("weighted", net, pixels, male, share).item() == pytest.approx(plain.item())
    focal = (-((1 - p) ** 2) * p.log()).mean()
    assert loss_of("focal", net, pixels, male, share).item() == pytest.approx(focal.item())
    # A rare label weighs more: mean of weights 1, so women at a quarter weigh three times a man.
    weights = torch.tensor([1.5, 0.5, 0.5, 0.5])
    weighted = -(weights * p.log()).sum() / weights.sum()
    found = loss_of("weighted", net, pixels, male, torch.tensor([0.25, 0.75])).item()
    assert found == pytest.approx(weighted.item())
    # The margin makes the same features cost more.
    plain_angles = torch.nn.functional.cross_entropy(
        30 * torch.nn.functional.linear(
            torch.nn.functional.normalize(net.trunk(pixels)),
            torch.nn.functional.normalize(net.last.weight),
        ),
        male,
    )  # fmt: skip
    assert loss_of("margin", net, pixels, male, share) > plain_angles
    with pytest.raises(ValueError, match="There is no loss 'x'"):
        loss_of("x", net, pixels, male, share)
    with pytest.raises(ValueError, match="There is no network 'x'"):
        build("x", 32)


@pytest.mark.parametrize(
    ("model", "loss", "epochs"),
    [
        ("cnn-tiny", "cross-entropy", 8),
        ("cnn-small", "weighted", 6),
        ("cnn-residual", "focal", 4),
        ("vit-small", "margin", 1),
    ],
)
def test_a_short_training_learns_and_the_same_seed_gives_the_same_network(
    torch, model, loss, epochs
):
    from mien.systems.gender_disparity.drawn import LINKS, drawn
    from mien.systems.gender_disparity.proof import of_columns
    from mien.systems.gender_disparity.train import Config, learnt, probability

    torch.set_num_threads(1)
    faces = of_columns(drawn({"as trained": LINKS["as trained"]}, 240, 0))
    config = Config(model, loss, epochs=epochs, batch=16, patience=8)
    probabilities, features = probability(loss, learnt(config, faces), faces.images)
    again, _ = probability(loss, learnt(config, faces), faces.images)
    assert np.array_equal(probabilities, again)
    assert features.shape == (240, 64)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if model.startswith("cnn"):
        assert ((probabilities > 0.5) == faces.male).mean() > 0.75


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
@pytest.mark.parametrize("model", ["cnn-tiny", "cnn-small", "cnn-residual", "vit-small"])
def test_the_written_file_answers_as_the_network(torch, tmp_path, model, loss):
    from mien.systems.gender_disparity.head import GenderDisparity
    from mien.systems.gender_disparity.model import build
    from mien.systems.gender_disparity.train import probability, write

    torch.manual_seed(1)
    net = build(model, 40)
    for module in net.modules():  # batch norms that do something
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    images = noise(6, 40)
    assert write(net.eval(), loss, tmp_path / "net.onnx", images) < 1e-4
    head = GenderDisparity(tmp_path / "net.onnx", name="net")
    check("chip-head", head)
    found = [reading.values["male"] for reading in head(images)]
    assert found == pytest.approx(probability(loss, net, images)[0].tolist(), abs=1e-4)


@pytest.mark.slow
def test_a_planted_bias_has_the_planted_sign_and_the_control_none(torch, tmp_path):
    from mien.evaluate.fairness.disparity import cells_of, flips
    from mien.evaluate.fairness.grid import run_grid
    from mien.systems.gender_disparity.drawn import LINKS, Link, drawn
    from mien.systems.gender_disparity.proof import grid_of, of_columns
    from mien.systems.gender_disparity.train import run

    torch.set_num_threads(1)
    train = of_columns(drawn({"as trained": LINKS["as trained"]}, 1200, 1000))
    grid = grid_of("planted", LINKS, ("cnn-small",), ("cross-entropy",), (0,))
    results = run_grid(grid, train, of_columns(drawn(LINKS, 300, 0)), tmp_path / "planted", run)
    cells = {c.dataset: c for c in cells_of(results, resamples=300)}
    assert cells["women short, unpainted"].surely == 1
    assert cells["men long, painted"].surely == -1
    assert len(flips(list(cells.values()), grid.balanced)) == 1
    same = dict.fromkeys(LINKS, Link())
    even = run_grid(grid, train, of_columns(drawn(same, 300, 4)), tmp_path / "same", run)
    assert flips(cells_of(even, resamples=300), grid.balanced) == []


def test_training_without_torch_is_refused_with_the_command_to_install(monkeypatch):
    import sys

    from mien.cli.eval.disparity import _trainer

    monkeypatch.delitem(sys.modules, "mien.systems.gender_disparity.train", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MienError, match=r"pip install 'mien\[train\]'"):
        _trainer()
