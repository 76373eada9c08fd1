"""Generate other pictures of the person of a photograph, to train recognisers with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Artefact, Detector, Made, Provenance, option_pairs, silent
from mien.detect import REASONS, detect_with_retries
from mien.errors import MienError, NoFaceError, OptionError, WeightsError
from mien.media import stretched
from mien.media.skin import UTKFACE_POINTS
from mien.runtime import Session
from mien.types import Crop, Device, OnStep, Pixels
from mien.zoo import DETECTOR, load

SIDE, NOISE = 32, 64  # px of a face; values of noise, in the first rows of a fourth channel
MARGIN = 10 / 128  # of the side that is cut off a face in UTKFace's framing: borders of tight crops
ZOOM = 1 / (1 - 2 * MARGIN)
CROP = Crop(size=128, points=UTKFACE_POINTS)  # from brows to chin; `inner` reduces it
MOST = 1000  # images of one run


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien make --set KEY=VALUE`."""

    count: int = 8  # images of the person
    size: int = 128  # px of a written image; beyond 32 it is only enlarged
    aligned: bool = False  # the image is one face, cut as UTKFace cuts it; it is not searched
    seed: int = 0  # of the noise


class GanAugment:
    """README.md beside this file is its card."""

    needs = ("image",)
    options = Options

    def __init__(
        self,
        weights: Path | None = None,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        detector: Detector | None = None,
    ) -> None:
        """Open the generator of a training; the detector is opened when it is needed.

        Args:
            weights: ONNX file, (N, 4, 32, 32) -> y (N, 3, 32, 32) in [-1, 1].
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            detector: default: the default one.

        Raises:
            WeightsError: no weights are shipped.
        """
        if weights is None:
            raise WeightsError(
                f"'{name}' ships no weights, since a generator of faces stores personal data. "
                "Train it (mien train gan-augment --data PEOPLE) and name the run folder instead."
            )
        self._session = Session(weights, (None, 4, SIDE, SIDE), device=device)
        self.name, self.digest = name, digest
        self.device: Device = self._session.device
        self._detector = detector

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Generate pictures of the largest face of one photograph.

        Args:
            inputs: `image`.
            options: see Options.
            on_step: called after each image.

        Raises:
            NoFaceError: the photograph shows no face.
            OptionError: a setting is outside its range.
        """
        photo = inputs.get("image")
        if photo is None or photo.image is None:
            raise MienError(f"'{self.name}' generates from a photograph, and got none; name one.")
        _check(options)
        chip = self.face(photo.image, photo.name or "the image", aligned=options.aligned)
        rng = np.random.default_rng([options.seed, 337])
        made = []
        for number in range(options.count):
            [one] = self.variants(chip[None], rng.integers(1 << 31, size=1))
            made.append(Artefact("image", image=stretched(one, options.size), name=f"{number:04d}"))
            on_step("images", number + 1, options.count)
        return Made(tuple(made), self.provenance(((photo.name, photo.sha256),), options),
                    ("A generated face of a real person is personal data.",))  # fmt: skip

    def face(self, image: Pixels, where: str, *, aligned: bool = False) -> Pixels:
        """Cut the largest face of an image: (32, 32, 3).

        Raises:
            NoFaceError: there is none.
        """
        if aligned:
            return inner(image)
        if self._detector is None:
            self._detector = load(DETECTOR)
        found = detect_with_retries(self._detector, image, "when-needed")
        if found.largest is None:
            raise NoFaceError(f"No face in {where}. {REASONS[found.reason or 'none']}")
        return inner(align(image, [found.largest], CROP)[0])

    def variants(self, chips: Pixels, seeds: NDArray[np.int64]) -> Pixels:
        """One generated picture of each chip.

        Args:
            chips: (N, 32, 32, 3).
            seeds: (N,) of the noise of each.

        Returns:
            (N, 32, 32, 3).
        """
        packed = np.zeros((len(chips), 4, SIDE, SIDE), np.float32)
        packed[:, :3] = chips.transpose(0, 3, 1, 2) / 127.5 - 1
        for row, seed in enumerate(seeds):
            noise = np.random.default_rng([int(seed), 347]).normal(size=NOISE)
            packed[row, 3].reshape(-1)[:NOISE] = noise
        found = np.clip(self._session(packed)["y"], -1, 1).transpose(0, 2, 3, 1)
        return np.asarray(np.rint((found + 1) * 127.5), np.uint8)

    def provenance(self, made_from: tuple[tuple[str, str], ...], options: Options) -> Provenance:
        """What every file of a run states."""
        return Provenance(
            maker=self.name,
            digest=self.digest,
            change="synthetic",
            made_from=made_from,
            weights=(f"{self.name}@{self.digest}",),
            options=option_pairs(options),
            seed=options.seed,
        )


def inner(image: Pixels) -> Pixels:
    """The inner part of a face that is cut as UTKFace cuts it: (32, 32, 3)."""
    side = min(image.shape[:2])
    edge = round(MARGIN * side)
    return stretched(stretched(image, side)[edge : side - edge, edge : side - edge], SIDE)


def _check(options: Options) -> None:
    if not 1 <= options.count <= MOST:
        raise OptionError(f"count is {options.count}; expected 1 to {MOST}.")
    if not SIDE <= options.size <= 512:
        raise OptionError(f"size is {options.size}; expected {SIDE} to 512 px.")
