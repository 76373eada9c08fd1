"""Proof: which branches of A4Net help, and are its attributes those that the formulas measure?

mien systems prove evoked-a4net --data PHOTOGRAPHS --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from mien.errors import ImageError, TrainingError
from mien.media import find_images, read_image, stretched
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.systems.evoked_a4net.drawn import Scenes, draw_scenes
from mien.systems.evoked_a4net.face_crops import (
    LOOSE,
    Pasted,
    exchanged,
    face_figures,
    read_faces,
)
from mien.systems.evoked_a4net.head import BRANCHES, EMOTIONS, LEAST
from mien.systems.evoked_a4net.model import Net
from mien.systems.evoked_a4net.train import (
    Config,
    answers,
    crop_of,
    drawn,
    measured,
    network,
    read_expressions,
)
from mien.train.criteria import Criterion, Found, Values, gain, of
from mien.train.proofs import Part
from mien.types import Doubles, OnStep, Pixels

SEEDS, TEST, PHOTOS = 3, 1000, 400
DARK = 0.4  # gain of the pictures that are darkened
WHOLE, PLAIN, MORE = "A4Net", "emotion loss only", "A4Net, 4,000 images"
JITTER, SHUFFLED, EXACT = "colour jitter", "labels shuffled", "logits linear in the two formulas"
# Classes that the hidden rule derives from each attribute.
NAMED: Mapping[str, tuple[str, ...]] = {
    "colourfulness": ("amusement", "excitement", "sadness"),
    "brightness": ("contentment", "fear"),
    "scene": ("awe", "contentment", "amusement"),
    "face": ("anger", "disgust", "fear", "sadness", "excitement"),
}


def _without(branch: str) -> tuple[str, ...]:
    return tuple(name for name in BRANCHES if name != branch)


ARMS: Mapping[str, tuple[str, Config]] = {
    WHOLE: (WHOLE, Config()),
    PLAIN: (PLAIN, Config(use=())),
    **{f"without {b}": (f"without {b}", Config(use=_without(b))) for b in BRANCHES},
    JITTER: (JITTER, Config(light=0.3)),
    MORE: (MORE, Config(images=4000)),
    EXACT: (EXACT, Config()),
    SHUFFLED: (SHUFFLED, Config()),
}


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Photographs without labels."""

    images: Pixels  # (N, S, S, 3)


def _run(setting: tuple[str, Config], seed: int, photos: Photos) -> dict[str, float]:
    name, config = setting
    learn = draw_scenes(config.images, 2 * seed, config.side)
    test = draw_scenes(config.test, 2 * seed + 1, config.side)
    if name == EXACT:
        return _linear(learn, test)
    if name == SHUFFLED:
        order = np.random.default_rng(seed).permutation(len(learn.emotion))
        learn = replace(learn, emotion=learn.emotion[order])
    net = network(replace(config, seed=seed), learn)
    found = answers(net, test)
    result = measured(found, test)
    faceless = test.rows(np.flatnonzero(test.face < 0))
    before = answers(net, faceless)
    darker = (faceless.images * DARK).round().astype(np.uint8)
    after = answers(net, replace(faceless, images=darker))
    result["darker"] = float((after["attributes"][:, 1] < before["attributes"][:, 1]).mean())
    grim = [_grim(one["logits"]) for one in (before, after)]
    result["darker, more fear or sadness"] = float((grim[1] > grim[0]).mean())
    result |= _on_photos(net, photos)
    result["share of ceiling"] = result["accuracy"] / result["ceiling"]
    return result


def _grim(logits: Any) -> Doubles:
    """(N,) probability of fear or sadness."""
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    rows = [EMOTIONS.index(name) for name in ("fear", "sadness")]
    return np.asarray(shares[:, rows].sum(1))


def _linear(learn: Scenes, test: Scenes) -> dict[str, float]:
    """The baseline: least squares from the two formulas, their squares and product."""

    def inputs(some: Scenes) -> Doubles:
        b, c = some.brightness.astype(float), some.colourfulness.astype(float)
        return np.stack([np.ones_like(b), b, c, b * b, c * c, b * c], 1)

    weight, *_ = np.linalg.lstsq(inputs(learn), np.eye(len(EMOTIONS))[learn.emotion], rcond=None)
    right = (inputs(test) @ weight).argmax(1) == test.emotion
    accuracy = float(right.mean())
    ceiling = float(test.share.max(1).mean())
    return {"accuracy": accuracy, "ceiling": ceiling, "share of ceiling": accuracy / ceiling}


