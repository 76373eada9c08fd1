"""The lab: data sets as batches, one training loop, export. The only room that knows torch.

What is made here is used elsewhere as ONNX; nothing that a user runs imports this room.
"""

from mien.train.augment import Augment
from mien.train.batches import Batches
from mien.train.export import export, halved, quantised
from mien.train.loop import fit, seeded

__all__ = ["Augment", "Batches", "export", "fit", "halved", "quantised", "seeded"]
