"""Train the network: mien train evoked-a4net --data SET, or on drawn scenes without --data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.metrics import confusion, macro_f1, ranked_precision
from mien.systems.evoked_a4net.data import Faces, read_set
from mien.systems.evoked_a4net.drawn import Photos, Scenes, draw_scenes
from mien.systems.evoked_a4net.faces import CROP_SIDES, cut_faces, expressions_of
from mien.systems.evoked_a4net.head import (
    BRANCHES,
    FACE_GRAPH,
    FACE_OUTPUTS,
    FACES,
    OUTPUTS,
    as_input,
)
from mien.systems.evoked_a4net.model import Net
from mien.train import Augment, Batches, adamw, export, fit, seeded
from mien.train.finish import FURTHER
from mien.types import Floats, OnStep, Pixels
from mien.zoo import DETECTOR, load


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    side: int = 64  # px; 224 in the source
    widths: tuple[int, ...] = (16, 32, 64, 128)  # 96, 192, 384, 768 in the source
    depths: tuple[int, ...] = (3, 1, 2, 1)  # 3, 3, 9, 3 in the source
    size: int = 32  # of the vector of each branch; 128 in the source
    use: tuple[str, ...] = BRANCHES  # branches
    images: int = 1500  # to learn from; 0: all of the data set
    test: int = 1000  # drawn scenes to measure on
    face_crops: str = ""  # what reads detected faces: expression (a shipped head) or branch; "": no
    light: float = 0.0  # of a colour jitter, which falsifies brightness and colourfulness
    epochs: int = 8
    batch: int = 32
    rate: float = 2e-3
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on a labelled set, or on drawn scenes; write out/weights.onnx and measure once."""
    if data is None:
        learn, test = drawn(config)
    else:
        faces = detected_faces(crop_of(config)) if config.face_crops else None
        learn, test = (read_expressions(config, read_set(data, part, config.side, most, on_step,
                                                         faces))
                       for part, most in (("train", config.images), ("test", 0)))  # fmt: skip
    if config.face_crops and (learn.crop_share > 0).sum() < 2:
        raise TrainingError("Fewer than two faces were found in these pictures; train without "
                            "face_crops.")  # fmt: skip
    if test.emotions != learn.emotions:
        raise TrainingError(
            f"The emotions of the training part ({', '.join(learn.emotions)}) are not those of the "
            f"test part ({', '.join(test.emotions)})."
        )
    net = network(config, learn, out, on_step)
    [example] = parts_of(learn.rows(np.arange(min(8, len(learn.emotion)))))
    apart = export(net, out / "weights.onnx", example, outputs=OUTPUTS)
    facts: dict[str, Any] = {}
    if net.crops is not None:
        some = as_faces(torch.from_numpy(learn.crops[learn.crop_share > 0][:8]))
        apart = max(apart, export(net.crops, out / FACE_GRAPH, some, outputs=FACE_OUTPUTS))
        facts = {FURTHER: [FACE_GRAPH], "face_crops": config.face_crops}
    return {"graph differs by": apart, "learnt from": len(learn.emotion), "side": config.side,
            "scenes": learn.scenes, "emotions": learn.emotions, "several": len(learn.several) > 0,
            **facts, **measured(answers(net, test), test)}  # fmt: skip


def drawn(
    config: Config, faces: tuple[Photos | None, Photos | None] = (None, None)
) -> tuple[Scenes, Scenes]:
    """Drawn scenes to learn from and to measure on; other ones for each seed.

    Args:
        config: settings.
        faces: photographs that are pasted into each of the two; None: faces are drawn.
    """
    pairs = zip((config.images, config.test), faces, strict=True)
    learn, test = (
        read_expressions(config, draw_scenes(count, 2 * config.seed + k, config.side,
                                             crop_of(config), photos=photos))
        for k, (count, photos) in enumerate(pairs)
    )  # fmt: skip
    return learn, test


def crop_of(config: Config) -> int:
    """Px of the faces that are cut out; 0: none are.

    Raises:
        TrainingError: the setting names nothing that reads faces.
    """
    if config.face_crops not in ("", *CROP_SIDES):
        raise TrainingError(
            f"face_crops must be one of {', '.join(CROP_SIDES)} or empty, got "
            f"'{config.face_crops}'."
        )
    return CROP_SIDES.get(config.face_crops, 0)


