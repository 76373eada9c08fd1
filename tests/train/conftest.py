"""Tests of the lab need torch; they are left out where it is not."""

from importlib.util import find_spec

if find_spec("torch") and find_spec("lightning_fabric"):
    import torch

    torch.set_num_threads(1)
else:
    collect_ignore_glob = ["test_*.py"]
