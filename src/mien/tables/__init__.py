"""Tables of measures: one row per face per frame, with units, models and reasons."""

from mien.tables.columns import GROUPS, REASONS, Column
from mien.tables.engines import require
from mien.tables.foreign import read_libreface, read_openface, read_pyfeat
from mien.tables.parts import Part, joined, part_of, read_part, write_part
from mien.tables.table import Table

__all__ = [
    "GROUPS",
    "REASONS",
    "Column",
    "Part",
    "Table",
    "joined",
    "part_of",
    "read_libreface",
    "read_openface",
    "read_part",
    "read_pyfeat",
    "require",
    "write_part",
]
