"""Read the arrays of a torch checkpoint without torch and without running its code.

A checkpoint is a pickle, and a pickle is a program. This reader allows four harmless names and
refuses all others. A hostile file ends in an error, and none of its code runs.
"""

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mien.errors import WeightsError

MAGIC = 0x1950A86A20F9469CFC6C  # first object of the format that torch wrote before 1.6
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8", "DoubleStorage": "<f8"}
Arrays = dict[str, NDArray[Any]]


def read_checkpoint(path: Path, key: str | None = None) -> Arrays:
    """Arrays of a checkpoint in torch's format from before 1.6, by name.

    Args:
        path: the file.
        key: the entry of the checkpoint that holds the arrays ("net_state_dict"); None: the
            checkpoint is the arrays.

    Raises:
        WeightsError: it is not such a file, or contains a name that is not allowed.
    """
    try:
        with path.open("rb") as file:
            return _read(file, key)
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, struct.error) as error:
        raise WeightsError(
            f"{path} cannot be read as a torch checkpoint ({error}); none of its code was run. "
            "Fetch it again: mien models pull."
        ) from error


def _read(file: BinaryIO, key: str | None) -> Arrays:
    if _Reader(file).load() != MAGIC:
        raise ValueError("the first object is not torch's mark")
    for _ in ("version of the format", "sizes of the machine that wrote it"):
        _Reader(file).load()
    reader = _Reader(file)
    saved = reader.load()
    state = saved if key is None else saved[key]
    for name in _Reader(file).load():  # the storages follow in this order
        kind, count = reader.storages[name]
        if struct.unpack("<q", file.read(8))[0] != count:
            raise ValueError(f"storage {name} has another length than announced")
        reader.values[name] = np.frombuffer(file.read(count * np.dtype(kind).itemsize), kind)
    return {label: tensor() for label, tensor in state.items()}


class _Reader(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[str, int]] = {}
        self.values: dict[str, NDArray[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if module == "torch" and name in TYPES:
            return name
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, saved: Any) -> str:
        _, kind, name, _, count, _ = saved
        self.storages[name] = (TYPES[kind], count)
        return str(name)

    def _tensor(
        self, name: str, start: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
    ) -> Callable[[], NDArray[Any]]:
        """The values follow the pickle, so a tensor is a placeholder until then."""

        def keep() -> NDArray[Any]:
            values = self.values[name][start:]
            if shape and strides != tuple(np.cumprod((1, *shape[:0:-1]))[::-1]):
                raise ValueError("a tensor is not laid out row by row")
            return values[: int(np.prod(shape))].reshape(shape)

        return keep
