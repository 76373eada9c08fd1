"""Proof: do the parts of Conv-cut help, and does it process each face independently?

mien systems prove expression-convcut --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mien.systems.expression_convcut.data import rendered
from mien.systems.expression_convcut.head import CLASSES, SIDE
from mien.systems.expression_convcut.model import SIZES, BatchMixing, ConvCut
from mien.systems.expression_convcut.train import Config, measured, network, probabilities
from mien.train import Faces, seeded, tensor
from mien.train.criteria import Criterion, Found, gain, of
from mien.train.proofs import Part
from mien.train.seed_summary import markdown
from mien.types import OnStep

RAREST = CLASSES.index("disgust")  # of the rendered training faces
WHOLE = "whole ConvNeXt, mean over places"
SHUFFLED = "Conv-cut, labels of training shuffled"
ARMS: Mapping[str, Config] = {
    "Conv-cut": Config(),
    WHOLE: Config(part="full"),
    "no detail block": Config(part="no-detail"),
    "no attention": Config(part="no-attention"),
    "no class weights": Config(weighted=False),
    SHUFFLED: Config(epochs=6),
}
Parts = tuple[Faces, Faces]  # for training, for the test


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Parts:
    return rendered(out / "faces.npz", SIDE, on_step)


def _trained(settings: tuple[str, Config], seed: int, faces: Parts) -> dict[str, float]:
    name, config = settings
    learnt, test = faces
    if name == SHUFFLED:
        label = np.random.default_rng(seed).permutation(learnt.label)
        learnt = Faces(learnt.images, label, learnt.source)
    p = probabilities(network(replace(config, seed=seed), learnt, test, None), test)
    rare = test.label == RAREST
    return {**measured(p, test.label), "rarest": float((p.argmax(1)[rare] == RAREST).mean())}


def _quick(settings: tuple[str, Config]) -> tuple[str, Config]:
    return settings[0], replace(settings[1], epochs=1)


def _also(found: Found, faces: Parts) -> Sequence[str]:
    return _leak(faces[1]), _sizes()


def _leak(test: Faces) -> str:
    """Largest change of a logit between a face alone and in a batch, ours and the defect."""
    seeded(0)
    pixels = tensor(test.images[np.argsort(test.label[:64], kind="stable")])
    differences = []
    for kind in (ConvCut, BatchMixing):
        net = kind(len(CLASSES)).eval()
        with torch.no_grad():
            alone = torch.cat([net(pixels[k : k + 1]) for k in range(len(pixels))])
            differences.append(float((net(pixels) - alone).abs().max()))
    return (
        f"A face alone and in a batch of 64 sorted by class: logits differ by {differences[0]:.1g} "
        "(bar 1e-5); in the variant that attends over the batch, as the published program does, "
        f"by {differences[1]:.2g}."
    )


def _sizes() -> str:
    rows = []
    for size in SIZES:
        cut, full = ConvCut(7, size), ConvCut(7, size, "full")
        count = [sum(p.numel() for p in net.parameters()) for net in (cut, full)]
        rows.append((size, f"{count[0]:,}", f"{count[1]:,}", f"{count[0] / count[1]:.2f}"))
    return markdown(("Size", "Weights of Conv-cut", "of the whole ConvNeXt", "Ratio"), rows)


FIGURES = {"macro F1": "Macro F1", "accuracy": "Accuracy", "rarest": "Recall of the rarest class"}
NEED = 4  # of five seeds
PARTS = (
    Part(
        name="rendered",
        title="Rendered faces",
        arms={name: (name, config) for name, config in ARMS.items()},
        run=_trained,
        shown=FIGURES,
        criteria=(
            Criterion("macro F1 at least 0.70", of("Conv-cut", "macro F1"), least=0.7),
            Criterion("better than the whole ConvNeXt", gain("Conv-cut", "macro F1", WHOLE),
                      least=0, seeds=NEED),
            Criterion("better than without the detail block",
                      gain("Conv-cut", "macro F1", "no detail block"), least=0, seeds=NEED),
            Criterion("better than without attention",
                      gain("Conv-cut", "macro F1", "no attention"), least=0, seeds=NEED),
            Criterion("recall of the rarest class higher than without class weights",
                      gain("Conv-cut", "rarest", "no class weights"), least=0, seeds=NEED),
            Criterion("labels shuffled: macro F1 at chance", of(SHUFFLED, "macro F1"), most=0.2),
        ),
        load=_load,
        quick=_quick,
        also=_also,
    ),
)  # fmt: skip
