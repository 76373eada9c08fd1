"""The lab: data sets as batches, one training loop, export. The only room that knows torch.

What is made here is used elsewhere as ONNX; nothing that a user runs imports this room.
"""

from mien.train.asking import answers
from mien.train.augment import Augment
from mien.train.batches import Batches
from mien.train.export import export, halved, quantised
from mien.train.loop import fit, seeded
from mien.train.optimisers import adamw
from mien.train.pictures import Read, read_clips, read_pictures
from mien.train.splits import folds, held_out, kin, leave_one_out, require_classes

__all__ = [
    "Augment",
    "Batches",
    "Read",
    "adamw",
    "answers",
    "export",
    "fit",
    "folds",
    "halved",
    "held_out",
    "kin",
    "leave_one_out",
    "quantised",
    "read_clips",
    "read_pictures",
    "require_classes",
    "seeded",
]
