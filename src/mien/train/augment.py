"""Augment a batch without changing its labels: one seeded tensor operation for all images."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812 - the usual name


@dataclass(frozen=True, slots=True)
class Augment:
    """The largest shift, rotation, light and erased area of images; 0 disables a change.

    A clip (N, T, C, H, W) is changed as one: all its frames in the same way.
    """

    flip: float = 0.5  # share that is mirrored
    shift: float = 0.0  # of the side, in each direction
    turn: float = 0.0  # degrees, in each direction
    scale: float = 0.0  # share larger or smaller
    light: float = 0.0  # added to [0, 1], in each direction
    contrast: float = 0.0  # share around the mean of the image
    erase: float = 0.0  # share of images with a patch of noise
    erase_area: tuple[float, float] = (0.02, 0.2)  # of the image; arXiv:1708.04896: 0.02 to 0.4

    def __call__(self, pixels: Tensor, generator: Generator | None = None) -> Tensor:
        """Augment a batch.

        Args:
            pixels: (N, C, H, W) or (N, T, C, H, W), uint8, or floats in [0, 1].
            generator: random source; the same state gives the same images.

        Returns:
            Floats in [0, 1] of the same shape.
        """
        shape = pixels.shape
        x = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
        x = x.reshape(shape[0], -1, *shape[-2:])  # frames are channels: one change per clip
        x = self._placed(x, generator)
        x = self._lit(x, generator)
        if self.erase:
            x = self._erased(x, generator)
        return x.reshape(shape)

    def _placed(self, x: Tensor, generator: Generator | None) -> Tensor:
        """Mirror, shift, rotate and scale with one sampling."""
        n = len(x)
        mirror = torch.where(_chance(n, generator, x) < self.flip, -1.0, 1.0)
        if not (self.shift or self.turn or self.scale):
            return torch.where(mirror[:, None, None, None] < 0, x.flip(-1), x)
        angle = _within(n, math.radians(self.turn), generator, x)
        size = 1 + _within(n, self.scale, generator, x)
        move = [_within(n, 2 * self.shift, generator, x) for _ in range(2)]  # the side is 2 long
        cosine, sine = angle.cos() / size, angle.sin() / size
        rows = [cosine * mirror, -sine, move[0], sine * mirror, cosine, move[1]]
        grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(x.shape), align_corners=False)
        # The border is repeated outwards: black corners would reveal the rotation of an image.
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)

    def _lit(self, x: Tensor, generator: Generator | None) -> Tensor:
        if not (self.light or self.contrast):
            return x
        gain = 1 + _within(len(x), self.contrast, generator, x)[:, None, None, None]
        add = _within(len(x), self.light, generator, x)[:, None, None, None]
        mean = x.mean((1, 2, 3), keepdim=True)
        return ((x - mean) * gain + mean + add).clamp(0, 1)

    def _erased(self, x: Tensor, generator: Generator | None) -> Tensor:
        """Erase a patch with noise. Source: Zhong et al., "Random erasing", arXiv:1708.04896."""
        n, _, height, width = x.shape
        low, high = self.erase_area
        area = low + (high - low) * _chance(n, generator, x)
        aspect = torch.exp(
            _within(n, math.log(1 / 0.3), generator, x)
        )  # 0.3 to 3.3, as in the paper
        tall, wide = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
        top = _chance(n, generator, x) * (1 - tall)
        left = _chance(n, generator, x) * (1 - wide)
        rows = (torch.arange(height, device=x.device) + 0.5) / height
        columns = (torch.arange(width, device=x.device) + 0.5) / width
        across = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
        down = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
        chosen = _chance(n, generator, x) < self.erase
        patch = (down[:, :, None] & across[:, None, :] & chosen[:, None, None])[:, None]
        noise = torch.rand(x.shape, generator=generator, device=x.device)
        return torch.where(patch, noise, x)


def _chance(count: int, generator: Generator | None, like: Tensor) -> Tensor:
    return torch.rand(count, generator=generator, device=like.device)


def _within(count: int, far: float, generator: Generator | None, like: Tensor) -> Tensor:
    """(N,) uniform in [-far, far]."""
    return (2 * _chance(count, generator, like) - 1) * far
