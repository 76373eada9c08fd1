"""Train an editor of attributes and tone: mien train edit-face --data utkface --out runs/edit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.align import matrix
from mien.embed.dlib import SIDE as CHIP
from mien.embed.dlib import DlibEmbedder
from mien.errors import TrainingError
from mien.media.skin import utkface_face
from mien.systems.edit_face.attributes import contradictory, parsed
from mien.systems.edit_face.data import Examples, examples
from mien.systems.edit_face.editing import FACTS, LearnedEdits, packed
from mien.systems.edit_face.model import (
    RANGE,
    Classifier,
    Critic,
    Editor,
    Edits,
    Jury,
    shading,
    small,
    steps_of,
    tone_of,
)
from mien.train import Augment, Batches, adamw, export, fit, predict_batches, seeded
from mien.train.adversarial import Game, Pace, hinge, play
from mien.train.tones import LARGE
from mien.train.trunk import FrozenRecogniser
from mien.types import Doubles, Floats, OnStep

DEFAULT = ("female:gender=female", "child:age<=12", "senior:age>=60",
           "smiling:expression=happiness")  # fmt: skip
ONCE = 20  # faces with two attributes at least, before "never together" means anything
WANTED = (-40.0, 68.0)  # degrees of ITA that are asked for in the training
SEEN = Augment(flip=0.5, shift=0.06, light=0.1, contrast=0.1)  # by the critic, arXiv:2006.10738
TOLERANCE = 2e-3  # of pixels in [-1, 1]
JURY, MEMBER = 2000, 100  # what is added to the seed for a jury, and for each of its members
RELATED = 0.1  # correlation from which on a direction is made orthogonal to another
JUDGED = Augment(flip=0.5, shift=0.06, light=0.15, contrast=0.15)  # by the jury
PERSONS = 3  # faces of a batch that the recogniser judges: it is the largest network


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    mode: Literal["gan", "vector"] = "gan"  # vector: directions in the code of an autoencoder
    attributes: tuple[str, ...] = DEFAULT  # NAME:COLUMN=LABEL, or NAME:COLUMN>=NUMBER, or <=
    layout: str = "utkface"  # of --data, see mien.datasets; faces cut as UTKFace cuts them
    warm: int = 6  # epochs of the autoencoder
    steps: int = 400  # adversarial steps (gan)
    batch: int = 32  # faces in a step
    strength: float = 2.5  # times the difference of means by which an attribute moves the code
    jury: int = 2  # classifiers that choose the strength for each face; 0: it is the same for all
    jury_epochs: int = 15
    margin: float = 1.5  # logit at which the jury is convinced
    identity: float = 1.0  # weight of the person's vector (gan)
    attribute: float = 4.0  # weight of the critic's attributes (gan)
    tone: float = 1.0  # weight of the error of the tone, per 10 degrees (gan)
    shading: float = 10.0  # weight of fine luma that a change of tone must keep (gan)
    seed: int = 0  # of weights, order and edits


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train an editor; out/weights.onnx is taken by `mien edit` and `mien synth balance`.

    Args:
        config: settings.
        data: a set of faces with labels, cut as UTKFace cuts them.
        out: run folder.
        on_step: progress.

    Returns:
        What was learnt from, and what the watch of the adversarial loop reported.

    Raises:
        TrainingError: no data, or too few faces with an attribute.
        OptionError: an attribute of another form, or a label that the set lacks.
    """
    attributes = parsed(config.attributes)
    if data is None:
        raise TrainingError("edit-face learns from photographs; give --data UTKFACE, unpacked.")
    learn, test = examples(data, out, attributes, config.layout, on_step)
    net, game = edits_of(config, learn, out, on_step)
    names = [one.name for one in attributes]
    some = packed(test.images[:4], np.ones((4, len(names)), np.float32), test.angle[:4],
                  test.angle[:4] - 20)  # fmt: skip
    facts = {"names": names, "contrary": contradictory(learn.has, ONCE).tolist()}
    export(net, out / "weights.onnx", torch.from_numpy(some), outputs=("y", "has"),
           tolerance=TOLERANCE, facts={FACTS: json.dumps(facts)})  # fmt: skip
    return {"faces": len(learn.images), "watch": game.stopped or "none",
            "adversarial steps": game.steps,
            "critic": float(np.mean(game.accuracy[-50:])) if game.accuracy else 0.0}  # fmt: skip


