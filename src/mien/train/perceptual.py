"""LPIPS with weights that the user supplies: none are shipped, and none are fetched.

The file is a torch state dict with both parts of the published weights: the convolutions of
torchvision's AlexNet or VGG-16 (ImageNet), and the linear layers of LPIPS version 0.1. That of
`lpips.LPIPS(net="alex").state_dict()` has both; so has

    torch.save({**torch.load("alexnet-owt-7be5be79.pth"), **torch.load("alex.pth")}, "lpips.pth")
"""

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import MienError, WeightsError
from mien.metrics import lpips
from mien.types import Doubles, Floats, Pixels

FILE = "lpips.pth"  # in a run folder: proofs measure LPIPS with it
UNMEASURED = "not measured"
LEAST = 32  # px of a picture; the last layers would be empty
BATCH = 16
# Of each channel in [-1, 1]; source: the published code, from the means of ImageNet.
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
CONVOLUTION = re.compile(r"(?:net\.slice\d+|features)\.(\d+)\.(weight|bias)")
LINEAR = re.compile(r"lin(\d+)\.model\.1\.weight")


@dataclass(frozen=True, slots=True)
class _Form:
    """What a network does between its convolutions."""

    strides: tuple[int, ...]
    padding: tuple[int, ...]
    pooled: tuple[int, ...]  # convolutions before which is a maximum of `pool` px, stride 2
    pool: int
    layers: tuple[int, ...]  # convolutions after whose ReLU features are taken


# By the side of the first kernel. Source: torchvision's alexnet and vgg16.
FORMS = {
    11: _Form((4, 1, 1, 1, 1), (2, 2, 1, 1, 1), (1, 2), 3, (0, 1, 2, 3, 4)),
    3: _Form((1,) * 13, (1,) * 13, (2, 4, 7, 10), 2, (1, 3, 6, 9, 12)),
}


class Lpips:
    """LPIPS of pictures by a file of weights."""

    def __init__(self, path: Path) -> None:
        """Open the weights.

        Args:
            path: torch state dict, see above; nothing in it is executed.

        Raises:
            WeightsError: it cannot be read, or is not that of AlexNet or VGG-16 with linear layers.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise WeightsError(
                f"{path} cannot be read as a torch state dict ({str(error).splitlines()[0]})."
            ) from error
        self.path = path
        self._steps, self._form = _convolutions(path, state)
        linear = {int(m[1]): value for name, value in _tensors(state).items()
                  if (m := LINEAR.fullmatch(name))}  # fmt: skip
        widths = [len(self._steps[k][1]) for k in self._form.layers]
        if sorted(linear) != list(range(len(widths))) or any(
            linear[k].numel() != width for k, width in enumerate(widths)
        ):
            raise WeightsError(
                f"{path} lacks linear layers of LPIPS for {widths} channels: expected "
                "lin0.model.1.weight to lin4.model.1.weight beside the convolutions."
            )
        self._weights = [linear[k].flatten().numpy().astype(np.float32) for k in sorted(linear)]

    def __call__(self, pictures: Pixels, references: Pixels) -> Doubles:
        """(N,) distances of pictures (N, H, W, 3) to references; 0: equal, lower is better.

        Raises:
            MienError: different shapes, or sides below 32 px.
        """
        if pictures.shape != references.shape or pictures.ndim != 4 or not pictures.size:
            raise MienError(
                f"Pictures of shape {pictures.shape} cannot be compared with references of shape "
                f"{references.shape}: expected (N, H, W, 3) of both."
            )
        if min(pictures.shape[1:3]) < LEAST:
            raise MienError(
                f"LPIPS needs pictures of at least {LEAST} px per side, got "
                f"{pictures.shape[2]} x {pictures.shape[1]}."
            )
        found = [
            lpips(self._maps(pictures[k : k + BATCH]), self._maps(references[k : k + BATCH]),
                  self._weights)
            for k in range(0, len(pictures), BATCH)
        ]  # fmt: skip
        return np.concatenate(found)

    @torch.no_grad()
    def _maps(self, images: Pixels) -> list[Floats]:
        form = self._form
        x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
        shift, scale = (torch.tensor(one)[:, None, None] for one in (SHIFT, SCALE))
        x, found = (x - shift) / scale, []
        for number, (weight, bias) in enumerate(self._steps):
            if number in form.pooled:
                x = F.max_pool2d(x, form.pool, 2)
            x = F.conv2d(x, weight, bias, form.strides[number], form.padding[number]).relu()
            if number in form.layers:
                found.append(x.numpy())
        return found


def lpips_of(weights: Path | None, pictures: Pixels, references: Pixels) -> float | None:
    """Mean LPIPS; None without a file of weights, which a page shows as "not measured"."""
    return float(_opened(weights)(pictures, references).mean()) if weights else None


@lru_cache(maxsize=1)
def _opened(weights: Path) -> Lpips:
    """A file of weights, read once: those of VGG-16 have 60 MB, and proofs ask for each arm."""
    return Lpips(weights)


def weights_in(out: Path) -> Path | None:
    """The file of LPIPS weights that a user laid into a run folder; None: there is none.

    A proof with --quick runs in a folder inside of it, where none is looked for.
    """
    path = out / FILE
    return path if path.is_file() else None


def _tensors(state: object) -> dict[str, Tensor]:
    if not isinstance(state, Mapping):
        return {}
    return {str(name): value for name, value in state.items() if isinstance(value, Tensor)}


def _convolutions(path: Path, state: object) -> tuple[list[tuple[Tensor, Tensor]], _Form]:
    parts: dict[int, dict[str, Tensor]] = {}
    for name, value in _tensors(state).items():
        if match := CONVOLUTION.fullmatch(name):
            parts.setdefault(int(match[1]), {})[match[2]] = value.float()
    steps = [
        (one["weight"], one["bias"]) for _, one in sorted(parts.items())
        if {"weight", "bias"} <= set(one) and one["weight"].ndim == 4
    ]  # fmt: skip
    form = FORMS.get(int(steps[0][0].shape[-1])) if steps else None
    fits = form is not None and len(steps) == len(form.strides)
    into = 3
    for weight, bias in steps:
        fits = fits and weight.shape[1] == into and bias.shape == weight.shape[:1]
        into = int(weight.shape[0])
    if form is None or not fits:
        raise WeightsError(
            f"{path} is no file of LPIPS: expected the convolutions of torchvision's AlexNet (5) "
            f"or VGG-16 (13), found {len(steps)}."
        )
    return steps, form
