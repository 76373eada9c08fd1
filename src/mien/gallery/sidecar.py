"""The file beside a large gallery that keeps its search index, so that opening it is fast.

It holds bytes that `mien.gallery.codes` makes of the vectors, the template numbers and the ids of
people; no names. It can be deleted at any time: who opens the gallery for a change writes it again.

Layout, little-endian: a header (FIELDS, the centre (D,) float32, CRC-32 of both), and for each ROWS
templates: numbers (M,) int64, people (M,) int64, scales (M,) float32, shifts (M,) int32, offsets
(M,) float32, codes (D, M) int8, CRC-32 of these as int64. The header has the epoch of the gallery,
a random number that changes whenever rows are removed or regrouped, and whenever this file is
written. So a file that belongs to another gallery, to a backup or to an earlier state is never
used.
"""

import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mien.gallery.codes import Codes
from mien.gallery.index import NOBODY, ROWS, Index, Ints
from mien.types import Floats

Block = tuple[Ints, Ints, Codes]  # template numbers, people, codes

SUFFIX = "-index"
MAGIC = b"mien search 1\n\0\0"
FIELDS = struct.Struct("<16sqqqqdd")  # magic, and those of Header
FIXED = 8 + 8 + 4 + 4 + 4  # bytes per row beside its codes
LARGEST = 1 << 20  # D; a header that says more is damaged


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """What the file begins with."""

    epoch: int  # of the gallery
    last: int  # number of the last template in the file
    count: int  # N
    dimension: int  # D
    error: float  # see Codes
    radius: float
    centre: Floats  # (D,)

    def packed(self) -> bytes:
        """Return its bytes, with their CRC-32."""
        fields = (self.epoch, self.last, self.count, self.dimension, self.error, self.radius)
        data = FIELDS.pack(MAGIC, *fields) + self.centre.astype("<f4").tobytes()
        return data + zlib.crc32(data).to_bytes(4, "little")

    def rows(self, first: int) -> int:
        """Return the number of rows of the block that begins with this row."""
        return min(ROWS, self.count - first)

    def place(self, first: int) -> int:
        """Return the position of the block that begins with this row."""
        start = FIELDS.size + 4 * self.dimension + 4
        return start + first * (FIXED + self.dimension) + -(-first // ROWS) * 8

    def size(self, first: int) -> int:
        """Return the bytes of the block that begins with this row."""
        return self.rows(first) * (FIXED + self.dimension) + 8

    def block(self, data: bytearray, first: int) -> Block | None:
        """Return the rows of a block, writable; None if the block is damaged."""
        rows, whole = self.rows(first), memoryview(data)
        if len(data) != self.size(first):
            return None
        if zlib.crc32(whole[:-8]) != int.from_bytes(whole[-8:], "little"):
            return None

        def taken(kind: str, start: int, count: int = rows) -> NDArray[Any]:
            found = np.frombuffer(data, dtype=kind, count=count, offset=start * rows)
            return found.astype(found.dtype.newbyteorder("="), copy=False)

        values = taken("i1", FIXED, rows * self.dimension).reshape(self.dimension, rows)
        codes = Codes(
            values, taken("<f4", 16), taken("<i4", 20), taken("<f4", 24), self.error, self.radius
        )
        return taken("<i8", 0), taken("<i8", 8), codes


class Sidecar:
    """The index file of one gallery."""

    def __init__(self, gallery: Path) -> None:
        self.path = gallery.with_name(gallery.name + SUFFIX)
        self._part = gallery.with_name(gallery.name + SUFFIX + ".part")
        self._gallery = gallery

    def epoch(self) -> int | None:
        """Return the epoch that the file belongs to; None if there is no file or no such header."""
        header = self._header()
        return header.epoch if header else None

    def last(self) -> int:
        """Return the number of the last template in the file; 0 if there is none."""
        header = self._header()
        return header.last if header else 0

    def load(self, epoch: int, last: int, dimension: int | None) -> tuple[Index, int] | None:
        """Read the index, and the number of its last template.

        Returns:
            None if the file is missing, damaged, or belongs to another state or gallery.
        """
        header = self._header()
        if header is None or header.epoch != epoch or header.last > last:
            return None
        if header.dimension != dimension:
            return None
        blocks = []
        try:
            with self.path.open("rb") as file:
                for first in range(0, header.count, ROWS):
                    block = read_block(file, header, first)
                    if block is None:
                        return None
                    blocks.append(block)
        except OSError:
            return None
        numbers, people, codes = zip(*blocks, strict=True)
        index = Index(np.concatenate(numbers), np.concatenate(people), codes, header.centre)
        return index, header.last

    def write(self, index: Index, epoch: int, last: int) -> None:
        """Write a draft, which `publish` puts in place.

        Args:
            index: without removed rows, N >= 1.
            epoch: the next epoch of the gallery.
            last: number of its last template; those after it are not in the index.
        """
        header = Header(
            epoch,
            last,
            len(index.ids),
            len(index.centre),
            max(block.error for block in index.blocks),
            max(block.radius for block in index.blocks),
            index.centre,
        )
        mode = self._gallery.stat().st_mode & 0o777  # readable for those who may read the gallery
        with open(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(header.packed())
            for codes, first in zip(index.blocks, range(0, len(index.ids), ROWS), strict=True):
                rows = slice(first, first + len(codes))
                file.write(body(index.ids[rows], index.people[rows], codes))
            synced(file)

    def publish(self) -> None:
        """Put the draft in place of the file."""
        os.replace(self._part, self.path)

    def discard(self) -> None:
        """Wipe the draft, if there is one."""
        wipe(self._part)

    def amend(self, before: int, after: int, moved: Mapping[int, int]) -> None:
        """Overwrite rows in place after a change of the gallery; wipe the file if it is another's.

        Args:
            before: epoch of the gallery before the change.
            after: its epoch now.
            moved: template number -> new person, or NOBODY if the template was removed.
        """
        header = self._header()
        if header is None or header.epoch != before or not self._moved(header, moved):
            wipe(self.path)
            return
        with self.path.open("r+b") as file:
            file.write(replace(header, epoch=after).packed())
            synced(file)

    def _moved(self, header: Header, moved: Mapping[int, int]) -> bool:
        """Overwrite rows; return False if a block of them is damaged."""
        changed = np.array(sorted(moved), dtype=np.int64)
        with self.path.open("r+b") as file:
            for first in range(0, header.count, ROWS) if len(changed) else ():
                file.seek(header.place(first))
                numbers = np.frombuffer(file.read(8 * header.rows(first)), dtype="<i8")
                here = np.flatnonzero(np.isin(numbers, changed))
                if not len(here):
                    continue
                block = read_block(file, header, first)
                if block is None:
                    return False
                numbers, people, codes = block
                people[here] = [moved[int(number)] for number in numbers[here]]
                codes.erase(here[people[here] == NOBODY])
                file.seek(header.place(first))
                file.write(body(numbers, people, codes))
            synced(file)
        return True

    def tidy(self, epoch: int) -> None:
        """Wipe what belongs to another state than that of this epoch, and drafts."""
        if self.epoch() != epoch:
            wipe(self.path)
        self.discard()

    def _header(self) -> Header | None:
        try:
            with self.path.open("rb") as file:
                fields = file.read(FIELDS.size)
                if len(fields) < FIELDS.size or not fields.startswith(MAGIC):
                    return None
                _, epoch, last, count, dimension, error, radius = FIELDS.unpack(fields)
                if not 0 < dimension <= LARGEST or count < 1:
                    return None
                rest = file.read(4 * dimension + 4)
                length = os.fstat(file.fileno()).st_size
        except OSError:
            return None
        if zlib.crc32(fields + rest[:-4]) != int.from_bytes(rest[-4:], "little"):
            return None
        centre = np.frombuffer(rest[:-4], dtype="<f4").astype(np.float32)
        header = Header(epoch, last, count, dimension, error, radius, centre)
        return header if header.place(count) == length else None


def wipe(path: Path) -> None:
    """Overwrite a file with zeros and delete it; no error if it does not exist."""
    try:
        with path.open("r+b") as file:
            left = os.fstat(file.fileno()).st_size
            while left > 0:
                left -= file.write(bytes(min(left, 1 << 20)))
            synced(file)
        path.unlink()
    except FileNotFoundError:
        return


def body(numbers: Ints, people: Ints, codes: Codes) -> bytes:
    """Return the bytes of one block, with their CRC-32."""
    arrays = (
        numbers.astype("<i8"),
        people.astype("<i8"),
        codes.scales.astype("<f4"),
        codes.shifts.astype("<i4"),
        codes.offsets.astype("<f4"),
        codes.values,
    )
    data = b"".join(array.tobytes() for array in arrays)
    return data + zlib.crc32(data).to_bytes(8, "little")


def read_block(file: BinaryIO, header: Header, first: int) -> Block | None:
    """Read the block that begins with this row; None if it is damaged."""
    file.seek(header.place(first))
    return header.block(bytearray(file.read(header.size(first))), first)


def synced(file: BinaryIO) -> None:
    """Wait until what was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())
