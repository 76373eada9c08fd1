"""Readers of published data sets in their original layout: each takes the unpacked folder.

Nothing is downloaded or written. A reader that finds another layout reports the expected
one.
"""

from mien.datasets.ages import AGES
from mien.datasets.attempts import ATTEMPTS, BONA_FIDE, Attempt, planes_of
from mien.datasets.boxes import BOXES, Boxed, csv_boxes, voc_boxes, wider
from mien.datasets.clips import CLIPS
from mien.datasets.labels import LABELS as OTHERS
from mien.datasets.labels import Labelled
from mien.datasets.micro import MICRO, MicroEvent
from mien.datasets.pairs import PAIRS, unpacked_bin
from mien.datasets.spectra import SPECTRA
from mien.datasets.stills import STILLS, read_births
from mien.datasets.templates import TEMPLATES

LABELS = {
    **OTHERS,
    **AGES,
    **STILLS,
    **SPECTRA,
}  # name that users type -> reader of labelled images in that layout

__all__ = [
    "ATTEMPTS",
    "BONA_FIDE",
    "BOXES",
    "CLIPS",
    "LABELS",
    "MICRO",
    "PAIRS",
    "TEMPLATES",
    "Attempt",
    "Boxed",
    "Labelled",
    "MicroEvent",
    "csv_boxes",
    "planes_of",
    "read_births",
    "unpacked_bin",
    "voc_boxes",
    "wider",
]
