"""The house plan, as a test: what each room of src/mien may import."""

import ast
import re
from pathlib import Path

import pytest

import mien

ROOT = Path(mien.__file__).parent
# A room may import only rooms on lines above its own, and itself.
FLOORS = """
    types errors deprecated lazy
    geometry metrics signals
    contracts
    media language zoo runtime
    testing liveness
    detect landmarks align quality embed track body decision datasets tables synth
    behaviour gallery audit
    albums
    systems
    photo
    film
    service
    evaluate export report train compat
    server client
    cli
    pipeline
"""
RANK = {room: rank for rank, line in enumerate(FLOORS.split("\n")) for room in line.split()}
# The torch side of a system; a long proof has parts in files such as films_proof.py.
LAB = re.compile(r"(model|train|data|(\w+_)?proof)\.py")
# Each third-party package has its home; elsewhere it is not known. NumPy may be used anywhere.
HOMES = {
    "scipy": {
        "datasets",
        "metrics",
        "signals",
        "geometry",
        "quality",
        "track",
        "synth",
        "evaluate",
    },
    "cv2": {"media", "signals", "align", "quality", "detect", "synth"},
    "numba": {"synth"},
    "h5py": {"synth"},
    "PIL": {"media"},
    "pillow_heif": {"media"},
    "av": {"media"},
    "onnxruntime": {"runtime"},
    "ai_edge_litert": {"runtime", "zoo"},  # zoo: its schema of .tflite alone
    "flatbuffers": {"zoo"},
    "onnx": {"train"},
    "filelock": {"zoo", "service"},
    "lz4": {"zoo"},
    "platformdirs": {"zoo"},
    "skimage": set(),
    "sklearn": set(),  # proofs of systems only
    "cryptography": {"gallery"},
    "keyring": {"gallery"},
    "psycopg": {"gallery", "server"},
    "psycopg_pool": {"gallery", "server"},
    "pgvector": {"gallery"},
    "pymilvus": {"gallery"},
    "ray": {"photo"},
    "matplotlib": {"report", "cli"},
    "jinja2": {"report"},
    "pandas": {"tables", "compat"},  # compat: what DeepFace.find returns
    "pyarrow": {"tables"},
    "fastapi": {"server", "cli"},
    "starlette": {"server"},
    "pydantic": {"server"},
    "uvicorn": {"server", "cli"},  # cli: asks whether it is installed
    "python_multipart": {"cli"},
    "paho": {"server"},
    "typer": {"cli"},
    "rich": {"cli"},
    "torch": {"train"},
    "transformers": {"train"},
}


def test_the_page_of_the_architecture_has_the_same_floors():
    page = Path(__file__).parent.parent / "docs" / "architecture.md"
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", page.read_text("utf-8"), re.M)
    assert {room: int(floor) for floor, room in rows} == RANK


def files() -> list[Path]:
    return [p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.stem in RANK]


def imports(source: str) -> set[tuple[str, ...]]:
    nodes = list(ast.walk(ast.parse(source)))
    names = [n.module or "." for n in nodes if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    return {tuple(name.split(".")) for name in names}


def breaches(path: Path, source: str) -> list[str]:
    """What a file of src/mien imports that its room may not."""
    room, *rest = path.with_suffix("").parts
    lab = room == "train" or (room == "systems" and bool(LAB.fullmatch(path.name)))
    found = []
    if room not in RANK:
        return [f"{room} is not on the house plan"]
    for package, *inner in imports(source):
        if package == "torch" and not lab:
            found.append("torch; only training code may")
        if package in HOMES and package != "torch" and room not in HOMES[package] and not lab:
            found.append(f"{package}; only {', '.join(sorted(HOMES[package]))} may")
        if package != "mien" or inner[:1] == [room] != ["systems"]:
            continue
        if not inner:
            found += [] if room == "cli" else ["the front door; name the room instead"]
        elif inner[0] == "systems" and room == "systems":
            found += [] if inner[1:2] == rest[:1] else ["a sibling system"]
        elif RANK[inner[0]] >= RANK[room] and not (lab and inner[0] in {"train", "evaluate"}):
            found.append(f"{inner[0]}, which is not on a floor above")
    return found


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_what_its_room_may(path):
    if path.name.startswith("test_"):
        return
    assert breaches(path.relative_to(ROOT), path.read_text("utf-8")) == []


def graph() -> dict[str, set[str]]:
    """Module -> modules that it imports anywhere, for types as well."""
    modules = {".".join(("mien", *p.relative_to(ROOT).with_suffix("").parts)): p for p in files()}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    found = {}
    for name, path in modules.items():
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        pairs = [
            (n.module, a.name) for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names
        ]
        wanted = {f"{m}.{a}" if f"{m}.{a}" in modules else m for m, a in pairs}
        # A package's own names come from its files, so those may not take them from the package.
        found[name] = {one for one in wanted if one in modules and one != name}
    return found


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a loop; empty if there is none."""
    left = {name: set(targets) for name, targets in edges.items()}
    while True:
        done = {name for name, targets in left.items() if not targets}
        if not done:
            return sorted(left)
        left = {name: targets - done for name, targets in left.items() if name not in done}


def test_no_modules_import_each_other_in_a_loop():
    assert circle(graph()) == []


def test_a_loop_is_found():
    assert circle({"a": {"b"}, "b": {"a"}, "c": set(), "d": {"c"}}) == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("detect/x.py", "from mien.photo import Pipeline"),
        ("detect/x.py", "import mien.embed"),
        ("detect/x.py", "import mien"),
        ("detect/x.py", "import torch"),
        ("detect/x.py", "import onnxruntime"),
        ("detect/x.py", "def f():\n    import typer"),
        ("types.py", "from mien.errors import MienError"),
        ("systems/smile/head.py", "from mien.systems.frown import head"),
        ("systems/smile/head.py", "from torch import nn"),
        ("helpers/x.py", "import numpy"),
    ],
)
def test_a_deliberate_breach_is_caught(path, source):
    assert len(breaches(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("detect/x.py", "from mien.runtime import Session\nimport numpy as np\nimport cv2"),
        ("systems/smile/head.py", "from mien.systems.smile import shape"),
        ("systems/smile/train.py", "import torch\nfrom mien.train import loop"),
        ("cli/main.py", "import mien\nimport typer"),
    ],
)
def test_what_the_plan_allows_is_allowed(path, source):
    assert breaches(Path(path), source) == []