def _most(branch: str) -> Values:
    """By how much more the classes of the branch lose than the others, if it is removed."""

    def each(found: Found) -> list[float]:
        pairs = zip(found[WHOLE], found[f"without {branch}"], strict=True)
        return [_cost(a, b, NAMED[branch]) - _cost(a, b, set(EMOTIONS) - set(NAMED[branch]))
                for a, b in pairs]  # fmt: skip

    return each


def _cost(whole: Mapping[str, float], cut: Mapping[str, float], names: Any) -> float:
    return float(np.mean([whole[f"recall {n}"] - cut[f"recall {n}"] for n in sorted(names)]))


def _photos(data: Path | None, out: Path, on_step: OnStep | None) -> Photos:
    assert data is not None
    paths = sorted(find_images([data]))
    kept = []
    for k in np.linspace(0, len(paths) - 1, min(PHOTOS, len(paths))).round().astype(int):
        try:
            picture = read_image(paths[k])
        except ImageError:
            continue
        if min(picture.shape[:2]) >= LEAST:
            kept.append(stretched(picture, Config().side))
    if len(kept) < 3:
        raise TrainingError(f"{data} holds fewer than three photographs of {LEAST} px or more.")
    return Photos(np.stack(kept))


def _on_photos(net: Net, photos: Photos) -> dict[str, float]:
    """Rank correlation of predicted and computed attributes on photographs."""
    count = len(photos.images)
    none, empty = np.zeros(count, np.int64), np.zeros(count, np.float32)
    some = Scenes(photos.images, none, empty, empty, none - 1, none - 1, none,
                  np.zeros((0, len(EMOTIONS))))  # fmt: skip
    found = answers(net, some)["attributes"]
    return {
        f"photographs, {name}": float(
            spearmanr(found[:, place], [formula(one) for one in photos.images]).statistic
        )
        for place, (name, formula) in enumerate(
            (("colourfulness", colourfulness), ("brightness", brightness))
        )
    }


def _quick(setting: tuple[str, Config]) -> tuple[str, Config]:
    return setting[0], replace(setting[1], images=200, test=100, epochs=1)


def _ceiling(found: Found, loaded: Any) -> Sequence[str]:
    values = [one["ceiling"] for one in found[WHOLE]]
    return (f"The labels are drawn from the hidden rule, so no answer can be right more often than "
            f"{float(np.mean(values)):.3f} on average: the ceiling.",)  # fmt: skip


REAL, REAL_HEAD = "CK+ faces, none cut out", "CK+ faces, expression head"
OTHER = "CK+ faces, those of other pictures, expression head"
CROPS = "drawn faces, branch"
_HEAD, _BRANCH = Config(face_crops="expression"), Config(face_crops="branch")
FACE_ARMS: Mapping[str, tuple[str, Config]] = {
    REAL: (REAL, Config()), REAL_HEAD: (REAL_HEAD, _HEAD), OTHER: (OTHER, _HEAD),
    CROPS: (CROPS, _BRANCH), EXACT: (EXACT, Config()),
}  # fmt: skip


def _with_faces(setting: tuple[str, Config], seed: int, faces: Pasted) -> dict[str, float]:
    """One training on scenes whose faces are drawn, or photographed."""
    name, config = setting
    config = replace(config, seed=seed)
    real = name in (REAL, REAL_HEAD, OTHER)
    learn, test = drawn(config, (faces.learn, faces.test) if real else (None, None))
    if name == EXACT:
        return _linear(learn, test)
    if name == OTHER:
        learn, test = exchanged(learn, seed), exchanged(test, seed)
    net = network(config, learn)
    result = face_figures(measured(answers(net, test), test))
    if config.face_crops and name != OTHER:
        loose = draw_scenes(config.test, 2 * seed + 1, config.side, crop_of(config), LOOSE,
                            faces.test if real else None)  # fmt: skip
        loose = read_expressions(config, loose)
        result["loose"] = measured(answers(net, loose), loose)["accuracy"]
    return result


