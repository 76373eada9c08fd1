"""Animate the face of a real photograph by action units, blendshapes and pose.

A head model is fitted to the landmarks, the photograph becomes its texture, and the moved head
warps the texture (mien.synth.motion.photo_puppet): real skin, known motion.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np

from mien.contracts import Artefact, Detector, Landmarker, Made, Provenance, silent
from mien.detect import REASONS, detect_with_retries
from mien.errors import MienError, NoFaceError, OptionError
from mien.landmarks import fit_largest
from mien.synth import Pose, open_head
from mien.synth.motion.controls import resolve
from mien.synth.motion.photo_puppet import Puppet
from mien.types import Device, Floats, OnStep, Pixels
from mien.zoo import DETECTOR, load

MESH = "attention-mesh"  # whose points the head is fitted to
AROUND = 1.2  # widths of the face around it that may move
FARTHEST = 15.0  # degrees; beyond, the skin tears, and newly visible skin is unknown


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien make photo-puppet --set KEY=VALUE`."""

    units: tuple[str, ...] = ("AU6:0.6", "AU12:0.8")  # action units, blendshapes, viseme:PP; 0 to 1
    yaw: float = 0.0  # degrees by which the head is turned, to image right
    pitch: float = 0.0  # degrees upwards
    roll: float = 0.0  # degrees clockwise
    seconds: float = 0.0  # length of a film that goes there and back; 0: an image
    rate: float = 25.0  # frames per second of the film


class PhotoPuppet:
    """README.md beside this file is its card."""

    needs = ("image",)
    options = Options

    def __init__(
        self,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        detector: Detector | None = None,
        landmarker: Landmarker | None = None,
    ) -> None:
        """Open the detector and the landmarker.

        Args:
            name: the card this was opened from.
            digest: of the card.
            device: see mien.runtime; the warping itself runs on the CPU.
            detector: default: the default one.
            landmarker: default: the attention mesh.
        """
        self.name, self.digest = name, digest
        self._detector = detector or load(DETECTOR, device=device)
        self._landmarker = landmarker or load(MESH, device=device)
        self._head = open_head("builtin")
        self.device: Device = self._landmarker.device

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Move the largest face of one photograph.

        Args:
            inputs: `image`.
            options: movements and their strength.
            on_step: called before and after the image, or after each frame.

        Returns:
            An image, or a film that goes from the photograph to the movement and back.

        Raises:
            NoFaceError: the photograph shows no face.
            OptionError: an unknown unit, a strength outside 0 to 1, or a turn that tears the skin.
        """
        photo = inputs.get("image")
        if photo is None or photo.image is None:
            raise MienError(f"'{self.name}' animates a photograph, and got none; name an image.")
        units, turn = _moves(options)
        on_step("face", 0, 1)
        points, faces = self._points(photo.image, photo.name or "the image")
        top, left, bottom, right = _region(points, photo.image.shape)
        part = np.ascontiguousarray(photo.image[top:bottom, left:right])
        puppet = Puppet(self._head, part, points - np.array([left, top], np.float32))

        def moved(share: float) -> Pixels:
            """(H, W, 3) the photograph at a share of the movement."""
            weights = {name: share * weight for name, weight in units.items()}
            at = Pose(share * turn.yaw, share * turn.pitch, share * turn.roll)
            out: Pixels = photo.image.copy()  # type: ignore[union-attr]
            out[top:bottom, left:right] = puppet(weights, at).image
            return out

        on_step("face", 1, 1)
        if options.seconds:
            made = Artefact("film", frames=_frames(moved, options, on_step))
        else:
            made = Artefact("image", image=moved(1.0))
        notes = (f"{faces} faces are in the image; the largest one moves.",) if faces > 1 else ()
        return Made((made,), self._provenance(photo, options), notes)

    def _points(self, image: Pixels, where: str) -> tuple[Floats, int]:
        """(68, 2) px of the largest face in the order of iBUG, and how many faces there are."""
        found = detect_with_retries(self._detector, image, "never")
        if not found.faces:
            raise NoFaceError(f"No face in {where}. {REASONS[found.reason or 'none']}")
        return fit_largest(self._landmarker, image, found.faces, where), len(found.faces)

    def _provenance(self, photo: Artefact, options: Options) -> Provenance:
        parts = (self._detector, self._landmarker)
        return Provenance(
            maker=self.name,
            digest=self.digest,
            change="synthetic",
            made_from=((photo.name, photo.sha256),),
            weights=tuple(f"{model.name}@{model.digest}" for model in parts),
            options=tuple((f.name, _text(getattr(options, f.name))) for f in fields(options)),
        )


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _moves(options: Options) -> tuple[dict[str, float], Pose]:
    """Strength of each unit, and the turn."""
    units: dict[str, float] = {}
    for text in options.units:
        name, _, strength = text.rpartition(":")
        try:
            units[name] = float(strength)
        except ValueError:
            units[name] = math.nan
        if not name or not 0 <= units[name] <= 1:
            raise OptionError(
                f"'{text}' is not a unit with a strength from 0 to 1: write units=AU12:0.8,AU4:0.3."
            )
    try:
        resolve(units)  # checks the names
    except MienError as error:
        raise OptionError(str(error)) from None
    turn = Pose(options.yaw, options.pitch, options.roll)
    for name, angle in (("yaw", turn.yaw), ("pitch", turn.pitch), ("roll", turn.roll)):
        if not abs(angle) <= FARTHEST:
            raise OptionError(
                f"{name} is {angle:g} degrees; a photograph can be turned by at most {FARTHEST:g}, "
                "since the skin that would become visible is not in it."
            )
    if options.seconds < 0 or not 1 <= options.rate <= 200 or options.seconds > 60:
        raise OptionError(
            f"A film of {options.seconds:g} s at {options.rate:g} frames per second cannot be "
            "made: seconds from 0 to 60, rate from 1 to 200."
        )
    return units, turn


def _region(points: Floats, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the region that may move, inside the image."""
    low, high = points.min(axis=0), points.max(axis=0)
    reach = AROUND * float((high - low).max())
    left, top = np.maximum(0, np.floor(low - reach)).astype(int)
    right, bottom = np.minimum([shape[1], shape[0]], np.ceil(high + reach)).astype(int)
    return int(top), int(left), int(bottom), int(right)


def _frames(
    moved: Callable[[float], Pixels], options: Options, on_step: OnStep
) -> Iterator[tuple[float, Pixels]]:
    """Seconds and images: there and back, slow at both ends."""
    count = max(2, round(options.seconds * options.rate))
    for number in range(count):
        share = (1 - math.cos(2 * math.pi * number / (count - 1))) / 2
        yield number / options.rate, moved(share)
        on_step("frames", number + 1, count)
