"""Proof: what edited faces add to a classifier, and whether edits reach what was asked for.

mien systems prove edit-face --data UTKFACE --out FOLDER
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.media.skin import cheeks, toned
from mien.metrics import kernel_distance, tone_angle
from mien.systems.edit_face.attributes import contradictory, parsed
from mien.systems.edit_face.data import (
    Examples,
    edited,
    examples,
    joined,
    training_set,
)
from mien.systems.edit_face.editing import LearnedEdits
from mien.systems.edit_face.model import Classifier, Editor, Edits, Jury, small
from mien.systems.edit_face.train import (
    DEFAULT,
    JURY,
    ONCE,
    Config,
    as_edits,
    autoencoder,
    edits_of,
    jury_of,
)
from mien.train import Augment, Batches, adamw, fit, predict_batches, seeded
from mien.train.criteria import Criterion, Found, gain, of, spread
from mien.train.identity import embedded
from mien.train.kept import code_key, digest_of, kept_network
from mien.train.mitigation import equal_cells
from mien.train.perceptual import UNMEASURED, lpips_of, weights_in
from mien.train.proofs import Part
from mien.train.tones import TonedFaces, toned_faces
from mien.types import Doubles, OnStep, Pixels
from mien.zoo import EMBEDDER, load

COUNT, RARE = 1200, 0.02  # training faces, and the share of dark skin among them
SEEDS = 3
REAL, WEIGHTED, JITTER = "real faces", "rare faces more often", "brightness and contrast changed"
LAST, EDITED, BOTH = "last layer again, balanced", "edited faces", "edited faces and changed light"
BROKEN, BALANCED = "edited to lighter skin (broken editor)", "real faces, balanced (ceiling)"
BY_GAN, BY_VECTOR = "edited faces, mode gan", "edited faces, mode vector"
SHUFFLED = "labels shuffled (control)"
FORMULA, GAN, VECTOR = "formula", "gan", "vector"
MIXED = "formula, tones mixed up (control)"
UNCHANGED, NAMELESS = "gan, nothing changed (control)", "vector, labels shuffled (control)"
LEARNT = tuple(rule.partition(":")[0] for rule in DEFAULT)
OWN, PLAIN = Config(), Config(mode="vector")
FEW = Config(attributes=DEFAULT[:1], warm=20, steps=200, jury=0)  # of the faces of a classifier
TESTED = 160  # faces
MEMBERS, EPOCHS, JUDGE = 2, 15, 1000  # classifiers that judge edits, and what is added to the seed
RIVALS = (REAL, WEIGHTED, JITTER, LAST)
ASKED, NEAR = (-25, 0, 20, 35, 48, 62), 5.0  # degrees that are asked for, and how near counts


@dataclass(frozen=True, slots=True)
class Arm:
    """How one classifier is trained."""

    weighted: bool = False  # rare tones are drawn as often as others
    light: float = 0.0  # largest change of brightness, and of contrast
    last: bool = False  # the last layer is trained again on balanced draws
    edits: str = ""  # "dark" or "light": edited faces are added
    editor: Config | None = None  # learns from the same real faces; None: a formula edits
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


def fairness(arm: Arm, seed: int, given: Parts) -> dict[str, float]:
    """Train one classifier, and measure it on real faces by tone and by group, percent."""
    train = training_set(given.learn, COUNT, arm.share, seed)
    if arm.edits:
        edit = learnt_tone(arm.editor, train, seed) if arm.editor else toned
        more, _ = edited(train, seed, darker=arm.edits == "dark", edit=edit)
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


def learnt_tone(config: Config, train: TonedFaces, seed: int) -> Callable[[Pixels, float], Pixels]:
    """Changes of tone by an editor that saw the training set of the classifier, and no more."""
    some = Examples(train.images, train.angle, train.gender[:, None].astype(bool))
    net, _ = edits_of(replace(config, seed=seed), some)
    return as_edits(net, LEARNT[:1], np.zeros((1, 1), np.float32)).toned


def trained(arm: Arm, train: TonedFaces, seed: int) -> nn.Module:
    """A classifier of gender."""
    seeded(seed)
    net = Classifier()
    x = small(train.images)
    y = torch.from_numpy(train.gender)
    if arm.shuffled:
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]
    balanced = torch.from_numpy(equal_cells(train.dark))
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


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Faces of all ages with attributes, and where trained networks are kept."""

    learn: Examples
    test: Examples
    out: Path | None = None
    lpips: Path | None = None  # weights, if the user gave some


