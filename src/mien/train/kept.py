"""Results kept in a run folder under a digest of all that they depend on; others are redone."""

import dataclasses
import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import blake2b
from importlib import import_module
from inspect import getsourcefile
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mien.media import write_bytes

Arrays = Callable[[], Mapping[str, NDArray[Any]]]
Net = TypeVar("Net", bound=nn.Module)


def kept_arrays(place: Path, key: str, make: Arrays) -> dict[str, NDArray[Any]]:
    """Arrays from a file, if it was made under the same key; else they are made, and kept.

    A file of another key is replaced with a warning, and so is a damaged one.

    Args:
        place: .npz in the run folder.
        key: `digest_of` all that the arrays depend on: data, settings and code.
        make: computes them.
    """
    if place.is_file():
        try:
            with place.open("rb") as file, np.load(file) as kept:
                if "key" in kept.files and str(kept["key"]) == key:
                    return {name: kept[name] for name in kept.files if name != "key"}
            why = "was made by other code, settings or data"
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            why = "is damaged"
        warnings.warn(f"{place.name} {why} and is computed again.", stacklevel=2)
    made = dict(make())
    content = BytesIO()
    np.savez(content, key=np.array(key), **made)  # type: ignore[arg-type]
    place.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(place, content.getvalue())
    return made


def kept_network(net: Net, place: Path | None, key: str, make: Callable[[], nn.Module]) -> Net:
    """A network with weights from a file, if they were made under the same key; else trained.

    Args:
        net: whose weights are replaced; it is set to evaluation.
        place: .npz in the run folder. None: nothing is kept.
        key: see `kept_arrays`.
        make: trains a network of the same form.
    """

    def weights() -> Mapping[str, NDArray[Any]]:
        return {name: value.numpy() for name, value in make().state_dict().items()}

    found = kept_arrays(place, key, weights) if place else weights()
    net.load_state_dict({name: torch.from_numpy(np.array(v)) for name, v in found.items()})
    return net.eval()


def rendered(recipe: Arrays, place: Path, *settings: Any) -> dict[str, NDArray[Any]]:
    """Arrays made of rendered people: kept until the synthesiser, the recipe or a setting changes.

    Args:
        recipe: renders and returns them. The Python file that defines it is part of the key.
        place: .npz in the run folder.
        settings: what else they depend on: sizes, digests of models, further files as paths.
    """
    return kept_arrays(place, recipe_key(recipe, *settings), recipe)


def recipe_key(recipe: Arrays, *settings: Any) -> str:
    """Digest of all code of mien.synth, the file that defines the recipe, and its settings."""
    function = recipe.func if isinstance(recipe, partial) else recipe
    return digest_of(code_key("mien.synth"), Path(getsourcefile(function) or ""), settings)


def code_key(*packages: str) -> str:
    """Digest of the Python files of packages, tests left out: "mien.synth"."""
    return digest_of(*(code_in(Path(import_module(name).__path__[0])) for name in packages))


def code_in(folder: Path) -> str:
    """Digest of the Python files of a folder, tests left out."""
    files = sorted(p for p in folder.rglob("*.py") if not p.name.startswith("test_"))
    return digest_of(*((p.relative_to(folder).as_posix(), p.read_bytes()) for p in files))


def digest_of(*values: Any) -> str:
    """Digest of arrays, tensors, dataclasses, mappings, sequences and plain values."""
    digest = blake2b(digest_size=16)
    for value in values:
        _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    digest.update(f"<{type(value).__name__}>".encode())
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).view(np.uint8).data if value.size else b"")
    elif isinstance(value, bytes):
        digest.update(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for one in dataclasses.fields(value):
            _feed(digest, (one.name, getattr(value, one.name)))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _feed(digest, (key, inner))
    elif isinstance(value, list | tuple | np.ndarray):
        for inner in value:
            _feed(digest, inner)
    elif callable(value):
        digest.update(f"{value.__module__}.{value.__qualname__}".encode())
    elif isinstance(value, Path):
        _feed(digest, (value.name, value.read_bytes() if value.is_file() else None))
    elif value is None or isinstance(value, str | int | float | np.generic):
        digest.update(repr(value).encode())
    else:
        raise TypeError(f"{type(value).__name__} has no digest; a proof's data need one.")
