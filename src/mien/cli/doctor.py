"""Command that checks the installation: doctor."""

import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated

import typer

from mien.cli.terminal import print_json_line, print_table
from mien.errors import MienError

PARTS = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "av")
EXTRAS = {  # extra -> its modules
    "analyze": ("ai_edge_litert", "pandas", "pyarrow"),
    "heic": ("pillow_heif",),
    "secure": ("cryptography", "keyring"),
    "server": ("fastapi", "uvicorn", "python_multipart"),
    "pgvector": ("psycopg", "psycopg_pool", "pgvector"),
    "milvus": ("pymilvus",),
    "mqtt": ("paho",),
    "ray": ("ray",),
    "clip": ("transformers",),
    "plots": ("matplotlib",),
    "synth": ("numba", "h5py"),
    "train": ("torch", "lightning_fabric", "onnx"),
}
ROOM = 500_000_000  # bytes: the default weights and their source files


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines instead of a table.")
    ] = False,
) -> None:
    """Check the installation: versions, devices, weights, disk space, and one face.

    Example: mien doctor
    """
    checks: dict[str, Callable[[], str]] = {
        "system": lambda: f"{platform.platform()}, Python {platform.python_version()}",
        "mien": lambda: f"{version('mien')} in {sys.prefix}",
        "libraries": lambda: ", ".join(f"{part} {version(part)}" for part in PARTS),
        "extras": extras,
        "processors": processors,
        "weights": weights,
        "disk": disk,
        "licences": licences,
        "outside systems": outside_systems,
        "one face": one_face,
    }
    rows, broken = [], []
    for name, check in checks.items():
        try:
            rows.append([name, "ok", check()])
        except (MienError, OSError, ImportError) as error:
            rows.append([name, "BROKEN", str(error)])
            broken.append(name)
    if as_json:
        for name, state, detail in rows:
            print_json_line({"check": name, "ok": state == "ok", "detail": detail})
    else:
        print_table(["check", "", "found"], rows)
    if broken:
        raise MienError(
            f"These checks failed: {', '.join(broken)}. The table above says what to do."
        )


def extras() -> str:
    """Extras that are installed, and those that are not."""
    found = [name for name, parts in EXTRAS.items() if all(map(find_spec, parts))]
    missing = [name for name in EXTRAS if name not in found]
    absent = f"; not installed: {', '.join(missing)}" if missing else ""
    return (", ".join(found) or "none") + absent


def processors() -> str:
    """Return the devices of ONNX Runtime and the permitted number of threads."""
    from mien.runtime import available, cpu_quota

    return f"{', '.join(available())}; {cpu_quota()} threads"


def weights() -> str:
    """Fetch the default weights if necessary, and verify their hashes."""
    from mien.zoo import DETECTOR, EMBEDDER, damage, fetch, find, home

    for name in (DETECTOR, EMBEDDER):
        card = find(name)
        fetch(card)
        fault = damage(card)
        if fault:
            raise MienError(fault)
    return f"{DETECTOR}, {EMBEDDER}: verified, in {home()}"


def disk() -> str:
    """Check the free space in the folder of the weights."""
    from mien.zoo import home

    place = home()
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free
    if free < ROOM:
        raise MienError(f"{place} has {free / 1e6:.0f} MB free; weights need {ROOM / 1e6:.0f} MB.")
    return f"{free / 1e9:.0f} GB free"


def licences() -> str:
    """Check whether the default weights permit commercial use."""
    from mien.zoo import DETECTOR, EMBEDDER, find

    cards = [find(name) for name in (DETECTOR, EMBEDDER)]
    return ", ".join(f"{card.name}: {card.licence}" for card in cards) + "; all: mien models ledger"


def outside_systems() -> str:
    """List the systems of other distributions; report faults of theirs and of added models."""
    from mien.zoo import faults, outside

    broken = faults()
    if broken:
        raise MienError(" ".join(f"'{f.name}' of {f.distribution}: {f.reason}" for f in broken))
    found = outside()
    found_here = [f"{card.name} of {card.origin.distribution} {card.origin.version}"
            for card in found.cards if card.origin]  # fmt: skip
    return ", ".join(found_here) or "none"


def one_face() -> str:
    """Find and embed the face of the demo's portrait."""
    from mien.evaluate.demo import portraits
    from mien.media import read_image
    from mien.photo import open_pipeline

    path = next(iter(portraits().values()))
    face = open_pipeline().only_face(read_image(path), path.name)
    size = 0 if face.embedding is None else len(face.embedding)
    return f"found in {path.name} with score {face.score:.3f}, embedding of {size} numbers"
