"""Read a list of arrays that joblib wrote with LZ4, and run nothing of what the file contains.

joblib and lz4 would do it with 8 MB and `pickle.load`, which runs what a file asks for. Three small
files have this form, those of MTCNN. Sources: LZ4 frame format 1.6.1 and LZ4 block format;
joblib 1.x, `numpy_pickle.NumpyArrayWrapper`: after each wrapper follow one byte with the length of
the padding, the padding, and the values.
"""

import io
import pickle
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from mien.errors import WeightsError

MAGIC = b"\x04\x22\x4d\x18"  # of an LZ4 frame
SIZED, NAMED, SUMMED = 0x08, 0x01, 0x10  # flags: content size, dictionary, sum after each block
PLAIN = 1 << 31  # of the size of a block that is stored as it is
SHORTEST = 4  # bytes of a match


def read_arrays(path: Path) -> list[NDArray[Any]]:
    """The arrays of a file, in their order.

    Raises:
        WeightsError: it is not such a file, or asks for a name that is not harmless.
    """
    try:
        arrays = _Reader(io.BytesIO(decompress(path.read_bytes()))).load()
        if not isinstance(arrays, list) or not all(isinstance(a, np.ndarray) for a in arrays):
            raise ValueError("it holds no list of arrays")
    except (pickle.UnpicklingError, EOFError, KeyError, IndexError, TypeError, ValueError,
            AttributeError) as error:  # fmt: skip
        raise WeightsError(
            f"{path} cannot be read as arrays of joblib ({error}); nothing of it was executed. "
            "Fetch it anew: mien models pull."
        ) from error
    return arrays


def decompress(data: bytes) -> bytes:
    """The content of one LZ4 frame; sums are not tested, since the SHA-256 of the file was."""
    if data[:4] != MAGIC:
        raise ValueError("it does not begin as an LZ4 frame does")
    flags = data[4]
    place = 7 + (8 if flags & SIZED else 0) + (4 if flags & NAMED else 0)
    out = bytearray()
    while size := int.from_bytes(data[place : place + 4], "little"):
        place += 4
        length = size & ~PLAIN
        block = data[place : place + length]
        if len(block) < length:
            raise ValueError("it ends early")
        if size & PLAIN:
            out += block
        else:
            _block(block, out)
        place += length + (4 if flags & SUMMED else 0)
    return bytes(out)


def _block(block: bytes, out: bytearray) -> None:
    """Append one compressed block; its matches may reach back into earlier ones."""
    place = 0
    while place < len(block):
        token = block[place]
        count, place = _length(block, place + 1, token >> 4)
        out += block[place : place + count]
        place += count
        if place >= len(block):  # the last sequence is literals alone
            return
        back = int.from_bytes(block[place : place + 2], "little")
        count, place = _length(block, place + 2, token & 15)
        if not 0 < back <= len(out):
            raise ValueError("a match reaches back too far")
        for _ in range(count + SHORTEST):  # byte by byte: a match may overlap itself
            out.append(out[-back])


def _length(block: bytes, place: int, count: int) -> tuple[int, int]:
    """A count of four bits, and of further bytes if these are all ones; and the next place."""
    if count < 15:
        return count, place
    while True:
        more = block[place]
        count, place = count + more, place + 1
        if more < 255:
            return count, place


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
