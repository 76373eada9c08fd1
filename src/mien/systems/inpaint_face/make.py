"""Fill hidden parts of photographs and of the faces in them: scratches, or what covers a face."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.align import matrix
from mien.contracts import Artefact, Detector, Made, Provenance, option_pairs, silent
from mien.detect import REASONS, detect_with_retries
from mien.errors import MienError, NoFaceError, OptionError
from mien.media import add_correction, inpainted, read_image, warp
from mien.media.skin import UTKFACE_POINTS
from mien.runtime import Session
from mien.systems.inpaint_face.holes import MEDICAL_MASK, SUNGLASSES, Mask, polygon
from mien.types import Crop, Face, Floats, OnStep, Pixels
from mien.zoo import DETECTOR, load

SIDE = 64  # px of a chip
CROP = Crop(size=SIDE, points=UTKFACE_POINTS)
REGIONS = {"eyes": SUNGLASSES, "mouth": MEDICAL_MASK}  # of a face, by name
WHITE = 128  # grey value from which a pixel of a mask is hidden
LARGE = 2.0  # times the side of a chip; in larger faces, what is filled lacks detail
LEAST = 2  # px of a chip that are hidden; fewer need no network


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien make inpaint-face --set KEY=VALUE`."""

    hidden: str = ""  # a mask as large as the image, white where it is hidden; or eyes, or mouth


class InpaintFace:
    """README.md beside this file is its card."""

    needs = ("image",)
    options = Options

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
        """Open the graph and the detector.

        Args:
            weights: the ONNX file that train.py writes.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
            detector: default: the default one.
        """
        self._session = Session(weights, (None, 4, SIDE, SIDE), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device
        self._detector = detector or load(DETECTOR, device=device)

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Fill what is hidden in one photograph; all other pixels stay.

        Args:
            inputs: `image`.
            options: see Options.
            on_step: called after each face.

        Raises:
            OptionError: nothing is hidden, or the mask does not fit.
            NoFaceError: eyes or mouth of no face.
        """
        photo = inputs.get("image")
        if photo is None or photo.image is None:
            raise MienError(f"'{self.name}' fills a photograph, and got none; name an image.")
        image = photo.image
        sources: tuple[tuple[str, str], ...] = ((photo.name, photo.sha256),)
        if options.hidden in REGIONS:
            faces = self._faces(image)
            if not faces:
                where = photo.name or "the image"
                raise NoFaceError(f"No face in {where}. {REASONS['none']} Or give a mask.")
            hidden = regions(faces, image.shape[:2], options.hidden)
            done = inpainted(image, hidden)
        else:
            hidden, source = read_mask(options.hidden, image)
            sources = (*sources, source)
            done = inpainted(image, hidden)
            faces = self._faces(done)
        filled = self._with_faces(done, hidden, faces, on_step)
        sides = [SIDE / float(np.hypot(*matrix(face, CROP)[:, 0])) for face in faces]
        made = Provenance(
            maker=self.name,
            digest=self.digest,
            change="restored",
            made_from=sources,
            weights=(f"{self.name}@{self.digest}",
                     f"{self._detector.name}@{self._detector.digest}"),
            options=option_pairs(options),
        )  # fmt: skip
        return Made((Artefact("image", image=filled),), made, _notes(hidden, sides))

    def _with_faces(self, done: Pixels, hidden: Mask, faces: list[Face], on_step: OnStep) -> Pixels:
        """Correct the simple filling where it lies in a face."""
        given, white = done, np.repeat(hidden[..., None], 3, -1).astype(np.uint8) * 255
        for number, face in enumerate(faces, 1):
            place = matrix(face, CROP)
            mask = warp(white, place, SIDE)[..., 0] >= WHITE
            if mask.sum() >= LEAST:
                chip = warp(done, place, SIDE, "edge")[None]
                done = add_correction(done, (self.chips(chip, mask[None]) - chip)[0], place)
            on_step("faces", number, len(faces))
        return np.where(hidden[..., None], done, given)

    def chips(self, chips: Pixels, hidden: np.ndarray) -> Floats:
        """Fill aligned faces.

        Args:
            chips: (N, 64, 64, 3), hidden parts filled by `inpainted`.
            hidden: (N, 64, 64).

        Returns:
            (N, 64, 64, 3), 0 to 255, not rounded.
        """
        x = np.concatenate([chips.astype(np.float32) / 255, hidden[..., None]], -1)
        [found] = self._session(np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)).values()
        return np.asarray(found.transpose(0, 2, 3, 1).clip(0, 1) * 255, np.float32)

    def _faces(self, image: Pixels) -> list[Face]:
        return detect_with_retries(self._detector, image, "never").faces


def read_mask(name: str, image: Pixels) -> tuple[Mask, tuple[str, str]]:
    """Read a mask, and return it with its name and digest.

    Raises:
        OptionError: no name, another size than the image, or nothing is hidden.
        ImageError: the file cannot be read.
    """
    if not name:
        raise OptionError(
            f"Nothing is hidden: --set hidden=MASK, an image that is white where it is, or one of "
            f"{', '.join(REGIONS)}."
        )
    given = read_image(name)
    if given.shape != image.shape:
        sizes = [f"{one.shape[1]} x {one.shape[0]} px" for one in (given, image)]
        raise OptionError(f"The mask has {sizes[0]}, the image {sizes[1]}; make them equal.")
    hidden = given.mean(-1) >= WHITE
    if not hidden.any():
        raise OptionError(f"The mask {name} is white nowhere, so nothing is hidden.")
    if hidden.all():
        raise OptionError(f"The mask {name} is white everywhere, so nothing is left to fill from.")
    return hidden, (Path(name).name, hashlib.sha256(Path(name).read_bytes()).hexdigest())


def regions(faces: list[Face], shape: tuple[int, ...], name: str) -> Mask:
    """(H, W) where the region of each face is."""
    hidden = np.zeros(shape, bool)
    y, x = np.mgrid[: shape[0], : shape[1]]
    form = polygon(np.array(REGIONS[name]), SIDE)
    for face in faces:
        place = matrix(face, CROP)
        at = np.einsum("ij,jhw->ihw", place[:, :2], np.stack([x, y])) + place[:, 2, None, None]
        column, row = np.rint(at).astype(int)
        inside = (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
        hidden[inside] |= form[row[inside], column[inside]]
    return hidden


def _notes(hidden: Mask, sides: list[float]) -> tuple[str, ...]:
    notes = [f"{hidden.mean():.1%} of the image is a guess: nobody knows what was there."]
    if not sides:
        notes.append("No face was found, so all is filled from its surroundings.")
    elif max(sides) > LARGE * SIDE:
        notes.append(f"Faces are up to {max(sides):.0f} px wide and are filled at {SIDE} px, so "
                     "what is filled lacks detail.")  # fmt: skip
    return tuple(notes)
