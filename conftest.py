"""What tests share: toy graphs, the demo's portraits, the default models, the real data."""

import os
import signal
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

settings.register_profile("mien", deadline=None)  # a busy machine is no failure
settings.load_profile("mien")
ROOT = Path(__file__).parent
DATA = Path(os.environ.get("MIEN_DATA", ROOT.parent / "shared" / "data"))


def pytest_configure(config):
    """Make a marker of each system (pytest -m system_expression); let tests be interrupted."""
    # A shell lets its background jobs ignore Ctrl-C, and their children inherit that. Tests of
    # Ctrl-C would then wait for ever.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for card in sorted(ROOT.glob("src/mien/systems/*/card.toml")):
        name = card.parent.name
        config.addinivalue_line("markers", f"system_{name}: tests in the folder of that system")


def pytest_itemcollected(item):
    folder = item.path.parent
    if folder.parent == ROOT / "src" / "mien" / "systems":
        item.add_marker(f"system_{folder.name}")


@pytest.fixture(autouse=True)
def no_opened_runs(monkeypatch):
    """Run folders that a test opens are forgotten after it."""
    monkeypatch.setattr("mien.zoo.runs._opened", {})


@pytest.fixture
def toy(tmp_path):
    """Return make(shape, answers) -> path of a graph that always gives these named answers."""

    def make(shape, answers, kind=T.FLOAT):
        answers = {name: np.asarray(value, np.float32) for name, value in answers.items()}
        graph = h.make_graph(
            [h.make_node("Identity", [f"{name}-const"], [name]) for name in answers],
            "toy",
            [h.make_tensor_value_info("x", kind, shape)],
            [h.make_tensor_value_info(n, T.FLOAT, value.shape) for n, value in answers.items()],
            [numpy_helper.from_array(value, f"{name}-const") for name, value in answers.items()],
        )
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / f"{'-'.join(answers)[:40]}.onnx"
        onnx.save(model, path)
        return path

    return make


@pytest.fixture(scope="session")
def data():
    """The folder of real pictures; skips where it is not there."""
    if not DATA.is_dir():
        pytest.skip(f"MIEN_DATA ({DATA}) is not there; these tests need its real pictures")
    return DATA


@pytest.fixture(scope="session")
def astronaut():
    """A public-domain portrait of Eileen Collins, (512, 512, 3)."""
    from mien.evaluate.demo import portraits
    from mien.media import read_image

    return read_image(portraits()["Eileen Collins"])


@pytest.fixture(scope="session")
def hopper():
    """A public-domain portrait of Grace Hopper, (600, 512, 3)."""
    from mien.evaluate.demo import portraits
    from mien.media import read_image

    return read_image(portraits()["Grace Hopper"])


@pytest.fixture(scope="session")
def mtcnn():
    """The default detector."""
    from mien.zoo import load

    return load("mtcnn")


@pytest.fixture(scope="session")
def embedder():
    """The default embedder."""
    from mien.zoo import EMBEDDER, load

    return load(EMBEDDER)


@pytest.fixture(scope="session")
def models():
    """The folder of weights of others, beside the data; skips where it is not there."""
    folder = DATA.parent / "models"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; these tests need weights that only a network has")
    return folder


@pytest.fixture(scope="module")
def torch():
    """Torch with one thread; tests that train are skipped where it is not installed."""
    torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mien[train]'")
    pytest.importorskip("lightning_fabric")
    torch.set_num_threads(1)
    return torch


@pytest.fixture(scope="module")
def lab(torch, request):
    """The lab files of the system in whose folder the test stands: data, train, model."""
    names = ("data", "train", "model")
    folder = f"mien.systems.{request.path.parent.name}"
    return SimpleNamespace(**{name: import_module(f"{folder}.{name}") for name in names})
