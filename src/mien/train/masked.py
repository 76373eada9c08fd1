"""Masked pretraining: a transformer predicts hidden patches of images, without labels."""

import math
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from mien.errors import TrainingError
from mien.train.folder import write_tensors

ENCODER = "encoder.pt"  # in the run folder of a pretraining


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of an encoder."""

    side: int = 112  # px
    patch: int = 16  # px
    width: int = 64  # numbers of a token
    depth: int = 4  # layers
    heads: int = 4  # of attention


def write_encoder(encoder: "Encoder", sizes: Sizes, folder: Path) -> None:
    """Keep an encoder in a run folder."""
    write_tensors(folder / ENCODER, {"sizes": asdict(sizes), "state": encoder.state_dict()})


def read_encoder(folder: Path, side: int) -> "Encoder":
    """The encoder of a run folder.

    Args:
        folder: of `mien train face-mae`.
        side: px, of the images that it shall take.

    Raises:
        TrainingError: there is none, it is damaged, or it takes images of another size.
    """
    place = folder / ENCODER
    try:
        kept = torch.load(place, map_location="cpu", weights_only=True)
        sizes = Sizes(**kept["sizes"])
        encoder = Encoder.of(sizes)
        encoder.load_state_dict(kept["state"])
    except FileNotFoundError as error:
        raise TrainingError(
            f"{folder} has no {ENCODER}: it is no run folder of a pretraining. Make one with: "
            "mien train face-mae --data FOLDER"
        ) from error
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, EOFError,
            pickle.UnpicklingError) as error:  # fmt: skip
        why = next(iter(str(error).splitlines()), "it is empty")
        raise TrainingError(
            f"{place} cannot be read ({why}); run the pretraining again."
        ) from error
    if sizes.side != side:
        raise TrainingError(
            f"The encoder of {place} takes images of {sizes.side} px, and {side} px are needed; "
            f"pretrain it with --set side={side}."
        )
    return encoder


class Encoder(nn.Module):
    """A vision transformer: mean of the tokens of all patches, or of given ones.

    Source: FAHR-Face's card: ViT, 112 px, mean and spread 0.5; sizes are free here. The layers
    are those of He et al., "Masked autoencoders are scalable vision learners", arXiv:2111.06377.
    """

    @classmethod
    def of(cls, sizes: Sizes) -> "Encoder":
        """An encoder of these sizes."""
        return cls(sizes.side, sizes.patch, sizes.width, sizes.depth, sizes.heads)

    def __init__(self, side: int, patch: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        if side % patch:
            raise ValueError(f"{side} px cannot be cut into patches of {patch} px.")
        self.patch, self.width, self.across = patch, width, side // patch
        self.cut = nn.Conv2d(3, width, patch, patch)
        self.register_buffer("place", positions(self.across, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)

    place: Tensor  # a buffer

    def tokens(self, pixels: Tensor) -> Tensor:
        """(N, T, width) of (N, 3, S, S) pixels in [0, 1], before any layer."""
        patches = self.cut((pixels - 0.5) / 0.5).flatten(2).transpose(1, 2)
        return cast(Tensor, patches + self.place)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, width)."""
        return cast(Tensor, self.norm(self.layers(self.tokens(pixels))).mean(1))


class Autoencoder(nn.Module):
    """Predict three quarters of the patches from the others: pretraining without labels."""

    MASKED = 0.75
    place: Tensor  # a buffer

    def __init__(self, encoder: Encoder, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.narrow = nn.Linear(encoder.width, width)
        self.blank = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("place", positions(encoder.across, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.paint = nn.Linear(width, 3 * encoder.patch**2)

    def forward(self, pixels: Tensor) -> Tensor:
        """Mean squared error on the hidden patches, each normalised by its own mean and spread."""
        count = self.encoder.across**2
        order = torch.rand(len(pixels), count, device=pixels.device).argsort(1)
        shown = order[:, : round(count * (1 - self.MASKED))]
        return self.errors(pixels, shown).mean()

    def errors(self, pixels: Tensor, shown: Tensor) -> Tensor:
        """(N,) mean squared error on the patches that are not shown.

        Args:
            pixels: (N, 3, S, S) in [0, 1].
            shown: (N, K) numbers of the patches that the encoder sees.
        """
        tokens = self.encoder.tokens(pixels)
        n, count, width = tokens.shape
        seen = tokens.gather(1, shown[..., None].expand(-1, -1, width))
        seen = self.narrow(self.encoder.norm(self.encoder.layers(seen)))
        whole = self.blank.expand(n, count, -1).to(seen.dtype)
        whole = whole.scatter(1, shown[..., None].expand(-1, -1, seen.shape[2]), seen)
        painted = self.paint(self.layers(whole + self.place)).float()
        hidden = torch.ones(n, count, device=pixels.device).scatter(1, shown, 0)
        error = ((painted - self._targets(pixels)) ** 2).mean(2)
        return cast(Tensor, (error * hidden).sum(1) / hidden.sum(1))

    def _targets(self, pixels: Tensor) -> Tensor:
        patch = self.encoder.patch
        cut = nn.functional.unfold(pixels, patch, stride=patch).transpose(1, 2)  # (N, T, 3 p p)
        mean, spread = cut.mean(2, keepdim=True), cut.var(2, keepdim=True)
        return (cut - mean) / (spread + 1e-6).sqrt()


def positions(across: int, width: int) -> Tensor:
    """(1, T, width) sines and cosines of row and column, not trained.

    Source: Vaswani et al., arXiv:1706.03762, with separate rows and columns as in arXiv:2111.06377.
    """
    quarter = width // 4
    rates = torch.exp(-math.log(10_000) * torch.arange(quarter) / quarter)
    turn = torch.arange(across)[:, None] * rates  # (across, quarter)
    wave = torch.cat([turn.sin(), turn.cos()], 1)  # (across, width / 2)
    rows = wave[:, None].expand(-1, across, -1)
    return torch.cat([rows, rows.transpose(0, 1)], 2).reshape(1, across**2, -1)