def edits_of(
    config: Config, learn: Examples, out: Path | None = None, on_step: OnStep | None = None,
    editor: Editor | None = None, jury: Jury | None = None,
) -> tuple[Edits, Game]:  # fmt: skip
    """Train the networks of a mode, as one network that takes `packed` input.

    Mode `gan` begins as mode `vector`: the directions then learn together with the decoder. An
    autoencoder and a jury that were trained before can be given.
    """
    editor = editor or autoencoder(config, learn, out, on_step)
    set_directions(editor, learn, config.strength)
    contrary = torch.from_numpy(contradictory(learn.has, ONCE))
    if config.jury and jury is None and learn.has.shape[1]:
        jury = jury_of(learn, config.jury, config.jury_epochs, config.seed + JURY)
    if config.mode == "vector":
        return Edits(editor, contrary, jury, config.margin).eval(), Game()
    seeded(config.seed + 1)
    critic = named_critic(config, learn)
    rules = EditGame(config, learn, editor, critic, contrary)
    pace = Pace(steps=config.steps, generator_rate=3e-4, critic_rate=4e-4, average=0.99,
                seed=config.seed)  # fmt: skip
    game = play(rules, editor, critic, pace, out=out / "game" if out else None,
                config=asdict(config), on_step=on_step)  # fmt: skip
    return Edits(editor, contrary, jury, config.margin).eval(), game


def autoencoder(
    config: Config, learn: Examples, out: Path | None = None, on_step: OnStep | None = None
) -> Editor:
    """The encoder, the decoder and a guess of the attributes; no edits yet."""
    seeded(config.seed)
    editor = Editor(learn.has.shape[1])
    editor.along.requires_grad_(False)
    has = torch.from_numpy(learn.has).float()
    weight = balanced_weight(has)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        x = 2 * batch[0] - 1
        again, guess = model(x)
        found = F.binary_cross_entropy_with_logits(guess, batch[1], pos_weight=weight)
        return F.l1_loss(again, x) + (0.02 * found if len(weight) else 0.0)

    batches = Batches(small(learn.images), has, size=64, seed=config.seed, change=Augment())
    fit(step, editor, batches, adamw(editor, 3e-3, 0.01), epochs=config.warm, seed=config.seed,
        precision="bf16", out=out / "autoencoder" if out else None, config=asdict(config),
        on_step=on_step)  # fmt: skip
    editor.along.requires_grad_(True)
    return editor.to(memory_format=torch.contiguous_format)


def set_directions(editor: Editor, learn: Examples, strength: float) -> None:
    """Put the directions of a trained autoencoder's code into it."""
    codes = predict_batches(
        editor.down, learn.images, lambda some: 2 * small(some).float() / 255 - 1
    )
    along = torch.from_numpy(directions(codes.flatten(1).numpy(), learn.has, learn.angle))
    along[:-1] *= strength
    along[-1] *= RANGE
    with torch.no_grad():
        editor.along.copy_(along.view_as(editor.along))


def named_critic(config: Config, learn: Examples) -> Critic:
    """A critic that can name attributes already, so that the first edits have a direction."""
    critic = Critic(learn.has.shape[1])
    has = torch.from_numpy(learn.has).float()
    if not has.shape[1]:
        return critic
    weight = balanced_weight(has)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        named = model(2 * batch[0] - 1)[1]
        return F.binary_cross_entropy_with_logits(named, batch[1], pos_weight=weight)

    batches = Batches(small(learn.images), has, size=64, seed=config.seed, change=SEEN)
    fit(step, critic, batches, adamw(critic, 2e-3, 0.01), epochs=config.warm, seed=config.seed)
    return critic


def jury_of(learn: Examples, members: int, epochs: int, seed: int) -> Jury:
    """Classifiers of the attributes; they differ in weights, order and changes of the faces."""
    has = torch.from_numpy(learn.has).float()
    pixels, weight = small(learn.images), balanced_weight(has)
    jury = Jury(has.shape[1], members)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.binary_cross_entropy_with_logits(model(batch[0]), batch[1], pos_weight=weight)

    for k in range(members):
        own = seed + MEMBER * k
        seeded(own)
        net = jury.members[k] = Classifier(has.shape[1])
        fit(step, net, Batches(pixels, has, size=64, seed=own, change=JUDGED),
            adamw(net, 4e-3, 0.05), epochs=epochs, seed=own)  # fmt: skip
    return jury.eval()


