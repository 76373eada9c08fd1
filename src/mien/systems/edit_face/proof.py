"""Proof: what edited faces add to a classifier, beside the baselines that usually win.

mien systems prove edit-face --data UTKFACE --out FOLDER
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.align import align
from mien.contracts import Embedder
from mien.media import stretched
from mien.media.skin import UTKFACE_POINTS, cheeks, toned
from mien.metrics import tone_angle
from mien.systems.edit_face.data import SIDE, edited, joined, training_set
from mien.systems.edit_face.model import Classifier
from mien.train import Augment, Batches, adamw, fit, predict_batches, seeded
from mien.train.criteria import Criterion, Found, gain, of
from mien.train.proofs import Part
from mien.train.tones import LARGE, TonedFaces, toned_faces
from mien.types import Face, Floats, OnStep, Pixels
from mien.zoo import EMBEDDER, load

COUNT, RARE = 1200, 0.02  # training faces, and the share of dark skin among them
SEEDS = 3
REAL, WEIGHTED, JITTER = "real faces", "rare faces more often", "brightness and contrast changed"
LAST, EDITED, BOTH = "last layer again, balanced", "edited faces", "edited faces and changed light"
BROKEN, BALANCED = "edited to lighter skin (broken editor)", "real faces, balanced (ceiling)"
SHUFFLED = "labels shuffled (control)"
RIVALS = (REAL, WEIGHTED, JITTER, LAST)
ASKED, NEAR = (-25, 0, 20, 35, 48, 62), 5.0  # degrees that are asked for, and how near counts


@dataclass(frozen=True, slots=True)
class Arm:
    """How one classifier is trained."""

    weighted: bool = False  # rare tones are drawn as often as others
    light: float = 0.0  # largest change of brightness, and of contrast
    last: bool = False  # the last layer is trained again on balanced draws
    edits: str = ""  # "dark" or "light": edited faces are added
    share: float = RARE  # of dark skin among the real faces
    shuffled: bool = False
    epochs: int = 15


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Training and test part of UTKFace."""

    learn: TonedFaces
    test: TonedFaces


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Parts:
    assert data is not None
    return Parts(*toned_faces(data, out, on_step))


def small(images: Pixels) -> Tensor:
    """(N, 128, 128, 3) to (N, 3, 32, 32) uint8."""
    some = np.stack([stretched(image, SIDE) for image in images])
    return torch.from_numpy(some.transpose(0, 3, 1, 2).copy())


def fairness(arm: Arm, seed: int, given: Parts) -> dict[str, float]:
    """Train one classifier, and measure it on real faces by tone and by group, percent."""
    train = training_set(given.learn, COUNT, arm.share, seed)
    if arm.edits:
        more, _ = edited(train, seed, darker=arm.edits == "dark")
        train = joined(train, more)
    net = trained(arm, train, seed)
    test = given.test
    found = predict_batches(net, test.images, lambda x: small(x).float() / 255)
    right = found.argmax(1).numpy() == test.gender
    dark = test.dark
    both = [right[dark].mean(), right[~dark].mean()]
    cells = [right[part & (test.gender == g)].mean() for part in (dark, ~dark) for g in (0, 1)]
    tpr = abs(cells[1] - cells[3])  # women found as women, dark against light
    fpr = abs(cells[0] - cells[2])
    black = test.race == "Black"
    return {name: 100 * float(value) for name, value in {
        "dark": both[0], "light": both[1], "gap": abs(both[1] - both[0]), "worst": min(cells),
        "equalised": max(tpr, fpr), "black": right[black].mean(), "others": right[~black].mean(),
    }.items()}  # fmt: skip


def trained(arm: Arm, train: TonedFaces, seed: int) -> nn.Module:
    """A classifier of gender."""
    seeded(seed)
    net = Classifier()
    x = small(train.images)
    y = torch.from_numpy(train.gender)
    if arm.shuffled:
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]
    dark = torch.from_numpy(train.dark)
    balanced = torch.where(dark, 0.5 / max(int(dark.sum()), 1), 0.5 / int((~dark).sum())).double()
    change = Augment(shift=0.04, light=arm.light, contrast=arm.light)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(model(batch[0]), batch[1])

    weight = balanced if arm.weighted else None
    fit(step, net, Batches(x, y, size=64, seed=seed, change=change, weight=weight),
        adamw(net, 4e-3, 0.05), epochs=arm.epochs, seed=seed)  # fmt: skip
    if arm.last:
        net.trunk.requires_grad_(False)
        features = predict_batches(net.trunk, train.images, lambda x: small(x).float() / 255)
        seeded(seed)
        net.last = nn.Linear(features.shape[1], 2)
        batches = Batches(features, y, size=64, seed=seed, weight=balanced)
        fit(step, net.last, batches, adamw(net.last, 4e-3, 0.1), epochs=20, seed=seed)
    return net.eval()


