"""The networks: a small vision transformer, MD2A, U-DSA, and two baselines of the same size."""

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.systems.liveness_mmda.head import ABSENT, PARTS, PLANES

WIDTH, DEPTH, HEADS, PATCH, SIDE = 64, 2, 4, 8, 48
TOKENS = (SIDE // PATCH) ** 2 + 1  # of a modality, with its class token
LEVELS = 3  # of U-DSA
NARROW = 24  # inner width of an adapter


def stem(planes: int) -> nn.Module:
    """(N, planes, 48, 48) -> (N, 64, 6, 6): three convolutions instead of one of 8 x 8 px.

    Source: Xiao et al., "Early convolutions help transformers see better", arXiv:2106.14881.
    """
    widths = (planes, 16, 32, WIDTH)
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Conv2d(before, after, 3, 2, 1), nn.GroupNorm(4, after), nn.GELU()]
    return nn.Sequential(*parts[:-2])


class Encoder(nn.Module):
    """One transformer for all modalities; projection, places and class token are their own."""

    def __init__(self, planes: int = PLANES, modalities: int = len(PARTS)) -> None:
        super().__init__()
        self.planes, self.modalities = planes, modalities
        self.project = nn.ModuleList(stem(planes) for _ in range(modalities))
        self.place = nn.Parameter(torch.randn(modalities, TOKENS, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 2 * WIDTH, 0.1, F.gelu, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, DEPTH, nn.LayerNorm(WIDTH), False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, M * planes, 48, 48) -> (N, M, 37, 64) tokens, the class token first."""
        parts = []
        for number, project in enumerate(self.project):
            planes = x[:, number * self.planes : (number + 1) * self.planes]
            patches = project(planes).flatten(2).transpose(1, 2)
            start = torch.zeros_like(patches[:, :1])
            parts.append(torch.cat([start, patches], 1) + self.place[number])
        tokens = torch.stack(parts, 1).reshape(-1, TOKENS, WIDTH)
        return cast(Tensor, self.layers(tokens)).reshape(-1, self.modalities, TOKENS, WIDTH)


def present(x: Tensor) -> Tensor:
    """(N, 9, 48, 48) -> (N, 3) 1 where a modality is there, 0 where all its planes are ABSENT."""
    first = x[:, ::PLANES, 0, 0]
    return (first > ABSENT + 0.5).to(x.dtype)


class Md2a(nn.Module):
    """Joint differential attention: what two frames of a domain share is subtracted.

    Source: arXiv:2505.09484; gain and norm as in the differential transformer, arXiv:2410.05258.
    """

    def __init__(self, heads: int = HEADS) -> None:
        super().__init__()
        self.heads, self.each = heads, WIDTH // heads
        self.norm = nn.LayerNorm(WIDTH)
        self.query, self.key = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.start = 0.8 - 0.6 * math.exp(0.0)  # of the first layer
        self.gain = nn.Parameter(torch.randn(4, self.each) * 0.1)
        self.scale = nn.Parameter(torch.ones(self.each))

    @property
    def share(self) -> Tensor:
        """The factor of what is subtracted."""
        q1, k1, q2, k2 = self.gain
        return torch.exp((q1 * k1).sum()) - torch.exp((q2 * k2).sum()) + self.start

    def forward(
        self, tokens: Tensor, partner: Tensor, here: Tensor, share: Tensor | None = None
    ) -> Tensor:
        """Tokens without the shared part.

        Args:
            tokens: (N, T, 64).
            partner: (N, T, 64) of another frame of the same domain, or the same tokens.
            here: (N, T) 1 where a token is of a modality that is there.
            share: of what is subtracted; default: as learnt. 0 is plain attention.
        """
        x, other = self.norm(tokens), self.norm(partner)
        query, noise_query = self._split(self.query(x)).chunk(2, -1)
        key = self._split(self.key(x))[..., : self.each]
        noise_key = self._split(self.key(other))[..., self.each :]
        value = self._split(self.value(x))
        hidden = (1 - here[:, None, None]) * -1e4
        root = math.sqrt(self.each)
        signal = (query @ key.transpose(-1, -2) / root + hidden).softmax(-1)
        noise = (noise_query @ noise_key.transpose(-1, -2) / root + hidden).softmax(-1)
        taken = self.share if share is None else share
        found = (signal - taken * noise) @ value
        spread = found.pow(2).mean(-1, keepdim=True).add(1e-5).rsqrt()
        found = found * spread * self.scale * (1 - self.start)
        return tokens + cast(Tensor, self.out(found.transpose(1, 2).reshape(tokens.shape)))

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


def adapter(zero: bool) -> nn.Module:
    """A narrow residual branch; the last layer starts at zero if it must not disturb at first."""
    last = nn.Linear(NARROW, WIDTH)
    if zero:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, NARROW), nn.GELU(), last)


class Mmda(nn.Module):
    """MD2A, U-DSA and a linear head on tokens; each part can be left out."""

    def __init__(self, md2a: bool = True, udsa: bool = True) -> None:
        super().__init__()
        self.attention = Md2a() if md2a else None
        self.down = nn.ModuleList(adapter(False) for _ in range(LEVELS if udsa else 0))
        self.up = nn.ModuleList(adapter(True) for _ in range(LEVELS if udsa else 0))
        self.out = nn.Linear(WIDTH, 1)

    def forward(
        self, tokens: Tensor, here: Tensor, partner: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits and the vectors that are aligned with words.

        Args:
            tokens: (N, 3, 37, 64) of the encoder.
            here: (N, 3) which modalities are there.
            partner: tokens of other frames of the same domains; None: the same.

        Returns:
            (N, 1) logits of a live face; (N, 3, 64) vectors at each level.
        """
        flat = tokens.flatten(1, 2)
        if self.attention is not None:
            other = flat if partner is None else partner.flatten(1, 2)
            each = here.repeat_interleave(TOKENS, 1)
            flat = self.attention(flat, other, each)
        vector = flat.reshape(tokens.shape)[:, :, 0]
        levels = [vector]
        for step in self.down:
            levels.append(step(levels[-1]))
        top = levels[-1]
        for below, step in zip(levels[-2::-1], reversed(list(self.up)), strict=False):
            top = below + step(top)
        aligned = levels[1:] or levels
        weight = here[..., None]
        fused = (top * weight).sum(1) / weight.sum(1)
        return cast(Tensor, self.out(fused)), aligned


class Concatenation(nn.Module):
    """Baseline: class tokens side by side through residual layers of the same size as Mmda."""

    def __init__(self) -> None:
        super().__init__()
        wide = len(PARTS) * WIDTH
        self.body = nn.Sequential(nn.LayerNorm(wide), nn.Linear(wide, wide), nn.GELU())
        self.out = nn.Linear(wide, 1)

    def forward(
        self, tokens: Tensor, here: Tensor, partner: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits, and nothing to align; see Mmda."""
        side_by_side = (tokens[:, :, 0] * here[..., None]).flatten(1)
        return self.out(side_by_side + self.body(side_by_side)), []


class PerModality(nn.Module):
    """The encoder with a linear head of each modality, for its training."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Parameter(torch.randn(len(PARTS), WIDTH) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 9, 48, 48) -> (N, 3) logits of a live face, one of each modality."""
        return (self.encoder(x)[:, :, 0] * self.heads).sum(-1)


class Early(nn.Module):
    """Baseline: all planes as channels of one picture, one transformer of the same size."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(PLANES * len(PARTS), 1)
        self.out = nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 9, 48, 48) -> (N, 1) logits of a live face."""
        return cast(Tensor, self.out(self.encoder(x)[:, 0, 0]))


class Net(nn.Module):
    """Encoder and head as one graph: (N, 9, 48, 48) -> (N, 1) logit of a live face."""

    def __init__(self, encoder: Encoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, x: Tensor) -> Tensor:
        """Logits; the partner of a frame is the frame, since its domain is not known."""
        return cast(Tensor, self.head(self.encoder(x), present(x))[0])
