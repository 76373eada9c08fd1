import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mien

SCRIPT = """
import sys
from pathlib import Path
import torch
from mien.train import Batches, fit, seeded

seeded(0)
torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
x = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
y = x[:, :1] - 2 * x[:, 1:2]
step = lambda model, batch: torch.nn.functional.mse_loss(model(batch[0]), batch[1])
fit(step, model, Batches(x, y, size=16), torch.optim.SGD(model.parameters(), 0.05), epochs=4,
    out=Path(sys.argv[1]), validate=lambda m: {"score": float(m(x[:1]).sum())}, average=0.9)
"""


def run(folder, *launcher):
    script = folder.parent / "script.py"
    script.write_text(SCRIPT)
    source = str(Path(mien.__file__).parent.parent)
    env = {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *launcher, str(script), str(folder)],
                          env=env, capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return torch.load(folder / "checkpoint.pt", weights_only=True)


@pytest.mark.slow
def test_two_processes_train_the_network_that_one_does(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    one, two = run(tmp_path / "one"), run(tmp_path / "two", *launcher)
    assert [r["epoch"] for r in two["history"]] == [1, 2, 3, 4]
    for key in ("model", "average", "best"):
        for name, value in one[key].items():
            assert torch.allclose(value, two[key][name], atol=1e-6), (key, name)
