import errno
import json
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from mien.errors import DeviceError, TrainingError
from mien.media import read_image
from mien.train import Batches, fit, seeded
from mien.train.loop import factor


@dataclass(frozen=True)
class Config:
    width: int = 8
    name: str = "toy"


def line(seed=0, dropout=0.2):
    """A small network, 96 rows of a problem that it can learn, and an optimiser."""
    seeded(seed)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 1))
    x = torch.randn(96, 4, generator=torch.Generator().manual_seed(1))
    y = x[:, :1] - 2 * x[:, 1:2]
    return model, x, y, torch.optim.AdamW(model.parameters(), 0.02)


def step(model, batch):
    x, y = batch
    return nn.functional.mse_loss(model(x), y)


def trained(out=None, epochs=6, step=step, config=None, seed=0, **options):
    model, x, y, optimiser = line()
    history = fit(step, model, Batches(x, y, size=16, seed=seed), optimiser, epochs=epochs,
                  out=out, config=config, seed=seed, **options)  # fmt: skip
    return history, model.state_dict()


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_and_leaves_the_network_in_eval_mode():
    model, x, y, optimiser = line(dropout=0)
    history = fit(step, model, Batches(x, y, size=16), optimiser, epochs=30)
    assert [row["epoch"] for row in history] == list(range(1, 31))
    assert history[0]["loss"] > 1 > 0.05 > history[-1]["loss"]
    assert not model.training


def test_the_same_seed_gives_the_same_network_and_another_gives_another():
    assert same(trained()[1], trained()[1])
    assert not same(trained()[1], trained(seed=1)[1])


@pytest.mark.slow
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_killed_training_goes_on_to_the_same_result(tmp_path, average):
    options = {
        "average": average,
        "validate": lambda m: {"score": float(next(m.parameters()).sum())},
    }
    whole, weights = trained(tmp_path / "whole", config=Config(), **options)
    left = [16]  # steps until the plug is pulled, in the middle of epoch 3

    def killed(model, batch):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return step(model, batch)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", step=killed, config=Config(), **options)
    again, other = trained(tmp_path / "cut", config=Config(), **options)
    assert same(weights, other)
    strip = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in h] for h in (whole, again)
    ]
    assert strip[0] == strip[1]
    # Started once more there is nothing left to do, and the answer is the same.
    steps = []
    _, third = trained(
        tmp_path / "cut", config=Config(), on_step=lambda *a: steps.append(a), **options
    )
    assert same(third, other)
    assert steps == []


def test_going_on_with_other_settings_is_refused_and_they_are_named(tmp_path):
    trained(tmp_path / "run", config=Config())
    with pytest.raises(TrainingError, match=r"config\.width was 8, is 9; loop\.epochs was 6, is 7"):
        trained(tmp_path / "run", epochs=7, config=Config(width=9))


def test_the_run_folder_tells_what_was_done(tmp_path):
    out = tmp_path / "run"
    history, _ = trained(out, config=Config(), validate=lambda m: {"accuracy": 0.5})
    told = json.loads((out / "config.json").read_text())
    assert told["config"] == {"width": 8, "name": "toy"}
    assert told["loop"]["schedule"] == "one-cycle"
    rows = [json.loads(row) for row in (out / "log.jsonl").read_text().splitlines()]
    assert rows == history
    assert set(rows[0]) == {"epoch", "loss", "rate", "seconds", "accuracy"}
    assert read_image(out / "curves.png").shape[1] > 600
    assert not list(out.glob(".*"))


def test_a_loss_that_is_no_number_stops_and_its_batch_is_kept(tmp_path):
    out = tmp_path / "run"
    _, x, y, _ = line()
    bad = torch.where(torch.arange(96)[:, None] == 50, torch.nan, x)
    model, _, _, optimiser = line()
    with pytest.raises(TrainingError, match=r"epoch 1 is nan; the batch is in .*bad-batch\.pt"):
        fit(step, model, Batches(bad, y, size=96), optimiser, epochs=2, out=out)
    kept = torch.load(out / "bad-batch.pt", weights_only=True)
    assert kept["batch"][0].isnan().any(1).sum() == 1
    assert (kept["epoch"], kept["step"]) == (0, 0)
    model, _, _, optimiser = line()
    with pytest.raises(TrainingError, match="pass a run folder"):
        fit(step, model, Batches(bad, y, size=96), optimiser, epochs=2)


