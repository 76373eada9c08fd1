"""Networks of 32 px: the editor in two modes, its critic, and classifiers of attributes."""

from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name
from torch.nn.utils.parametrizations import spectral_norm

from mien.media import stretched
from mien.media.skin import CHEEKS, LEAST_YELLOW
from mien.metrics.pictures import LUMA
from mien.systems.edit_face.editing import SIDE
from mien.types import Pixels

WIDTHS = (16, 32, 64)  # of the classifier
DOWN = (32, 64, 128)  # of encoder and critic
RANGE = 40.0  # degrees of ITA that are one step
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)  # of a direction, among which a jury chooses


class Classifier(nn.Module):
    """Three stages of two convolutions, and a linear layer on their mean: 72,000 weights."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *WIDTHS), WIDTHS, strict=False):
            for width in (before, after):
                stride = 2 if width == 3 else 1  # a fourth of the work
                layers += [nn.Conv2d(width, after, 3, stride, padding=1, bias=False),
                           nn.BatchNorm2d(after), nn.ReLU()]  # fmt: skip
            layers.append(nn.MaxPool2d(2))
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.last = nn.Linear(WIDTHS[-1], classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) in [0, 1] to (N, classes)."""
        return cast(Tensor, self.last(self.trunk(pixels)))


class Jury(nn.Module):
    """Classifiers that vote, each on a face and on its mirror image.

    One classifier of this size changes its answer in 7 % of mirrored faces, which is as much as
    an editor may change; a vote does not change there, and in 3 % of shifted faces.
    """

    def __init__(self, attributes: int, members: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(Classifier(attributes) for _ in range(members))

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, 32, 32) in [0, 1] to mean logits (N, K)."""
        views = (pixels, pixels.flip(-1))
        return torch.stack([one(view) for one in self.members for view in views]).mean(0)


class Editor(nn.Module):
    """Encoder and decoder of 32 px; an edit moves the code along learnt directions.

    Sizes are those of the specification, reduced: convolutions of four by four with stride 2. No
    skip connection: all that is known of a face passes the code, where edits are made. In trials a
    skip made edits weak, and the decoder hid patterns in the pixels that only the critic saw.
    """

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.down = nn.Sequential(*(_down(a, b) for a, b in pairwise((3, *DOWN))))
        self.up = nn.Sequential(*(_up(a, b) for a, b in pairwise((DOWN[2], *DOWN[::-1]))))
        self.last = nn.Conv2d(DOWN[0], 3, 3, padding=1)
        self.guess = nn.Sequential(nn.Flatten(), nn.Linear(DOWN[2] * 16, attributes))
        # By an attribute that is added, and by RANGE degrees of tone.
        self.along = nn.Parameter(torch.zeros(attributes + 1, DOWN[2], 4, 4))

    def decode(self, code: Tensor, step: Tensor | None = None) -> Tensor:
        """(N, 128, 4, 4), moved by steps (N, K + 1) if given, to (N, 3, 32, 32) in [-1, 1]."""
        if step is not None:
            code = code + (step @ self.along.flatten(1)).view_as(code)
        return torch.tanh(self.last(self.up(code)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, 32, 32) in [-1, 1] to the face again, and logits (N, K) of its attributes."""
        code = self.down(x)
        return self.decode(code), self.guess(code)


class Critic(nn.Module):
    """Whether a face is real, and which attributes it has: two heads, spectral norms."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(
            nn.Sequential(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)), nn.LeakyReLU(0.2))
            for a, b in pairwise((3, *DOWN))
        ), nn.Flatten())  # fmt: skip
        self.real = spectral_norm(nn.Linear(DOWN[-1] * 16, 1))
        self.has = nn.Linear(DOWN[-1] * 16, attributes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, 32, 32) to logits (N,) of real and (N, K) of attributes."""
        x = self.body(x)
        return self.real(x)[:, 0], self.has(x)


