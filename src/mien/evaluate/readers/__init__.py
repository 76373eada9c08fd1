"""Data sets of others in their original layout: each reader takes the folder as it is unpacked.

Nothing is downloaded and nothing is written. A reader that meets another layout says what it
looked for.
"""

from mien.evaluate.readers.ages import AGES
from mien.evaluate.readers.boxes import BOXES, Boxed, csv_boxes, voc_boxes, wider
from mien.evaluate.readers.clips import CLIPS
from mien.evaluate.readers.labels import LABELS as OTHERS
from mien.evaluate.readers.labels import Labelled
from mien.evaluate.readers.pairs import PAIRS, unpacked_bin
from mien.evaluate.readers.templates import TEMPLATES

LABELS = {**OTHERS, **AGES}  # what users type -> reader of labelled pictures in that layout

__all__ = [
    "BOXES",
    "CLIPS",
    "LABELS",
    "PAIRS",
    "TEMPLATES",
    "Boxed",
    "Labelled",
    "csv_boxes",
    "unpacked_bin",
    "voc_boxes",
    "wider",
]