def read_expressions(config: Config, some: Scenes) -> Scenes:
    """Replace the crops by probabilities of the head `expression`, if the settings want them."""
    if config.face_crops != "expression":
        return some
    there = some.crop_share > 0
    found = np.zeros((*there.shape, 7), np.float32)
    found[there] = expressions_of(load("expression"), some.crops[there])
    return replace(some, crops=found)


def detected_faces(side: int) -> Faces:
    """Cut out of a picture what the detector of the platform finds."""
    detector = load(DETECTOR)

    def cut(picture: Pixels) -> tuple[Pixels, Floats]:
        return cut_faces(picture, detector(picture), side)

    return cut


def network(
    config: Config, learn: Scenes, out: Path | None = None, on_step: OnStep | None = None
) -> Net:
    """A trained network, with the mean of each branch over the pictures that it learnt from."""
    seeded(config.seed)
    net = Net(config.widths, config.depths, len(learn.scenes), config.size, config.use,
              emotions=len(learn.emotions), face_crops=config.face_crops)  # fmt: skip
    emotion = learn.several if len(learn.several) else learn.emotion
    columns: tuple[Any, ...] = (learn.images.transpose(0, 3, 1, 2), emotion, learn.colourfulness,
               learn.brightness, learn.scene, learn.face)  # fmt: skip
    if config.face_crops:
        columns = (*columns, learn.crops, learn.crop_share, learn.crop_face)
    change = Augment(flip=0.5, light=config.light, contrast=config.light)
    rows = Batches(*map(torch.from_numpy, map(np.ascontiguousarray, columns)), size=config.batch,
                   seed=config.seed, change=change)  # fmt: skip

    def step(model: nn.Module, batch: Any) -> Tensor:
        inner = model if isinstance(model, Net) else model.module
        assert isinstance(inner, Net)
        return loss(inner, *batch)

    fit(step, net, rows, adamw(net, config.rate, 0.05), epochs=config.epochs, seed=config.seed,
        schedule="one-cycle", clip=1.0, out=out, config=config, on_step=on_step)  # fmt: skip
    with torch.no_grad():
        found = [net.found(*part) for part in inputs_of(net, learn)]
        fused = torch.cat([one.fused for one in found])
        start = fused.shape[1] - net.means.numel()
        net.means.copy_(fused[:, start:].mean(0).view_as(net.means))
        if net.crops is not None:
            net.crops.mean.copy_(torch.cat([one.crops for one in found if one.crops is not None])
                                 .mean(0))  # fmt: skip
    return net