class Edits(nn.Module):
    """An editor with one input, as its file has; see editing.packed.

    With a jury, each face gets its own strength: that of SCALES at which the jury sees what was
    asked for with a margin, and other attributes as before.
    """

    def __init__(
        self, editor: Editor, contrary: Tensor, jury: Jury | None = None, margin: float = 0.0
    ) -> None:
        super().__init__()
        self.editor, self.jury, self.margin = editor, jury, margin
        self.contrary: Tensor
        self.register_buffer("contrary", contrary)  # (K, K)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 4, 32, 32) to the change of pixels, and probabilities (N, K) before it.

        What excludes an attribute that is added is removed, as far as the face has it.
        """
        count = len(self.contrary)
        settings = x[:, 3].flatten(1)
        change, now, wanted = settings[:, :count], settings[:, count], settings[:, count + 1]
        code = self.editor.down(x[:, :3])
        plain, has = self.editor.decode(code), torch.sigmoid(self.editor.guess(code))
        scale = self._scale(x[:, :3], code, plain, has, torch.sign(change)) if self.jury else 1.0
        step = steps_of(scale * self._whole(change, has), wanted - now)
        return self.editor.decode(code, step) - plain, has

    def _whole(self, change: Tensor, has: Tensor) -> Tensor:
        return change - (F.relu(change) @ self.contrary) * has

    def _scale(
        self, face: Tensor, code: Tensor, plain: Tensor, has: Tensor, asked: Tensor
    ) -> Tensor:
        """(N, 1) strength of whole changes; where several cost the same, the smallest."""
        assert self.jury
        free = 1 - (asked.abs() + F.relu(asked) @ self.contrary).clamp(max=1)
        before = torch.sigmoid(self.jury((face + 1) / 2))
        step = steps_of(self._whole(asked, has), torch.zeros_like(asked[:, 0]))
        costs = []
        for scale in SCALES:
            made = (face + self.editor.decode(code, scale * step) - plain).clamp(-1, 1)
            named = self.jury((made + 1) / 2)
            missing = F.relu(self.margin - asked * named) * asked.abs()
            moved = (torch.sigmoid(named) - before).abs() * free
            costs.append((missing + moved).sum(1))
        best = F.one_hot(torch.stack(costs).argmin(0), len(SCALES)).to(face.dtype)
        return (best @ face.new_tensor(SCALES))[:, None]


def small(images: Pixels) -> Tensor:
    """(N, S, S, 3) to (N, 3, 32, 32) uint8."""
    some = np.stack([stretched(image, SIDE) for image in images])
    return torch.from_numpy(some.transpose(0, 3, 1, 2).copy())


def steps_of(change: Tensor, degrees: Tensor) -> Tensor:
    """Changes of attributes (N, K) and of the tone (N,) as steps (N, K + 1)."""
    return torch.cat([change, (degrees / RANGE)[:, None]], 1)


def tone_of(x: Tensor) -> Tensor:
    """(N,) angle of the skin tone (ITA) of faces (N, 3, S, S) in [-1, 1], degrees.

    That of the mean colour of the cheeks: it has a gradient, which a median over pixels lacks.
    """
    side = x.shape[-1]
    parts = [x[..., round(t * side) : round(b * side), round(l * side) : round(r * side)].flatten(2)
             for l, t, r, b in CHEEKS]  # noqa: E741  # fmt: skip
    code = (torch.cat(parts, 2).clamp(-1, 1) + 1) / 2
    linear = torch.where(code > 0.04045, ((code + 0.055) / 1.055) ** 2.4, code / 12.92)
    y = torch.einsum("nck,c->nk", linear, linear.new_tensor([0.2126, 0.7152, 0.0722]))
    z = torch.einsum("nck,c->nk", linear, linear.new_tensor([0.0193, 0.1192, 0.9505])) / 1.089
    fy, fz = (torch.where(v > 0.008856, v.clamp(min=1e-4) ** (1 / 3), 7.787 * v + 16 / 116)
              for v in (y, z))  # fmt: skip
    light, yellow = (116 * fy - 16).mean(1), 200 * (fy - fz).mean(1)
    # Where there is hardly any yellow, the angle jumps; the measure refuses such faces.
    return torch.rad2deg(torch.atan2(light - 50, yellow.clamp(min=LEAST_YELLOW)))


def shading(x: Tensor) -> Tensor:
    """(N, 1, S, S) luma without its coarse part: what a change of tone must keep."""
    luma = torch.einsum("nchw,c->nhw", x, x.new_tensor(LUMA))[:, None]
    return luma - F.avg_pool2d(F.pad(luma, (4, 4, 4, 4), mode="reflect"), 9, 1)


def _down(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after),
                         nn.LeakyReLU(0.2))  # fmt: skip


def _up(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
                         nn.BatchNorm2d(after), nn.ReLU())  # fmt: skip