def editor(broken: bool, seed: int, given: Parts) -> dict[str, float]:
    """How often the editor reaches a tone, and keeps the person and what else is seen."""
    rng = np.random.default_rng([seed, 263])
    some = given.test.rows(rng.choice(len(given.test.images), 200, replace=False))
    wanted = rng.choice(ASKED, len(some.images))
    asked = np.where(broken, rng.permutation(wanted), wanted)
    made = np.stack([toned(x, float(a)) for x, a in zip(some.images, asked, strict=True)])
    off = np.abs([tone_angle(cheeks(x)) for x in made] - wanted)
    embedder: Embedder = load(EMBEDDER)
    before, after = vectors(embedder, some.images), vectors(embedder, made)
    net = trained(Arm(share=0.4), training_set(given.learn, COUNT, 0.4, seed), seed)
    sides = [predict_batches(net, x, lambda i: small(i).float() / 255).argmax(1)
             for x in (some.images, made)]  # fmt: skip
    same = float((sides[0] == sides[1]).float().mean())
    return {"reached": 100 * float((off <= NEAR).mean()), "kept": 100 * same,
            "cosine": float((before * after).sum(1).mean())}  # fmt: skip


def vectors(embedder: Embedder, images: Pixels) -> Floats:
    """(N, D) embeddings of aligned faces; their points are known, so nothing is searched."""
    points = np.array(UTKFACE_POINTS, np.float32) * LARGE
    face = Face(np.array([0, 0, LARGE, LARGE], np.float32), 1.0, points)
    return embedder(np.concatenate([align(image, [face], embedder.crop) for image in images]))


def _share_of_ceiling(found: Found) -> list[float]:
    """Gain by edited faces over the gain of balanced real faces, on faces in dark skin."""
    return [
        (one["dark"] - real["dark"]) / max(top["dark"] - real["dark"], 1e-6)
        for one, real, top in zip(found[EDITED], found[REAL], found[BALANCED], strict=True)
    ]


def _gap_cut(found: Found) -> list[float]:
    return [1 - one["gap"] / max(real["gap"], 1e-6)
            for one, real in zip(found[EDITED], found[REAL], strict=True)]  # fmt: skip


def _light(found: Found) -> list[float]:
    return [one["light"] - real["light"]
            for one, real in zip(found[EDITED], found[REAL], strict=True)]  # fmt: skip


PARTS = (
    Part(
        name="balance",
        title="UTKFace, gender of adults, 2 % of 1,200 training faces in dark skin",
        arms={
            REAL: Arm(), WEIGHTED: Arm(weighted=True), JITTER: Arm(light=0.3),
            LAST: Arm(last=True), EDITED: Arm(edits="dark"),
            BOTH: Arm(edits="dark", light=0.3), BROKEN: Arm(edits="light"),
            BALANCED: Arm(share=0.5), SHUFFLED: Arm(shuffled=True),
        },
        run=fairness,
        shown={"dark": "Right in dark skin, %", "light": "in light skin", "gap": "Gap, points",
               "worst": "Worst of four cells, %", "equalised": "Largest gap of TPR and FPR, points",
               "black": "Labelled Black, %", "others": "others"},
        criteria=(
            Criterion("edited faces: 5 points more in dark skin than real ones, 3 of 3 seeds",
                      gain(EDITED, "dark", REAL), least=5, seeds=SEEDS, digits=1),
            Criterion("not below changed light, 2 of 3 seeds", gain(EDITED, "dark", JITTER),
                      least=0, seeds=2, digits=1),
            Criterion("above the best of four baselines (mean)", gain(EDITED, "dark", RIVALS),
                      least=0, digits=1),
            Criterion("half of what balanced real faces gain", _share_of_ceiling, least=0.5,
                      digits=2),
            Criterion("light skin falls by at most 1 point", _light, least=-1, digits=1),
            Criterion("gap cut by 30 %", _gap_cut, least=0.3, digits=2),
            Criterion("labels shuffled: within 5 points of chance", of(SHUFFLED, "light"),
                      least=45, most=55, digits=1),
        ),
        load=_load,
        needs="UTKFace",
        seeds=SEEDS,
        quick=lambda arm: replace(arm, epochs=2),
        digits=1,
    ),
    Part(
        name="editor",
        title="UTKFace, 200 test faces per seed, six tones",
        arms={"editor": False, "tones mixed up (control)": True},
        run=editor,
        shown={"reached": f"Tone within {NEAR:.0f} degrees, %",
               "kept": "Same predicted gender, %", "cosine": "Cosine to the original"},
        criteria=(
            Criterion("90 % reach the tone", of("editor", "reached"), least=90, digits=1),
            Criterion("90 % keep the predicted gender", of("editor", "kept"), least=90, digits=1),
            Criterion("cosine falls by at most 0.1", of("editor", "cosine"), least=0.9),
            Criterion("tones mixed up: at most 50 % within reach",
                      of("tones mixed up (control)", "reached"), most=50, digits=1),
        ),
        load=_load,
        needs="UTKFace",
        seeds=3,
        digits=3,
    ),
)  # fmt: skip
