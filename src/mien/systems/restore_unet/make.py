"""Restore faces in photographs taken in rain, snow, fog or the dark, or enlarge small faces."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.align import matrix
from mien.contracts import Artefact, Detector, Made, Provenance, option_pairs, silent
from mien.detect import REASONS, detect_with_retries
from mien.errors import MienError, NoFaceError, OptionError
from mien.media import add_correction, enlarged, warp
from mien.media.skin import UTKFACE_POINTS
from mien.runtime import Session
from mien.types import Crop, Doubles, Face, Floats, OnStep, Pixels
from mien.zoo import DETECTOR, load

SIDE, FACTOR = 128, 4  # px of a chip; the factor by which training faces were enlarged
# The framing of UTKFace's crops, on which the network was trained: from brows to chin.
CROP = Crop(size=SIDE, points=UTKFACE_POINTS)
LARGE = 2.0  # times the side of a chip; in larger faces, most faults are finer than it shows
SIDES = 16_384  # px; a larger image is not enlarged


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien restore` and `mien enhance`, by --set KEY=VALUE."""

    scale: int = 1  # the image is enlarged so many times first: 1, 2, 3 or 4
    aligned: bool = False  # the image is one face, cut as UTKFace cuts it; it is not searched
    changes: bool = False  # also write an image of the absolute changes, five times as strong


class FaceRestorer:
    """Restores each face of a photograph by a network; the rest of the photograph stays.

    Subclasses name the framing of their faces and the range of their pixels.
    """

    needs = ("image",)
    options = Options
    crop: Crop  # of the faces that the network takes
    signed = False  # its pixels are -1 to 1; else 0 to 1
    batch: int | None = 1  # faces of one run; None: any number
    further: tuple[tuple[int, ...], ...] = ()  # shapes of its inputs after the faces

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int = 1,
        detector: Detector | None = None,
    ) -> None:
        """Open the graph; the detector is opened when it is needed.

        Args:
            weights: the ONNX file.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
            detector: default: the default one.
        """
        self.side = self.crop.size
        shape = (self.batch, 3, self.side, self.side)
        self._session = Session(weights, shape, *self.further, device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device
        self._detector = detector

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Restore all faces of one photograph; the rest of the image stays.

        Args:
            inputs: `image`.
            options: see Options.
            on_step: called after each face.

        Returns:
            An image, and with `changes` a second one, which shows where it was changed.

        Raises:
            NoFaceError: no face was found.
            OptionError: a scale that is not 1 to 4, or an image too large for it.
        """
        photo = inputs.get("image")
        if photo is None or photo.image is None:
            raise MienError(f"'{self.name}' restores a photograph, and got none; name an image.")
        image = _scaled(photo.image, options.scale)
        notes: tuple[str, ...] = ()
        weights: tuple[str, ...] = (f"{self.name}@{self.digest}",)
        if options.aligned:
            on_step("faces", 0, 1)
            places = [_whole(image, self.side)]
        else:
            faces = self._faces(photo.image, options.scale, photo.name or "the image")
            on_step("faces", 0, len(faces))
            detector = self._finder()
            weights = (*weights, f"{detector.name}@{detector.digest}")
            places = [matrix(face, self.crop) for face in faces]
            notes = _notes(places, self.side)
        done, more = image, self.further_inputs(options)
        for number, place in enumerate(places, 1):
            chip = warp(image, place, self.side, "edge")[None]
            done = add_correction(done, (self.chips(chip, *more) - chip)[0], place)
            on_step("faces", number, len(places))
        made = [Artefact("image", image=done, name="restored" if options.changes else "")]
        if options.changes:
            far = np.abs(done.astype(np.int16) - image)
            made.append(Artefact("image", image=np.minimum(5 * far, 255).astype(np.uint8),
                                 name="changes"))  # fmt: skip
        return Made(tuple(made), self._provenance(photo, options, weights), notes)

    def further_inputs(self, options: Any) -> tuple[Doubles, ...]:
        """Return the inputs of the network after the faces, by the settings."""
        return ()

    def chips(self, chips: Pixels, *more: Doubles) -> Floats:
        """Restore aligned faces: (N, S, S, 3) to the same shape, 0 to 255, not rounded."""
        x = np.ascontiguousarray(chips.transpose(0, 3, 1, 2) / np.float32(255), np.float32)
        if self.signed:
            x = 2 * x - 1
        [found] = self._session(x, *more).values()
        found = ((found + 1) / 2 if self.signed else found).clip(0, 1)
        return np.asarray(found.transpose(0, 2, 3, 1) * 255, np.float32)

    def _finder(self) -> Detector:
        if self._detector is None:
            self._detector = load(DETECTOR, device=self.device.name)
        return self._detector

    def _faces(self, image: Pixels, scale: int, where: str) -> list[Face]:
        """The upright faces of the image, with points of the enlarged one."""
        # Small faces are found in the enlarged image only, large ones in both: search that.
        found = detect_with_retries(self._finder(), _scaled(image, scale), "never")
        if not found.faces:
            raise NoFaceError(
                f"No face in {where}. {REASONS[found.reason or 'none']} If the image is cut to "
                "one face already: --set aligned=true."
            )
        return found.faces

    def _provenance(
        self, photo: Artefact, options: Options, weights: tuple[str, ...]
    ) -> Provenance:
        return Provenance(
            maker=self.name,
            digest=self.digest,
            change="restored",
            made_from=((photo.name, photo.sha256),),
            weights=weights,
            options=option_pairs(options),
        )


class RestoreUNet(FaceRestorer):
    """README.md beside this file is its card."""

    crop, batch = CROP, None


def _scaled(image: Pixels, scale: int) -> Pixels:
    if scale not in range(1, FACTOR + 1):
        raise OptionError(f"scale is {scale}; expected 1, 2, 3 or 4.")
    if scale == 1:
        return image
    if scale * max(image.shape[:2]) > SIDES:
        raise OptionError(
            f"An image of {image.shape[1]} x {image.shape[0]} px is not enlarged {scale} times, "
            f"since a side would exceed {SIDES:,} px; cut it to the faces first."
        )
    return enlarged(image, scale)


def _whole(image: Pixels, side: int) -> Floats:
    """(2, 3) transform of a whole image to a chip."""
    across, down = side / image.shape[1], side / image.shape[0]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]], np.float32)


def _notes(places: list[Floats], side: int) -> tuple[str, ...]:
    sides = [side / float(np.hypot(*place[:, 0])) for place in places]
    large = [one for one in sides if one > LARGE * side]
    if not large:
        return ()
    return (
        f"{len(large)} of {len(sides)} faces are wider than {LARGE * side:.0f} px (up to "
        f"{max(large):.0f}); the network works at {side} px, so finer faults in them stay.",
    )
