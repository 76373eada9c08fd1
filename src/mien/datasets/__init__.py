"""Data sets of others in their original layout: each reader takes the folder as it is unpacked.

Nothing is downloaded and nothing is written. A reader that meets another layout says what it
looked for.
"""

from mien.datasets.ages import AGES
from mien.datasets.boxes import BOXES, Boxed, csv_boxes, voc_boxes, wider
from mien.datasets.clips import CLIPS
from mien.datasets.labels import LABELS as OTHERS
from mien.datasets.labels import Labelled
from mien.datasets.pairs import PAIRS, unpacked_bin
from mien.datasets.templates import TEMPLATES

LABELS = {**OTHERS, **AGES}  # what users type -> reader of labelled images in that layout

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
