"""Tests of the lab need torch; where it is not, each file is skipped with the reason."""

from importlib.util import find_spec

import pytest

if find_spec("torch") and find_spec("lightning_fabric"):
    import torch

    torch.set_num_threads(1)
else:

    class Untrained(pytest.Module):
        def collect(self):
            pytest.skip("training needs torch: pip install 'mien[train]'", allow_module_level=True)

    def pytest_pycollect_makemodule(module_path, parent):
        return Untrained.from_parent(parent, path=module_path)
