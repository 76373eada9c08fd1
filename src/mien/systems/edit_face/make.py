"""Edit a face of a photograph: a smile, a skin tone, or what a trained editor has learnt."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.align import matrix
from mien.contracts import Artefact, Detector, Landmarker, Made, Provenance, option_pairs, silent
from mien.detect import REASONS, detect_with_retries
from mien.errors import MienError, NoFaceError, OptionError
from mien.landmarks import fit_largest
from mien.media import add_correction, warp
from mien.media.skin import UTKFACE_POINTS, cheeks, toned
from mien.metrics import tone_angle
from mien.synth import open_head
from mien.synth.motion.photo_puppet import Puppet
from mien.systems.edit_face.attributes import changes_of
from mien.systems.edit_face.editing import SIDE as SMALL
from mien.systems.edit_face.editing import LearnedEdits, open_edits
from mien.types import Crop, Device, Face, Floats, OnStep, Pixels, Points
from mien.zoo import DETECTOR, load

SIDE = 256  # px of the chip in which the tone changes
# The framing of UTKFace's crops, with half of a face more on each side: ears, forehead and neck.
ZOOM = 0.62
WIDE: Points = tuple((0.5 + ZOOM * (x - 0.5), 0.5 + ZOOM * (y - 0.5)) for x, y in UTKFACE_POINTS)
CROP, FRAME = Crop(size=SIDE, points=WIDE), Crop(size=SIDE, points=UTKFACE_POINTS)
COARSE = Crop(size=SMALL, points=UTKFACE_POINTS)  # of a trained editor
MESH = "attention-mesh"  # whose points the head is fitted to
AROUND = 1.2  # widths of the face around it that may move
SMILE, FROWN = {"AU6": 0.6, "AU12": 1.0}, {"AU15": 1.0, "AU17": 0.4}
SMILING = "smiling"  # an attribute of that name replaces the moved head
DARKEST, LIGHTEST = -60.0, 75.0  # degrees of ITA


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien edit --set KEY=VALUE`."""

    smiling: float = 0.0  # -1 (corners of the mouth down) to 1 (a smile), added to what is shown
    tone: float = 0.0  # degrees by which the angle of the skin tone (ITA) rises: above 0 lighter
    attributes: str = ""  # of a trained editor: NAME:NUMBER, -1 (remove) to 1 (add), with commas