@dataclass(frozen=True, slots=True)
class Way:
    """How faces are edited."""

    config: Config | None = None  # None: the formula
    strength: float = 1.0  # of changes; 0: control
    mixed: bool = False  # control: another face's tone is asked for
    shuffled: bool = False  # control: the labels are another face's


def _sets(data: Path | None, out: Path, on_step: OnStep | None) -> Sets:
    assert data is not None
    learn, test = examples(data, out, parsed(DEFAULT), on_step=on_step)
    return Sets(learn, test, out, weights_in(out))


def editor_of(way: Way, seed: int, given: Sets) -> LearnedEdits:
    """The editor of a seed; its weights are kept in the run folder."""
    assert way.config
    config, learn = replace(way.config, seed=seed), given.learn
    if way.shuffled:
        order = np.random.default_rng([seed, 431]).permutation(len(learn.has))
        learn = Examples(learn.images, learn.angle, learn.has[order])
    contrary = contradictory(given.learn.has, ONCE)
    start, plain = Editor(len(contrary)), replace(config, mode="vector")
    _kept(start, f"autoencoder-{seed}", (config.warm, config.seed), given,
          lambda: autoencoder(plain, given.learn))  # fmt: skip
    guide = _jury("guide", config.jury, config.jury_epochs, seed, JURY, given)
    net = Edits(Editor(len(contrary)), torch.from_numpy(contrary), guide, config.margin)
    name = f"{config.mode}-{'shuffled-' if way.shuffled else ''}{seed}"
    _kept(net, name, (asdict(config), way.shuffled), given,
          lambda: edits_of(config, learn, editor=start, jury=guide)[0])  # fmt: skip
    return as_edits(net, LEARNT, contrary)


def judge_of(seed: int, given: Sets) -> Callable[[Pixels], np.ndarray]:
    """Which attributes (N, K) classifiers see, with which no editor was trained."""
    net = _jury("judge", MEMBERS, EPOCHS, seed, JUDGE, given)
    assert net
    return lambda images: predict_batches(net, images, lambda x: small(x).float() / 255).numpy() > 0


def _jury(name: str, members: int, epochs: int, seed: int, offset: int, given: Sets) -> Jury | None:
    """Classifiers that learn from the true labels; their weights are kept in the run folder."""
    if not members:
        return None
    net = Jury(given.learn.has.shape[1], members)
    _kept(net, f"{name}-{seed}", (members, epochs, offset), given,
          lambda: jury_of(given.learn, members, epochs, seed + offset))  # fmt: skip
    return net


def _kept(
    net: nn.Module, name: str, settings: object, given: Sets, make: Callable[[], nn.Module]
) -> None:
    """Load the weights of a network from the run folder; train it first, if they are missing."""
    key = digest_of(code_key("mien.systems.edit_face"), settings, given.learn)
    kept_network(net, given.out and given.out / f"{name}.npz", key, make)


def tones(way: Way, seed: int, given: Sets) -> dict[str, float]:
    """How often an editor reaches a tone, and keeps the person and what else is seen."""
    rng = np.random.default_rng([seed, 263])
    rows = rng.permutation(len(given.test.images))
    some, others = given.test.rows(rows[:TESTED]), given.test.rows(rows[TESTED : 4 * TESTED])
    wanted = rng.choice(ASKED, len(some.images))
    asked = np.where(way.mixed, rng.permutation(wanted), wanted)
    edit = editor_of(way, seed, given).toned if way.config else toned
    made = np.stack([edit(x, float(a)) for x, a in zip(some.images, asked, strict=True)])
    off = np.abs(_angles(made) - wanted)
    judge, embedder = judge_of(seed, given), load(EMBEDDER)
    before, after = embedded(embedder, some.images), embedded(embedder, made)
    found = {
        "reached": 100 * float((off <= NEAR).mean()),
        "kept": 100 * float((judge(some.images) == judge(made)).mean()),
        "cosine": float((before * after).sum(1).mean()),
        "kid": 1000 * kernel_distance(after, embedded(embedder, others.images)),
    }
    return found | _lpips(given, made, some.images)


