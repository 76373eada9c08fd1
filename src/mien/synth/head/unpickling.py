"""Read the arrays of a pickled model without running its code.

Model files of FLAME are pickles of NumPy, SciPy and Chumpy objects. This reader allows a dozen
harmless names and refuses all others. A hostile file ends in an error, and none of its code
runs. The counterpart for torch's checkpoints is mien.zoo.convert.safe_pickle.
"""

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError

LIMIT = 2_000_000_000  # bytes
ARRAYS = {"numpy.core.multiarray", "numpy._core.multiarray"}
SPARSE = {"csc_matrix", "csr_matrix", "csc_array", "csr_array", "coo_matrix"}


class Chumpy:
    """A Chumpy array: its value is the attribute x; everything else is ignored."""

    def __init__(self, *_: Any) -> None:
        self.x: Any = None

    def __setstate__(self, state: Any) -> None:
        self.x = state.get("x") if isinstance(state, dict) else None


class Sparse:
    """A SciPy matrix in compressed form."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in ARRAYS and name in ("_reconstruct", "scalar"):
            return _rebuilt if name == "_reconstruct" else _scalar
        if module == "numpy" and name in ("ndarray", "dtype"):
            return np.ndarray if name == "ndarray" else _dtype
        if (module, name) == ("_codecs", "encode"):  # how Python 2 wrote bytes
            return _bytes
        if module.split(".")[0] == "chumpy":
            return Chumpy
        if module.startswith("scipy.sparse") and name in SPARSE:
            return Sparse
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _rebuilt(kind: Any, shape: Any, code: Any) -> NDArray[Any]:
    """NumPy's _reconstruct, for plain arrays only: an empty array to be filled."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError("it asks for an array of another class")
    return np.ndarray.__new__(np.ndarray, (0,), np.uint8)


def _dtype(code: Any, *_: Any) -> np.dtype[Any]:
    """A type of plain numbers; object types could contain code."""
    text = code.decode() if isinstance(code, bytes) else str(code)
    kind = np.dtype(text)
    if kind.hasobject and text not in ("O", "O8"):
        raise pickle.UnpicklingError(f"it asks for the type {text}")
    return kind


def _scalar(kind: np.dtype[Any], data: bytes = b"") -> Any:
    return np.frombuffer(data, kind)[0]


def _bytes(text: str, coding: str = "latin1") -> bytes:
    if coding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it asks for the coding {coding}")
    return text.encode("latin-1")


def read_pickled(path: Path) -> dict[str, Any]:
    """Entries of a pickled dict: arrays stay arrays, Chumpy and sparse ones become arrays.

    Raises:
        MienError: it cannot be read, or contains a name that is not allowed.
    """
    try:
        if path.stat().st_size > LIMIT:
            raise ValueError(f"it is larger than {LIMIT:,} bytes")
        with path.open("rb") as file:
            found = _Reader(file, encoding="latin1").load()
        if not isinstance(found, dict):
            raise ValueError("it is not a dict")
        return {str(name): _plain(value) for name, value in found.items()}
    except (
        OSError, pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, IndexError,
        AttributeError, UnicodeError, MemoryError, struct.error, ImportError, OverflowError,
    ) as error:  # fmt: skip
        raise MienError(
            f"{path} cannot be read as a pickled model ({error}); none of its code was run. Get "
            "it again from its authors."
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Chumpy):
        return np.asarray(_plain(value.x))
    if isinstance(value, Sparse):
        return _dense(value.state)
    return value


def _dense(state: dict[str, Any]) -> NDArray[np.float64]:
    """A dense matrix from a compressed one; the length of indptr shows columns or rows."""
    shape = tuple(int(n) for n in state.get("_shape", ()))
    data, indices, start = (np.asarray(state[k]) for k in ("data", "indices", "indptr"))
    if len(shape) != 2 or int(np.prod(shape)) > 50_000_000:
        raise ValueError(f"a sparse matrix of shape {shape}")
    major = np.repeat(np.arange(len(start) - 1), np.diff(start))
    by_column = len(start) == shape[1] + 1 and (
        shape[0] != shape[1] or bool(indices.size == 0 or indices.max() < shape[0])
    )
    out = np.zeros(shape)
    rows, columns = (indices, major) if by_column else (major, indices)
    np.add.at(out, (rows, columns), data)
    return out
