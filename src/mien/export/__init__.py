"""Export of answers to other programs, from the rows of `mien identify` or from its saved file."""

from mien.export.formats import FORMATS, Done, Wish, export
from mien.export.saved import read_answers

__all__ = ["FORMATS", "Done", "Wish", "export", "read_answers"]