def balanced_weight(has: Tensor) -> Tensor:
    """(K,) weight of a face with an attribute, so that both sides weigh the same."""
    return (len(has) - has.sum(0)) / has.sum(0).clamp(min=1)


def directions(codes: Floats, has: NDArray[np.bool_], angle: Doubles) -> Floats:
    """How codes differ with each attribute and with one degree of tone, others being equal.

    Args:
        codes: (N, D).
        has: (N, K).
        angle: (N,) degrees.

    Returns:
        (K + 1, D). Faces are weighted so that the other attributes are as frequent with an
        attribute as without it; then a direction is made orthogonal to the related ones.
    """
    sides = np.concatenate([has, (angle > np.median(angle))[:, None]], 1)
    raw = []
    for k in range(sides.shape[1]):
        with_it, without = (matched_weights(sides, k, side) for side in (True, False))
        found = with_it @ codes - without @ codes
        if k == has.shape[1]:
            found /= with_it @ angle - without @ angle
        raw.append(found)
    related = np.abs(np.nan_to_num(np.corrcoef(sides.T.astype(np.float64)))).reshape(len(raw), -1)
    made = []
    for k, one in enumerate(raw):
        others = [raw[j] for j in range(len(raw)) if j != k and related[k, j] > RELATED]
        if others:
            basis = np.linalg.qr(np.stack(others, 1))[0]
            one = one - basis @ (basis.T @ one)
        made.append(one)
    return np.asarray(np.stack(made), np.float32)


def matched_weights(sides: NDArray[np.bool_], column: int, side: bool) -> Doubles:
    """(N,) weights, sum 1, of faces on one side of a column: other columns are as in all faces.

    Cells of the other columns that one side lacks have no weight.
    """
    others = np.delete(sides, column, 1)
    cell = np.zeros(len(sides), int)
    if others.shape[1]:
        cell = np.unique(others, axis=0, return_inverse=True)[1].reshape(-1)
    mine = sides[:, column] == side
    own = np.bincount(cell[mine], minlength=cell.max() + 1)
    other = np.bincount(cell[~mine], minlength=cell.max() + 1)
    both = (own > 0) & (other > 0)
    share = np.where(both, own + other, 0) / np.maximum(own, 1)
    weight = np.where(mine, share[cell], 0.0)
    return np.asarray(weight / weight.sum())


