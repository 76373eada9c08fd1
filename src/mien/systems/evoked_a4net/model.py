"""The network: ConvNeXt-V2 with four branches, and their fusion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.systems.evoked_a4net.head import BRANCHES, EMOTIONS, FACES

LEAST = 1e-3  # of a probability, before its logarithm
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


class Norm(nn.Module):
    """Layer normalisation of the channels of (N, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return cast(Tensor, self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class Response(nn.Module):
    """Global response normalisation of (N, H, W, C); the identity at the start.

    Source: Woo et al., "ConvNeXt V2", CVPR 2023, section 3.2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma, self.beta = (nn.Parameter(torch.zeros(width)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        size = x.square().sum((1, 2), keepdim=True).add(1e-12).sqrt()
        scale = size / (size.mean(-1, keepdim=True) + 1e-6)
        return torch.addcmul(self.beta, x, 1 + self.gamma * scale)  # two passes over x instead of 4


class Block(nn.Module):
    """Depthwise 7 x 7, two linear layers with a response normalisation between, residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.wide, self.response = nn.Linear(width, 4 * width), Response(4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.narrow(self.response(F.gelu(self.wide(y))))
        return x + cast(Tensor, y.permute(0, 3, 1, 2))


class Branch(nn.Module):
    """Pooled features -> layer normalisation -> vector -> attribute."""

    def __init__(self, width: int, size: int, classes: int, attention: bool = False) -> None:
        super().__init__()
        self.focus = nn.Conv2d(width, 1, 1) if attention else None  # so that small faces count
        self.norm, self.vector = nn.LayerNorm(width), nn.Linear(width, size)
        self.out = nn.Linear(size, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> (N, size) and (N, classes)."""
        if self.focus is None:
            pooled = x.mean((2, 3))
        else:
            weight = torch.softmax(self.focus(x).flatten(2), -1)
            pooled = (x.flatten(2) * weight).sum(-1)
        vector = self.vector(self.norm(pooled))
        return vector, self.out(vector)


class FaceCrops(nn.Module):
    """The part `face_crops`: vectors of the faces that were cut out, and what they add.

    The vectors of a picture are averaged with the shares of its faces; with the sum of these
    shares (1, or 0 without a face: the mask) they add to the logits. Both are linear, so that each
    face can be read alone and any number of them be averaged afterwards.
    """

    mean: Tensor

    def __init__(self, size: int, emotions: int, kind: str, width: int = 16) -> None:
        """Create the part.

        Args:
            size: of the vector of a face.
            emotions: number of logits.
            kind: branch (convolutions on the pixels), or expression (two layers on the seven
                probabilities of the head `expression`, which is not trained here).
            width: channels of the first convolution.
        """
        super().__init__()
        self.norm = None
        if kind == "expression":
            self.body: nn.Module = nn.Sequential(
                nn.Linear(7, 4 * width), nn.GELU(), nn.Linear(4 * width, size)
            )
        else:
            steps: list[nn.Module] = []
            for before, after in pairwise((3, width, 2 * width, 4 * width)):
                steps += [nn.Conv2d(before, after, 3, 2, 1), Norm(after), nn.GELU()]
            self.norm, self.vector = nn.LayerNorm(4 * width), nn.Linear(4 * width, size)
            self.body = nn.Sequential(*steps)
        self.face = nn.Linear(size, len(FACES))
        self.out = nn.Linear(size + 1, emotions, bias=False)
        self.register_buffer("mean", torch.zeros(size + 1))  # of the pooled vector and the mask

    def vectors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(M, 3, C, C) in [0, 1], or (M, 7) -> vectors (M, size) and expressions (M, 6)."""
        if self.norm is None:
            vector = self.body(x.clamp(min=LEAST).log() + 2)
        else:
            vector = self.vector(self.norm(self.body(2 * x - 1).mean((2, 3))))
        return vector, self.face(vector)

    def pooled(self, crops: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """(N, F, 3, C, C) or (N, F, 7), and (N, F) -> (N, size + 1) and expressions (N, F, 6).

        Both are 0 without a face.
        """
        there = share > 0
        vector, face = self.vectors(crops[there])
        vectors = vector.new_zeros(*share.shape, vector.shape[1])
        faces = face.new_zeros(*share.shape, face.shape[1])
        vectors[there], faces[there] = vector, face
        mask = share.sum(1, keepdim=True)
        return torch.cat([(vectors * share[..., None]).sum(1), mask], 1), faces

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The outputs of the graph of faces, in the order of FACE_OUTPUTS, each with M rows."""
        vector, face = self.vectors(x)
        shift = self.out(F.pad(vector, (0, 1), value=1.0))
        return shift, face, self.out(self.mean).expand_as(shift)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The outputs of one pass."""

    logits: Tensor  # (N, E), one for each emotion
    parts: tuple[Tensor, ...]  # of each branch: (N, 1), (N, 1), (N, scenes), (N, 6)
    fused: Tensor  # (N, D) that the logits are linear in
    last: Tensor  # (N, C, H, W) of the last stage
    crops: Tensor | None = None  # (N, size + 1) pooled vectors of faces, and the mask
    faces: Tensor | None = None  # (N, F, 6) expressions of these faces


class Net(nn.Module):
    """(N, 3, S, S) in [0, 1] -> the outputs of the head."""

    means: Tensor

    def __init__(
        self, widths: Sequence[int], depths: Sequence[int], scenes: int, size: int = 32,
        use: Sequence[str] = BRANCHES, drop: float = 0.2, emotions: int = len(EMOTIONS),
        face_crops: str = "",
    ) -> None:  # fmt: skip
        """Create the network.

        Args:
            widths: channels of the four stages.
            depths: blocks of the four stages.
            scenes: classes of the scene.
            size: of the vector of each branch; 128 in the source.
            use: branches that take part in the fusion.
            drop: share of the fused numbers that are dropped in training.
            emotions: number of logits.
            face_crops: what reads the faces that are cut out: branch or expression; "": none.
        """
        super().__init__()
        for name, values in (("mean", MEAN), ("spread", SPREAD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))
        first = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), Norm(widths[0]))
        steps = [first]
        for before, after in pairwise(widths):
            steps.append(nn.Sequential(Norm(before), nn.Conv2d(before, after, 2, 2)))
        self.steps = nn.ModuleList(steps)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for width, depth in zip(widths, depths, strict=True)
        )
        self.branches = nn.ModuleList((
            Branch(widths[0], size, 1), Branch(widths[0], size, 1),
            Branch(widths[3], size, scenes), Branch(widths[2], size, len(FACES), attention=True),
        ))  # fmt: skip
        self.norm, self.drop = nn.LayerNorm(widths[3]), nn.Dropout(drop)
        self.use, self.size = [name in use for name in BRANCHES], size
        self.out = nn.Linear(widths[3] + size * len(BRANCHES), emotions)
        self.register_buffer("means", torch.zeros(len(BRANCHES), size))
        self.crops = FaceCrops(size, emotions, face_crops) if face_crops else None

    def found(self, x: Tensor, crops: Tensor | None = None, share: Tensor | None = None) -> Found:
        """Run all parts; without crops no face is added, as in the graph of the pictures."""
        x = (x - self.mean) / self.spread
        kept = []
        for step, stage in zip(self.steps, self.stages, strict=True):
            x = stage(step(x))
            kept.append(x)
        inputs = (kept[0], kept[0], kept[3], kept[2])
        pairs = [branch(part) for branch, part in zip(self.branches, inputs, strict=True)]
        vectors = [vector if used else torch.zeros_like(vector)
                   for (vector, _), used in zip(pairs, self.use, strict=True)]  # fmt: skip
        fused = torch.cat([self.norm(x.mean((2, 3))), *vectors], 1)
        found = Found(self.out(self.drop(fused)), tuple(out for _, out in pairs), fused, x)
        if self.crops is None or crops is None or share is None:
            return found
        pooled, faces = self.crops.pooled(crops, share)
        logits = found.logits + self.crops.out(self.drop(pooled))
        return replace(found, logits=logits, crops=pooled, faces=faces)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The outputs of the head, in the order of OUTPUTS."""
        found = self.found(x)
        colour, bright, scene, face = found.parts
        return (found.logits, torch.cat([colour, bright], 1), scene, face,
                self.map(found.last), self.without(found))  # fmt: skip

    def without(self, found: Found) -> Tensor:
        """(N, 4, E) logits if the vector of one branch is its mean over the training data."""
        rows = []
        start = self.norm.normalized_shape[0]
        for number in range(len(BRANCHES)):
            part = slice(start + number * self.size, start + (number + 1) * self.size)
            change = self.means[number] - found.fused[:, part]
            rows.append(found.logits + change @ self.out.weight[:, part].T)
        return torch.stack(rows, 1)

    def map(self, last: Tensor) -> Tensor:
        """(N, E, H, W) Grad-CAM of each logit on the last stage, by its derivative in closed form.

        Source: Selvaraju et al., ICCV 2017, equations 1 and 2.
        """
        pooled = last.mean((2, 3))
        width = pooled.shape[1]
        slope = _slope(self.norm, pooled, self.out.weight[:, :width])
        scene = cast(Branch, self.branches[2])
        start = width + 2 * self.size
        if self.use[2]:
            chain = self.out.weight[:, start : start + self.size] @ scene.vector.weight
            slope = slope + _slope(scene.norm, pooled, chain)
        alpha = slope / (last.shape[2] * last.shape[3])
        flat = torch.bmm(alpha, last.flatten(2))
        return F.relu(flat).reshape(-1, alpha.shape[1], last.shape[2], last.shape[3])


def _slope(norm: nn.LayerNorm, x: Tensor, weight: Tensor) -> Tensor:
    """(N, K, C): derivative by x of weight (K, C) times the layer normalisation of x (N, C)."""
    centred = x - x.mean(1, keepdim=True)
    scale = (centred.square().mean(1, keepdim=True) + norm.eps).rsqrt()
    unit = (centred * scale)[:, None]
    w = (weight * norm.weight)[None]
    return scale[:, None] * (w - w.mean(2, keepdim=True) - unit * (w * unit).mean(2, keepdim=True))
