"""Unused bytes of the pages of an SQLite file: whether old data remain in them.

Source: sqlite.org/fileformat2.html, sections 1.3 (header), 1.5 (freelist) and 1.6 (b-tree pages).
"""

import os
import struct
from pathlib import Path

from mien.gallery.held import held, read_at

# Kinds of pages. The number of the next page begins one that continues a long row; it is that low
# in files below 64 GB. Inner pages of tables have only numbers of pages and rows.
CONTINUED = 0
NUMBERS, INNER = 5, 2
STORED = (INNER, 10, 13)  # those of indices, and leaves of tables, have rows
HEAD = struct.Struct(">BHHH")  # kind, first free block, number of cells, start of the cells
SMALL = 8192  # two bytes below this number begin with a control character
BLOCK = struct.Struct(">HH")  # next free block, size of this one
TOGETHER = 1024  # pages per read


def has_remains(path: Path) -> bool:
    """Return whether unused space has bytes other than zero, or a page cannot be verified.

    SQLite overwrites a deleted row where it is (`secure_delete`). Remains come from rows that moved
    to another page before. Fragments of up to three bytes are not verified, nor is what follows the
    end of a row that continues on other pages: SQLite hands out pages of zeros for those.
    """
    with held(path) as file:
        size = int.from_bytes(read_at(file, 2, 16), "big")
        size = 65536 if size == 1 else size
        count = os.fstat(file).st_size // size
        free = freelist(file, size, count)
        for start in range(0, count, TOGETHER):
            data = read_at(file, size * min(TOGETHER, count - start), size * start)
            for number in range(start, start + len(data) // size):
                page = data[(number - start) * size : (number - start + 1) * size]
                used = free.get(number)
                if used is not None:
                    dirty = bool(page[used:].strip(b"\0"))
                else:
                    dirty = not clean(page, 100 if number == 0 else 0)
                if dirty:
                    return True
    return False


def clean(page: bytes, start: int) -> bool:
    """Return whether the unused space of one page that is in use is zero."""
    kind, block, cells, content = HEAD.unpack_from(page, start)
    if kind in (NUMBERS, CONTINUED):
        return True
    if kind not in STORED:
        return False  # damaged
    pointers = start + (12 if kind == INNER else 8) + 2 * cells
    left = page[pointers : content or 65536].rstrip(b"\0")
    if left:
        # Offsets of deleted cells stay behind those of the others. They are below the size of a
        # page, as no two letters of a text are, and only one in 16 pairs of bytes of a vector.
        pairs = struct.unpack(f">{(len(left) + 1) // 2}H", left + bytes(len(left) % 2))
        if max(pairs) >= min(len(page), SMALL):
            return False
    while block:
        following, size = BLOCK.unpack_from(page, block)
        if size < BLOCK.size or page[block + BLOCK.size : block + size].strip(b"\0"):
            return False
        if following and following <= block:
            return False  # damaged
        block = following
    return True


def freelist(file: int, size: int, count: int) -> dict[int, int]:
    """Return the free pages, counted from 0, and how many of their first bytes are in use."""
    found: dict[int, int] = {}
    following = int.from_bytes(read_at(file, 4, 32), "big")
    while following and following - 1 not in found and following <= count:
        start = (following - 1) * size
        leaves = min(int.from_bytes(read_at(file, 4, start + 4), "big"), size // 4 - 2)
        found[following - 1] = 8 + 4 * leaves
        listed = struct.unpack(f">{leaves}I", read_at(file, 4 * leaves, start + 8))
        found.update((page - 1, 0) for page in listed)
        following = int.from_bytes(read_at(file, 4, start), "big")
    return found