def changes(way: Way, seed: int, given: Sets) -> dict[str, float]:
    """How often attributes that are added or removed are seen, and what else changes."""
    rng = np.random.default_rng([seed, 269])
    rows = rng.permutation(len(given.test.images))
    some, others = given.test.rows(rows[:TESTED]), given.test.rows(rows[TESTED:])
    edits, judge, embedder = editor_of(way, seed, given), judge_of(seed, given), load(EMBEDDER)
    before, seen = embedded(embedder, some.images), judge(some.images)
    real = embedded(embedder, others.images)
    reached: dict[str, float] = {}
    kept, cosines, distances, apart, tone = [], [], [], [], []
    for k, name in enumerate(LEARNT):
        change = np.zeros((len(some.images), len(LEARNT)), np.float32)
        change[:, k] = np.where(some.has[:, k], -1, 1) * way.strength
        made = edits.edited(some.images, change)
        after, vectors = judge(made), embedded(embedder, made)
        reached[name] = 100 * float((after[:, k] != some.has[:, k]).mean())
        free = [j for j in range(len(LEARNT)) if j != k and not edits.contrary[k, j]]
        kept.append((after[:, free] == seen[:, free]).mean())
        cosines.append((before * vectors).sum(1).mean())
        distances += [kernel_distance(vectors[some.has[:, k] != side],
                                      real[others.has[:, k] == side])
                      for side in (True, False)]  # fmt: skip
        apart.append(_lpips(given, made, some.images))
        tone.append(np.nanmean(np.abs(_angles(made) - some.angle)))
    found = {"reached": float(np.mean([*reached.values()])), **reached,
             "kept": 100 * float(np.mean(kept)), "cosine": float(np.mean(cosines)),
             "kid": 1000 * float(np.mean(distances)), "tone": float(np.mean(tone))}  # fmt: skip
    if given.lpips:
        found["lpips"] = float(np.mean([one["lpips"] for one in apart]))
    return found


def _angles(images: Pixels) -> Doubles:
    return np.array([tone_angle(cheeks(image)) for image in images])


def _lpips(given: Sets, made: Pixels, images: Pixels) -> dict[str, float]:
    found = lpips_of(given.lpips, made, images)
    return {} if found is None else {"lpips": found}


def _perceptual(found: Found, given: Sets) -> Sequence[str]:
    """What LPIPS says, or that nobody gave weights for it."""
    if given.lpips is None:
        return [f"LPIPS to the original: {UNMEASURED}, since the run folder holds no weights."]
    each = [f"{arm} {spread([one['lpips'] for one in every])}" for arm, every in found.items()]
    return [f"LPIPS to the original: {'; '.join(each)}."]


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


def _shorter(config: Config | None) -> Config | None:
    return config and replace(config, warm=1, steps=5, jury_epochs=1)


def _quick_arm(arm: Arm) -> Arm:
    return replace(arm, epochs=2, editor=_shorter(arm.editor))


def _quick(way: Way) -> Way:
    return replace(way, config=_shorter(way.config))


def _bars(reach: str, keep: str, *arms: str) -> list[Criterion]:
    """The three criteria of an editor, for each arm."""
    rows = ((f"90 % {reach}", "reached", 90, 1), (f"90 % {keep}", "kept", 90, 1),
            ("cosine falls by at most 0.1", "cosine", 0.9, 3))  # fmt: skip
    return [Criterion(f"{arm}: {text}", of(arm, key), least=least, digits=digits)
            for arm in arms for text, key, least, digits in rows]  # fmt: skip


