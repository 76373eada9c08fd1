"""Training: data sets as batches, one training loop, export. The only package that needs torch.

Trained networks are used elsewhere as ONNX; nothing that a user runs imports this package.
"""

from mien.train.augment import Augment
from mien.train.batches import Batches, ChangedBatches
from mien.train.export import export, halved, quantised
from mien.train.faces import Faces, tensor, unit_tensor
from mien.train.loop import fit, seeded
from mien.train.mitigation import cell_weights, equal_cells, mitigated
from mien.train.optimisers import adamw
from mien.train.pictures import Read, read_clips, read_pictures
from mien.train.predict import predict_batches
from mien.train.splits import folds, group_ids, held_out, leave_one_out, require_classes

__all__ = [
    "Augment",
    "Batches",
    "ChangedBatches",
    "Faces",
    "Read",
    "adamw",
    "cell_weights",
    "equal_cells",
    "export",
    "fit",
    "folds",
    "group_ids",
    "halved",
    "held_out",
    "leave_one_out",
    "mitigated",
    "predict_batches",
    "quantised",
    "read_clips",
    "read_pictures",
    "require_classes",
    "seeded",
    "tensor",
    "unit_tensor",
]
