"""Image and text towers of one interface, the prompts that steer them, and a small own pair.

The towers are frozen; only the words of a soft prompt and the tokens put into each layer of the
image tower are learnt. Source: arXiv:2506.21017, read in a report and a third-party program.
"""

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.train.trunk import Trunk
from mien.types import Floats

TRUNK, BLOCKS, SIDE = "dlib-resnet29", 9, 88  # was trained on faces, not on expressions
CHANNELS, PATCHES, WIDTH, LAYERS, HEADS = 128, 25, 64, 2, 4  # of the own pair
LONGEST = 32  # words of a text


class Towers(Protocol):
    """What prompts need of a pair of encoders; vectors have unit length."""

    layers: int  # of the image tower
    image_width: int  # of its tokens
    text_width: int  # of embedded words
    longest: int  # words of a text

    def image(self, x: Tensor, prompts: Tensor | None) -> tuple[Tensor, Tensor]:
        """Inputs and (layers, P, image_width) or None -> (N, D) and (N, patches, D)."""
        ...

    def words(self, text: str) -> Tensor:
        """(L, text_width) embedded words, without those that begin and end a text."""
        ...

    def text(self, embedded: Sequence[Tensor]) -> Tensor:
        """Texts as embedded words (L, text_width) each -> (C, D)."""
        ...


class Layer(nn.Module):
    """Attention and two linear layers, both with a shortcut; written out so that it exports."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.wide = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, absent: Tensor | None = None) -> Tensor:
        """(N, T, W) to the same; `absent` (N, T) tokens are not attended to."""
        n, t, w = x.shape
        q, k, v = self.ask(self.one(x)).reshape(n, t, 3, HEADS, w // HEADS).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / (w // HEADS) ** 0.5
        if absent is not None:
            scores = scores.masked_fill(absent[:, None, None], -1e4)
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, w))
        return cast(Tensor, x + self.wide(self.two(x)))


class SmallTowers(nn.Module):
    """The own pair: maps of dlib's network as patches, and a text tower over whole words."""

    layers, image_width, text_width, longest = LAYERS, WIDTH, WIDTH, LONGEST

    def __init__(self, vocabulary: Sequence[str]) -> None:
        super().__init__()
        self.vocabulary = {
            word: k + 3 for k, word in enumerate(vocabulary)
        }  # 0 pad, 1 begin, 2 end
        self.patch = nn.Linear(CHANNELS, WIDTH)
        self.place = nn.Parameter(0.02 * torch.randn(1, PATCHES + 1, WIDTH))
        self.first = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH))
        self.steps = nn.ModuleList(Layer(WIDTH) for _ in range(LAYERS))
        self.seen = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH, bias=False))
        self.embed = nn.Embedding(len(vocabulary) + 3, WIDTH)
        self.order = nn.Parameter(0.02 * torch.randn(1, LONGEST, WIDTH))
        self.read = Layer(WIDTH)
        self.coded = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH, bias=False))

    def image(self, x: Tensor, prompts: Tensor | None) -> tuple[Tensor, Tensor]:
        """(N, 25, 128) maps of the trunk; see Towers."""
        tokens = torch.cat([self.first.expand(x.shape[0], -1, -1), self.patch(x)], 1) + self.place
        for k, layer in enumerate(self.steps):
            if prompts is not None:
                more = prompts[k][None].expand(x.shape[0], -1, -1)
                tokens = layer(torch.cat([tokens, more], 1))[:, : PATCHES + 1]
            else:
                tokens = layer(tokens)
        found = F.normalize(self.seen(tokens), dim=-1)
        return found[:, 0], found[:, 1:]

    def words(self, text: str) -> Tensor:
        """See Towers; a word outside the vocabulary is an error of the caller."""
        return cast(Tensor, self.embed(torch.tensor([self.vocabulary[w] for w in text.split()])))

    def text(self, embedded: Sequence[Tensor]) -> Tensor:
        """See Towers."""
        begin, end = self.embed(torch.tensor([1, 2]))
        rows = [torch.cat([begin[None], one, end[None]]) for one in embedded]
        length = torch.tensor([len(row) for row in rows])
        x = nn.utils.rnn.pad_sequence(rows, batch_first=True) + self.order[:, : int(length.max())]
        absent = torch.arange(x.shape[1])[None] >= length[:, None]
        found = self.read(x, absent)[torch.arange(len(rows)), length - 1]
        return F.normalize(self.coded(found), dim=-1)