COLUMNS = {"dark": "Right in dark skin, %", "light": "in light skin", "gap": "Gap, points",
           "worst": "Worst of four cells, %", "equalised": "Largest gap of TPR and FPR, points",
           "black": "Labelled Black, %", "others": "others"}  # fmt: skip

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
        shown=COLUMNS,
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
        quick=_quick_arm,
        digits=1,
    ),
    Part(
        name="learnt",
        title="The same test; editors that saw the same 1,200 faces and no more",
        arms={REAL: Arm(), JITTER: Arm(light=0.3), EDITED: Arm(edits="dark"),
              BY_GAN: Arm(edits="dark", editor=FEW),
              BY_VECTOR: Arm(edits="dark", editor=replace(FEW, mode="vector")),
              BALANCED: Arm(share=0.5)},
        run=fairness,
        shown=COLUMNS,
        criteria=(*(Criterion(f"{arm}: {text}", values, least=least, seeds=seeds, digits=1)
              for arm in (BY_GAN, BY_VECTOR)
              for text, values, least, seeds in (
                  ("5 points more in dark skin than real faces, 3 of 3 seeds",
                   gain(arm, "dark", REAL), 5, SEEDS),
                  ("not below changed light, 2 of 3 seeds", gain(arm, "dark", JITTER), 0, 2),
                  ("not below the formula (mean)", gain(arm, "dark", EDITED), 0, 0),
                  ("light skin falls by at most 1 point", gain(arm, "light", REAL), -1, 0))),),
        load=_load, needs="UTKFace", seeds=SEEDS, quick=_quick_arm, digits=1,
    ),
    Part(
        name="editor",
        title=f"UTKFace, {TESTED} test faces per seed, six tones",
        arms={FORMULA: Way(), GAN: Way(OWN), VECTOR: Way(PLAIN), MIXED: Way(mixed=True)},
        run=tones,
        shown={"reached": f"Tone within {NEAR:.0f} degrees, %",
               "kept": "Same predicted attributes, %", "cosine": "Cosine to the original",
               "kid": "Kernel distance to real faces, x 1,000"},
        criteria=(
            *_bars("reach the tone", "keep the predicted attributes", FORMULA, GAN, VECTOR),
            Criterion("gan: a lower kernel distance than the formula, 3 of 3 seeds",
                      gain(GAN, "kid", FORMULA, low=True), least=0, seeds=SEEDS),
            Criterion("tones mixed up: at most 50 % within reach", of(MIXED, "reached"), most=50,
                      digits=1),
        ),
        load=_sets, needs="UTKFace", seeds=SEEDS, quick=_quick, also=_perceptual,
        digits={"cosine": 3, "kid": 3},
    ),
    Part(
        name="attributes",
        title=f"UTKFace, {TESTED} test faces per seed, one attribute added or removed",
        arms={GAN: Way(OWN), VECTOR: Way(PLAIN), UNCHANGED: Way(OWN, strength=0),
              NAMELESS: Way(PLAIN, shuffled=True)},
        run=changes,
        shown={"reached": "Reached, mean, %", **{name: name for name in LEARNT},
               "kept": "Other attributes kept, %", "cosine": "Cosine to the original",
               "tone": "Change of tone, degrees", "kid": "Kernel distance, x 1,000"},
        criteria=(
            *_bars("reach the attribute", "keep each other attribute", GAN, VECTOR),
            Criterion("gan: a lower kernel distance than vector, 3 of 3 seeds",
                      gain(GAN, "kid", VECTOR, low=True), least=0, seeds=SEEDS),
            Criterion("nothing changed: at most 25 % reached", of(UNCHANGED, "reached"), most=25,
                      digits=1),
            Criterion("labels shuffled: at most 25 % reached", of(NAMELESS, "reached"), most=25,
                      digits=1),
        ),
        load=_sets, needs="UTKFace", seeds=SEEDS, quick=_quick, also=_perceptual,
        digits={"cosine": 3, "kid": 3},
    ),
)  # fmt: skip