class EditFace:
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
        landmarker: Landmarker | None = None,
    ) -> None:
        """Open the detector; the landmarker is opened when a mouth moves.

        Args:
            weights: ONNX file of a training, see editing.packed; default: formulas edit.
            name: the card this was opened from.
            digest: of the card.
            device: see mien.runtime; formulas run on the CPU.
            detector: default: the default one.
            landmarker: default: the attention mesh.

        Raises:
            WeightsError: the weights cannot be opened, or do not name their attributes.
        """
        self._learned: LearnedEdits | None = None
        if weights is not None:
            self._learned, _ = open_edits(weights, device)
        self.name, self.digest = name, digest
        self._device = device
        self._detector = detector or load(DETECTOR, device=device)
        self._landmarker = landmarker
        self.device: Device = self._detector.device

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Edit the largest face of one photograph.

        Args:
            inputs: `image`.
            options: see Options.
            on_step: called before and after each edit.

        Raises:
            NoFaceError: the photograph shows no face.
            OptionError: no edit, or one outside its range.
            MienError: the face has no colours, so its tone is not defined.
        """
        photo = inputs.get("image")
        if photo is None or photo.image is None:
            raise MienError(f"'{self.name}' edits a photograph, and got none; name an image.")
        changes = self._check(options)
        where = photo.name or "the image"
        on_step("edits", 0, 2)
        found = detect_with_retries(self._detector, photo.image, "never")
        face = found.largest
        if face is None:
            raise NoFaceError(f"No face in {where}. {REASONS[found.reason or 'none']}")
        image, notes = photo.image, []
        if len(found.faces) > 1:
            notes.append(f"{len(found.faces)} faces are in the image; the largest one is edited.")
        if self._learned is not None and (changes.any() or options.tone):
            image = _learnt(self._learned, image, face, changes, options.tone)
            notes.append(f"The editor changes faces at {SMALL} px; finer detail stays as it was.")
        if options.smiling and SMILING not in self._names:
            image = self._smiled(image, face, options.smiling, where)
        on_step("edits", 1, 2)
        if options.tone and self._learned is None:
            image = _toned(image, face, options.tone)
        if options.tone:
            notes.append("The skin tone of the face changed; hands and other skin keep theirs.")
        on_step("edits", 2, 2)
        return Made((Artefact("image", image=image),), self._provenance(photo, options),
                    tuple(notes))  # fmt: skip

    def _check(self, options: Options) -> Floats:
        """Check the options; return the changes (K,) of a trained editor's attributes."""
        if not options.smiling and not options.tone and not options.attributes:
            raise OptionError(
                "Nothing to edit: set smiling (-1 to 1), tone (degrees), or attributes (of a "
                "trained editor)."
            )
        if not -1 <= options.smiling <= 1:
            raise OptionError(f"smiling is {options.smiling:g}; expected -1 to 1.")
        if not abs(options.tone) <= LIGHTEST - DARKEST:
            raise OptionError(f"tone is {options.tone:g}; expected -135 to 135 degrees.")
        if self._learned is None:
            if options.attributes:
                raise OptionError(
                    "Attributes need a trained editor: train one with mien train edit-face --data "
                    "FACES, and name its run folder with --model."
                )
            return np.zeros(0, np.float32)
        text = options.attributes
        if options.smiling and SMILING in self._names:
            text += f",{SMILING}:{options.smiling:g}"
        return changes_of(text, self._names, self._learned.contrary)

    @property
    def _names(self) -> tuple[str, ...]:
        return self._learned.names if self._learned else ()

    def toned(self, chip: Pixels, angle: float) -> Pixels:
        """Show an aligned face (S, S, 3), cut as UTKFace cuts it, in a skin tone of an angle."""
        return self._learned.toned(chip, angle) if self._learned else toned(chip, angle)

    def _smiled(self, image: Pixels, face: Face, amount: float, where: str) -> Pixels:
        if self._landmarker is None:
            self._landmarker = load(MESH, device=self._device)
        points = fit_largest(self._landmarker, image, [face], where)
        low, high = points.min(axis=0), points.max(axis=0)
        reach = AROUND * float((high - low).max())
        left, top = np.maximum(0, np.floor(low - reach)).astype(int)
        right, bottom = np.minimum(image.shape[1::-1], np.ceil(high + reach)).astype(int)
        part = np.ascontiguousarray(image[top:bottom, left:right])
        puppet = Puppet(open_head("builtin"), part, points - np.array([left, top], np.float32))
        units = SMILE if amount > 0 else FROWN
        out = image.copy()
        moved = puppet({name: abs(amount) * weight for name, weight in units.items()})
        out[top:bottom, left:right] = moved.image
        return out

    def _provenance(self, photo: Artefact, options: Options) -> Provenance:
        parts = [part for part in (self._detector, self._landmarker) if part is not None]
        weights = [f"{model.name}@{model.digest}" for model in parts]
        if self._learned is not None:
            weights.append(f"{self.name}@{self.digest}")
        return Provenance(
            maker=self.name,
            digest=self.digest,
            change="edited",
            made_from=((photo.name, photo.sha256),),
            weights=tuple(weights),
            options=option_pairs(options),
        )


def _toned(image: Pixels, face: Face, more: float) -> Pixels:
    """The image with another tone of one face, measured at its cheeks."""
    now = tone_angle(cheeks(warp(image, matrix(face, FRAME), SIDE, "edge")))
    if np.isnan(now):
        raise MienError("The skin tone of a face without colours is not defined; it stays.")
    place = matrix(face, CROP)
    chip = warp(image, place, SIDE, "edge")
    wanted = float(np.clip(now + more, DARKEST, LIGHTEST))
    changed = toned(chip, wanted, ZOOM).astype(np.float32) - chip
    return add_correction(image, changed, place)


def _learnt(edits: LearnedEdits, image: Pixels, face: Face, changes: Floats, more: float) -> Pixels:
    """The image with the edits of a trained editor at one face."""
    chip = warp(image, matrix(face, FRAME), SIDE, "edge")
    now = tone_angle(cheeks(chip))
    wanted = None
    if more:
        if np.isnan(now):
            raise MienError("The skin tone of a face without colours is not defined; it stays.")
        angle = float(np.clip(now + more, DARKEST, LIGHTEST))
        wanted = np.array([edits.asked(chip, angle, changes)])
    found = edits.corrections(chip[None], changes[None], wanted)[0]
    return add_correction(image, found, matrix(face, COARSE))