def loss(
    net: Net, x: Tensor, emotion: Tensor, colour: Tensor, bright: Tensor, scene: Tensor,
    face: Tensor, crops: Tensor | None = None, share: Tensor | None = None,
    crop_face: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Cross-entropy of the emotion or emotions, and the losses of the branches that are used."""
    if crops is not None:
        crops = as_faces(crops)
        if crops.ndim == 5:
            mirrored = torch.rand(crops.shape[:2]) < 0.5
            crops = torch.where(mirrored[..., None, None, None], crops.flip(-1), crops)
    found = net.found(x, crops, share)
    parts = (
        F.mse_loss(found.parts[0][:, 0], colour), F.mse_loss(found.parts[1][:, 0], bright),
        0.5 * labelled(found.parts[2], scene), 0.5 * labelled(found.parts[3], face),
    )  # fmt: skip
    used = [part for part, use in zip(parts, net.use, strict=True) if use]
    several = emotion.ndim == 2
    whole = F.binary_cross_entropy_with_logits if several else F.cross_entropy
    if found.faces is not None and crop_face is not None:
        used.append(0.5 * labelled(found.faces.flatten(0, 1), crop_face.flatten()))
    return torch.stack([whole(found.logits, emotion), *used]).sum()


def labelled(logits: Tensor, label: Tensor) -> Tensor:
    """Mean cross-entropy over the rows that have a label (not -1); 0 if none has."""
    total = F.cross_entropy(logits, label, ignore_index=-1, reduction="sum")
    return total / (label >= 0).sum().clamp(min=1)


def parts_of(some: Scenes) -> Sequence[Tensor]:
    """The input of the network, 128 pictures at a time."""
    return torch.from_numpy(as_input(some.images)).split(128)


def inputs_of(net: Net, some: Scenes) -> Iterator[tuple[Tensor, ...]]:
    """Pictures, and where the network reads them the crops and shares of their faces."""
    if net.crops is None:
        yield from ((part,) for part in parts_of(some))
        return
    shares = torch.from_numpy(some.crop_share).split(128)
    crops = torch.from_numpy(some.crops).split(128)
    for part, crop, share in zip(parts_of(some), crops, shares, strict=True):
        yield part, as_faces(crop), share


def as_faces(crops: Tensor) -> Tensor:
    """(..., C, C, 3) grey values -> (..., 3, C, C) in [0, 1]; probabilities stay as they are."""
    return crops.movedim(-1, -3).float() / 255 if crops.dtype == torch.uint8 else crops


@torch.no_grad()
def answers(net: Net, some: Scenes) -> dict[str, Floats]:
    """The outputs of the head; `logits` and `without` with the faces that were cut out.

    With them also `crops`, the expression of the largest face.
    """
    net.eval()
    parts = [net(part) for part in parts_of(some)]
    found = {name: torch.cat([one[k] for one in parts]).numpy() for k, name in enumerate(OUTPUTS)}
    if net.crops is None:
        return found
    seen = [net.crops.pooled(*part) for _, *part in inputs_of(net, some)]
    shift = torch.cat([net.crops.out(pooled) for pooled, _ in seen]).numpy()
    found["logits"], found["without"] = found["logits"] + shift, found["without"] + shift[:, None]
    return found | {"crops": torch.cat([faces[:, 0] for _, faces in seen]).numpy()}


def measured(found: Mapping[str, Floats], some: Scenes) -> dict[str, Any]:
    """Accuracy and macro F1 of the emotion; errors and accuracies of the attributes."""
    result: dict[str, Any] = {
        **(_several(found["logits"], some) if len(some.several) else _one(found["logits"], some)),
        "colourfulness error": _error(found["attributes"][:, 0], some.colourfulness),
        "brightness error": _error(found["attributes"][:, 1], some.brightness),
    }
    known = some.scene >= 0
    if known.any():
        right = found["scene"].argmax(1) == some.scene
        result["scene accuracy"] = float(right[known].mean())
    shown = some.face >= 0
    if shown.any():
        result["face F1"] = _face_f1(found["face"], some, shown)
    large = shown & (some.height >= 20)
    if large.any():
        result["face F1 from 20 px"] = _face_f1(found["face"], some, large)
    if "crops" in found and (known := some.crop_face[:, 0] >= 0).any():
        names = tuple(map(str, range(len(FACES))))
        truth = some.crop_face[known, 0]
        result["crop F1"] = macro_f1(confusion(truth, found["crops"].argmax(1)[known], names))
    if len(some.share):
        result["ceiling"] = float(some.share.max(1).mean())
    return result


def _one(logits: Floats, some: Scenes) -> dict[str, float]:
    """Of one emotion per picture."""
    table = confusion(some.emotion, logits.argmax(1), tuple(map(str, range(len(some.emotions)))))
    recalls = {f"recall {name}": float(row[k] / max(1, row.sum()))
               for k, (name, row) in enumerate(zip(some.emotions, table, strict=True))}  # fmt: skip
    return {"accuracy": float(table.trace() / table.sum()), "macro F1": macro_f1(table), **recalls}


def _several(logits: Floats, some: Scenes) -> dict[str, float]:
    """Of several emotions per picture: mean average precision, and that of a constant answer."""
    there = some.several.any(0)
    each = [ranked_precision(logits[:, k], some.several[:, k]) for k in np.flatnonzero(there)]
    return {"mean average precision": float(np.mean(each)),
            "by a constant answer": float(some.several[:, there].mean())}  # fmt: skip


def _error(predicted: Floats, truth: Floats) -> float:
    return float(np.abs(predicted - truth).mean())


def _face_f1(logits: Floats, some: Scenes, rows: Any) -> float:
    names = tuple(str(k) for k in range(len(FACES)))
    return macro_f1(confusion(some.face[rows], logits.argmax(1)[rows], names))