def test_a_full_disk_keeps_the_last_checkpoint_and_the_same_command_goes_on(tmp_path, monkeypatch):
    out, saves = tmp_path / "run", [0]
    real = torch.save

    def full(content, path):
        saves[0] += 1
        if saves[0] == 3:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(content, path)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        TrainingError, match=r"Epoch 3 cannot be saved .*No space left.* again to resume"
    ):
        trained(out)
    assert not list(out.glob(".*"))
    assert torch.load(out / "checkpoint.pt", weights_only=True)["epoch"] == 2
    assert same(trained(out)[1], trained()[1])


def test_a_checkpoint_that_was_cut_off_is_told(tmp_path):
    trained(tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"no archive at all"):
        (tmp_path / "checkpoint.pt").write_bytes(broken)
        with pytest.raises(TrainingError, match=r"cannot be read \(.+\); delete it"):
            trained(tmp_path)


def test_it_stops_early_and_keeps_the_best_epoch():
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    seen = []

    def validate(model):
        seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"accuracy": next(scores)}

    history, weights = trained(validate=validate, patience=2)
    assert [row["accuracy"] for row in history] == [0.1, 0.5, 0.4, 0.3]
    assert same(weights, seen[1])


def test_errors_are_better_low():
    scores = iter([0.3, 0.1, 0.2])
    seen = []

    def validate(model):
        seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"balanced error": next(scores)}

    assert same(trained(epochs=3, validate=validate)[1], seen[1])


def test_the_average_of_weights_by_hand():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    weights = []

    def toy(model, batch):
        weights.append(float(model.weight.detach()))
        return model(batch[0]).mean()

    rows = Batches(torch.ones(2, 1), size=1)
    fit(toy, model, rows, torch.optim.SGD(model.parameters(), 0.1), epochs=1, schedule="constant",
        average=0.5)  # fmt: skip
    # Gradient 1, so 1, 0.9, 0.8. Decays are min(0.5, 1/10) and min(0.5, 2/11).
    first = 0.1 * 1 + 0.9 * 0.9
    assert weights == pytest.approx([1, 0.9])
    assert model.weight.item() == pytest.approx(2 / 11 * first + 9 / 11 * 0.8)


def test_schedules_by_hand():
    assert [factor("cosine", k, 4) for k in range(4)] == pytest.approx(
        [1, 0.853553, 0.5, 0.146447], abs=1e-6
    )
    assert factor("one-cycle", 0, 100) == pytest.approx(0.04)
    assert factor("one-cycle", 15, 100) == pytest.approx(0.52)
    assert factor("one-cycle", 30, 100) == 1
    assert factor("one-cycle", 65, 100) == pytest.approx(0.5)
    assert factor("constant", 9, 10) == 1
    with pytest.raises(TrainingError, match="no schedule 'x'"):
        factor("x", 50, 100)


def test_clipping_bounds_the_step():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    steep, rows = (lambda m, b: 100 * m(b[0]).mean()), Batches(torch.ones(1, 1), size=1)
    descent = torch.optim.SGD(model.parameters(), 1.0)
    fit(steep, model, rows, descent, epochs=1, schedule="constant", clip=0.5)
    assert model.weight.item() == pytest.approx(-0.5, abs=1e-5)


def test_mixed_precision_learns_as_well_and_the_weights_stay_whole():
    seeded(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
    y = torch.arange(64) % 2
    x = torch.rand(64, 3, 8, 8) * 0.5 + y[:, None, None, None] * 0.5
    kinds = set()

    def bf16(model, batch):
        hook = model.module[0].register_forward_hook(lambda m, i, o: kinds.add(o.dtype))
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        hook.remove()
        return loss

    history = fit(bf16, model, Batches(x, y, size=16), torch.optim.AdamW(model.parameters(), 0.02),
                  epochs=12, precision="bf16")  # fmt: skip
    assert kinds == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert history[-1]["loss"] < 0.3 < history[0]["loss"]


def test_a_device_that_is_not_there_is_never_replaced():
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(
        DeviceError, match=r"Device 'cuda' is not available; this machine trains on cpu"
    ):
        trained(device="cuda")


def test_a_loader_of_torch_works_as_well():
    model, x, y, optimiser = line()
    rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), 16, shuffle=True)
    history = fit(step, model, rows, optimiser, epochs=3)
    assert history[-1]["loss"] < history[0]["loss"]
    empty = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x[:3], y[:3]), 16, drop_last=True
    )
    with pytest.raises(TrainingError, match="no batch"):
        fit(step, model, empty, optimiser, epochs=1)