PARTS = (
    Part(
        name="drawn",
        title="1,000 drawn scenes; 1,500 to learn from",
        arms=ARMS,
        run=_run,
        load=_photos,
        needs="a folder of photographs",
        seeds=SEEDS,
        quick=_quick,
        also=_ceiling,
        shown={
            "accuracy": "accuracy", "share of ceiling": "of the ceiling", "macro F1": "macro F1",
            "brightness error": "brightness, error", "colourfulness error": "colourfulness, error",
            "scene accuracy": "scene", "face F1 from 20 px": "face F1, 20 px",
            "photographs, brightness": "photographs, brightness",
        },
        criteria=(
            Criterion("accuracy not below the emotion loss only", gain(WHOLE, "accuracy", PLAIN),
                      least=0, seeds=3),
            Criterion("mean gain over the emotion loss only at least 0.02",
                      gain(WHOLE, "accuracy", PLAIN), least=0.02),
            Criterion("4,000 images: at least 0.85 of the ceiling", of(MORE, "share of ceiling"),
                      least=0.85),
            Criterion("4,000 images: brightness error at most 0.05", of(MORE, "brightness error"),
                      most=0.05),
            Criterion("4,000 images: colourfulness error at most 0.08",
                      of(MORE, "colourfulness error"), most=0.08),
            Criterion("4,000 images: scene at least 0.90", of(MORE, "scene accuracy"), least=0.9),
            Criterion("4,000 images: face F1 from 20 px at least 0.60",
                      of(MORE, "face F1 from 20 px"), least=0.6),
            *(Criterion(f"without {b}: its classes lose most", _most(b), least=0, seeds=3)
              for b in BRANCHES),
            Criterion("colour jitter raises the error of brightness",
                      gain(WHOLE, "brightness error", JITTER, low=True), least=0, seeds=3),
            Criterion("4,000 images: gain 0.4 lowers brightness in all pictures",
                      of(MORE, "darker"), least=1),
            Criterion("4,000 images: gain 0.4 raises fear or sadness in 80 % without a face",
                      of(MORE, "darker, more fear or sadness"), least=0.8),
            Criterion("4,000 images: brightness of photographs, rank correlation at least 0.9",
                      of(MORE, "photographs, brightness"), least=0.9),
            Criterion("baseline: below A4Net by 0.05", gain(WHOLE, "accuracy", EXACT), least=0.05,
                      seeds=3),
            Criterion("labels shuffled: accuracy at most that of the commonest class (0.30)",
                      of(SHUFFLED, "accuracy"), most=0.3),
        ),
    ),
    Part(
        name="face-crops",
        title="1,000 drawn scenes with faces of 20 to 40 px; 1,500 to learn from",
        arms=FACE_ARMS,
        run=_with_faces,
        load=read_faces,
        needs="a folder with ck48/",
        seeds=SEEDS,
        quick=_quick,
        shown={
            "accuracy": "accuracy", "share of ceiling": "of the ceiling", "macro F1": "macro F1",
            "loose": f"accuracy, boxes {LOOSE:.0%} off", "face F1 from 20 px": "face F1, branch",
            "crop F1": "face F1, crops",
        },
        criteria=(
            Criterion("CK+ faces: the head gains at least 0.02", gain(REAL_HEAD, "accuracy", REAL),
                      least=0.02, seeds=3),
            Criterion("CK+ faces, head: 0.05 above the baseline of two formulas",
                      gain(REAL_HEAD, "accuracy", EXACT), least=0.05, seeds=3),
            Criterion("CK+ faces, head: at least 0.85 of the ceiling",
                      of(REAL_HEAD, "share of ceiling"), least=0.85),
            Criterion("CK+ faces, head: face F1 of the crops at least 0.60",
                      of(REAL_HEAD, "crop F1"), least=0.6),
            Criterion(f"CK+ faces, head, boxes {LOOSE:.0%} off: at most 0.02 lost",
                      lambda found: [one["loose"] - one["accuracy"] for one in found[REAL_HEAD]],
                      least=-0.02),
            Criterion("drawn faces, branch: 0.05 above the baseline of two formulas",
                      gain(CROPS, "accuracy", EXACT), least=0.05, seeds=3),
            Criterion("control: crops of other pictures gain at most 0.02",
                      gain(OTHER, "accuracy", REAL), most=0.02),
        ),
    ),
)  # fmt: skip