class EditGame:
    """Decoded edits against a critic that also names attributes: mode `gan`."""

    def __init__(
        self, config: Config, learn: Examples, editor: Editor, critic: Critic, contrary: Tensor
    ) -> None:
        self.config, self.editor, self.critic = config, editor, critic
        self.contrary = contrary
        self.large, self.pixels = learn.images, small(learn.images)
        self.has = torch.from_numpy(learn.has).float()
        self.angle = torch.from_numpy(learn.angle).float()
        self.weight = balanced_weight(self.has)
        self.person = Person() if config.identity else None

    def draw(self, step: int) -> tuple[NDArray[np.int64], Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Rows, whether mirrored, attributes and tone, and those that are asked for.

        An edit changes one attribute, or the tone.
        """
        rng = np.random.default_rng([self.config.seed, step, 419])
        rows = rng.choice(len(self.has), self.config.batch)
        mirror = torch.from_numpy(rng.random(len(rows)) < 0.5)
        has, angle = self.has[rows], self.angle[rows]
        count = has.shape[1]
        which = torch.from_numpy(rng.integers(0, count + 1, len(rows)))  # the last one is the tone
        flip = F.one_hot(which, count + 1)[:, :count].float()
        added = flip * (1 - has)
        after = (has + added - flip * has - added @ self.contrary).clamp(0, 1)
        other = torch.from_numpy(rng.uniform(*WANTED, len(rows)).astype(np.float32))
        toned = flip.sum(1) == 0
        return rows, mirror, has, angle, after, torch.where(toned, other, angle)

    def faces(self, rows: NDArray[np.int64], mirror: Tensor) -> Tensor:
        """(N, 3, 32, 32) in [-1, 1]."""
        x = self.pixels[rows].float() / 127.5 - 1
        return torch.where(mirror[:, None, None, None], x.flip(-1), x)

    def seen(self, x: Tensor, number: int) -> Tensor:
        """What the critic sees: faces that are shifted, and in other light."""
        generator = torch.Generator().manual_seed(self.config.seed * 10_000_019 + number)
        return 2 * SEEN((x + 1) / 2, generator) - 1

    def edit(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """The face again, the change of pixels, and the guess of its attributes."""
        rows, mirror, has, angle, after, wanted = self.draw(step)
        x = self.faces(rows, mirror)
        with torch.autocast("cpu", torch.bfloat16):
            code = self.editor.down(x)
            step_ = steps_of(after - has, wanted - angle)
            both = self.editor.decode(
                torch.cat([code, code]), torch.cat([torch.zeros_like(step_), step_])
            )
            guess = self.editor.guess(code)
        again, edited = both.float().chunk(2)
        return again, edited - again, guess.float()

    def critic_loss(self, step: int) -> tuple[Tensor, float]:
        """Hinge loss, and the attributes of real faces."""
        rows, mirror, has, *_ = self.draw(step)
        x = self.faces(rows, mirror)
        with torch.no_grad():
            change = self.edit(step)[1]
        real, named = self.critic(self.seen(x, 2 * step))
        fake = self.seen((x + change).clamp(-1, 1), 2 * step + 1)
        loss, right = hinge(real, self.critic(fake)[0])
        if has.shape[1]:
            loss = loss + F.binary_cross_entropy_with_logits(named, has, pos_weight=self.weight)
        return loss, right

    def generator_loss(self, step: int) -> Tensor:
        """Reconstruction, critic, attributes, tone, shading and person."""
        rows, mirror, has, _, after, wanted = self.draw(step)
        x, how = self.faces(rows, mirror), self.config
        again, change, guess = self.edit(step)
        made = (x + change).clamp(-1, 1)
        real, named = self.critic(self.seen(made, 2 * step + 1))
        loss = 10 * F.l1_loss(again, x) - real.mean() + change.abs().mean()
        if has.shape[1]:
            loss = loss + how.attribute * F.binary_cross_entropy_with_logits(named, after)
            loss = loss + 0.2 * F.binary_cross_entropy_with_logits(guess, has)
        loss = loss + how.tone * F.smooth_l1_loss(tone_of(made) / 10, wanted / 10)
        toned = (after == has).all(1)
        if toned.any():
            loss = loss + how.shading * F.l1_loss(shading(made[toned]), shading(x[toned]))
        if self.person:
            loss = loss + how.identity * self.person(
                self.large[rows[:PERSONS]], mirror[:PERSONS], change[:PERSONS]
            )
        return loss


class Person:
    """How far an edit moves the vector of a person, by dlib's network: 1 - cosine."""

    def __init__(self) -> None:
        self.net = FrozenRecogniser().eval()
        full = np.concatenate([matrix(utkface_face(LARGE), DlibEmbedder.crop), [[0, 0, 1]]])
        back = np.linalg.inv(full)  # chip px to px of the face
        y, x = np.mgrid[:CHIP, :CHIP]
        at = np.stack([x, y, np.ones_like(x)], -1) @ back[:2].T
        self.grid = torch.from_numpy(((at + 0.5) / LARGE * 2 - 1).astype(np.float32))[None]

    def __call__(self, large: NDArray[np.uint8], mirror: Tensor, change: Tensor) -> Tensor:
        """Mean over faces (N, 128, 128, 3), of which some are mirrored, with changes of 32 px."""
        x = torch.from_numpy(large.transpose(0, 3, 1, 2).astype(np.float32) / 255)
        x = torch.where(mirror[:, None, None, None], x.flip(-1), x)
        more = F.interpolate(change, size=(LARGE, LARGE), mode="bilinear", align_corners=False) / 2
        grid = self.grid.expand(len(x), -1, -1, -1)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                before = self.net(_at(x, grid)).float()
            after = self.net(_at((x + more).clamp(0, 1), grid)).float()
        return 1 - (before * after).sum(1).mean()


def _at(x: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def as_edits(net: nn.Module, names: Sequence[str], contrary: Floats) -> LearnedEdits:
    """A network in training as edits of faces."""

    @torch.no_grad()
    def run(x: Floats) -> dict[str, Floats]:
        parts = [net(part) for part in torch.from_numpy(x).split(256)]
        return {"y": torch.cat([y for y, _ in parts]).numpy(),
                "has": torch.cat([has for _, has in parts]).numpy()}  # fmt: skip

    return LearnedEdits(run, tuple(names), contrary)
