"""Read a list of arrays that joblib wrote with LZ4, and run nothing of what the file contains.

joblib would do it with `pickle.load`, which runs what a file asks for. Three small files have this
form, those of MTCNN. Source: joblib 1.x, `numpy_pickle.NumpyArrayWrapper`: after each wrapper
follow one byte with the length of the padding, the padding, and the values.
"""

import io
import pickle
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import lz4.frame
import numpy as np
from numpy.typing import NDArray

from mien.errors import WeightsError


def read_arrays(path: Path) -> list[NDArray[Any]]:
    """Return the arrays of a file, in their order.

    Raises:
        WeightsError: it is not such a file, or asks for a name that is not harmless.
    """
    try:
        arrays = _Reader(io.BytesIO(lz4.frame.decompress(path.read_bytes()))).load()
        if not isinstance(arrays, list) or not all(isinstance(a, np.ndarray) for a in arrays):
            raise ValueError("it holds no list of arrays")
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, IndexError, TypeError,
            ValueError, AttributeError) as error:  # fmt: skip
        raise WeightsError(
            f"{path} cannot be read as arrays of joblib ({error}); nothing of it was executed. "
            "Fetch it anew: mien models pull."
        ) from error
    return arrays


class _Wrapper:
    """What stands before the values of an array."""

    shape: tuple[int, ...]
    order: str
    dtype: np.dtype[Any]
    numpy_array_alignment_bytes: int | None = None

    def read(self, file: io.BytesIO) -> NDArray[Any]:
        if self.order not in ("C", "F") or self.dtype.hasobject:
            raise ValueError("an array is not of plain numbers")
        if self.numpy_array_alignment_bytes is not None:
            file.seek(file.read(1)[0], io.SEEK_CUR)
        count = int(np.prod(self.shape))
        data = file.read(count * self.dtype.itemsize)
        order = cast(Literal["C", "F"], self.order)
        return np.frombuffer(data, self.dtype, count).reshape(self.shape, order=order)


class _Reader(pickle._Unpickler):
    """Reads the values right after their wrapper, as joblib's own reader does."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._values = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Wrapper
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def load_build(self) -> None:
        pickle._Unpickler.dispatch[pickle.BUILD[0]](self)  # type: ignore[arg-type]
        if isinstance(self.stack[-1], _Wrapper):
            self.stack[-1] = self.stack[-1].read(self._values)

    dispatch[pickle.BUILD[0]] = load_build