class Prompts(nn.Module):
    """The learnt part: words before each class name, and tokens in layers of the image tower."""

    def __init__(self, towers: Towers, context: int, visual: int, classes: int = 0) -> None:
        """Start near 0.

        Args:
            towers: that they steer.
            context: words; 0: none, and the class name stands alone.
            visual: tokens per layer; 0: none.
            classes: number of classes, if each has words of its own; 0: shared.
        """
        super().__init__()
        rows = max(1, classes)
        self.context = nn.Parameter(0.02 * torch.randn(rows, context, towers.text_width))
        self.visual = nn.Parameter(0.02 * torch.randn(towers.layers, visual, towers.image_width))

    def soft(self, towers: Towers, names: Sequence[str]) -> list[Tensor]:
        """Embedded words of the soft prompt of each class."""
        rows = self.context.expand(len(names), -1, -1)
        return [torch.cat([rows[k], towers.words(name)]) for k, name in enumerate(names)]

    def tokens(self) -> Tensor | None:
        """Of the image tower; None if there are none."""
        return self.visual if self.visual.shape[1] else None


def scores(seen: tuple[Tensor, Tensor], texts: Tensor, best: int, local: float = 1.0) -> Tensor:
    """(N, C) similarity of the image, and of its `best` most similar patches, to each text."""
    whole, patches = seen
    found = whole @ texts.T
    if best and local:
        each = (patches @ texts.T).topk(min(best, patches.shape[1]), dim=1).values  # (N, k, C)
        found = found + local * each.mean(1)
    return found


def token_alignment(soft: Sequence[Tensor], hard: Sequence[Tensor], heat: float = 0.01) -> Tensor:
    """Contrast of the mean words of soft and hard prompts: each hard one has its own soft one."""
    one, two = (F.normalize(torch.stack([x.mean(0) for x in rows]), dim=1) for rows in (soft, hard))
    return F.cross_entropy(two @ one.T / heat, torch.arange(len(two)))


def prompt_alignment(soft: Tensor, hard: Tensor) -> Tensor:
    """Mean absolute difference of encoded prompts of unit length."""
    return (soft - hard).abs().mean()


def prototype_alignment(whole: Tensor, prototypes: Tensor, share: Tensor) -> Tensor:
    """1 - similarity of images to the prototypes of their classes, weighted by their shares.

    A class without an image has a prototype of 0, and adds nothing.
    """
    there = (prototypes.abs().sum(1) > 0).float()
    return (share * there * (1 - whole @ prototypes.T)).sum(1).mean()


class Net(nn.Module):
    """(N, 3, 64, 64) pixels in [0, 1] to logits (N, C) and patch similarities (N, 25, C)."""

    def __init__(
        self, towers: SmallTowers, prompts: Tensor | None, texts: Tensor, best: int, scale: float,
        local: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.trunk = Trunk(BLOCKS, SIDE, TRUNK).requires_grad_(False)
        self.towers, self.best, self.scale, self.local = towers, best, scale, local
        self.texts = nn.Parameter(texts, requires_grad=False)
        self.visual = None if prompts is None else nn.Parameter(prompts, requires_grad=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and similarity of each patch to each class."""
        seen = self.towers.image(patches_of(self.trunk, pixels), self.visual)
        logits = self.scale * scores(seen, self.texts, self.best, self.local)
        return logits, seen[1] @ self.texts.T


def patches_of(trunk: Trunk, pixels: Tensor) -> Tensor:
    """(N, 3, S, S) pixels to (N, 25, 128) maps."""
    return trunk.maps(pixels).flatten(2).transpose(1, 2)


@torch.no_grad()
def seen(pixels: Floats) -> Floats:
    """(N, 3, S, S) pixels in [0, 1] to (N, 25, 128) maps of the frozen trunk."""
    trunk = Trunk(BLOCKS, SIDE, TRUNK).eval()
    parts = [patches_of(trunk, part) for part in torch.from_numpy(pixels).split(64)]
    return torch.cat(parts).numpy()
