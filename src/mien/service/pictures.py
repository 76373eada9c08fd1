"""Attributes of whole pictures, and the emotion that they evoke by a trained head."""

from dataclasses import dataclass

from mien.contracts import Detector
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.systems.evoked_a4net.head import FACE_CROPS, EvokedA4Net, require_size
from mien.types import Floats, Pixels, Reading

LIMIT = (
    "What viewers of web pictures reported to feel, mostly Western ones; not what the photographer "
    "or a person in the picture feels."
)


@dataclass(frozen=True, slots=True, eq=False)
class PictureResult:
    """The result for one picture."""

    attributes: dict[str, float]  # brightness and colourfulness in [0, 1], by formula
    faces: int | None = None  # that were found; None: not searched for
    evoked: Reading | None = None  # None: no head was given

    @property
    def first(self) -> str | None:
        """Return the emotion with the highest probability; None without a head."""
        if self.evoked is None:
            return None
        return max(self.evoked.values, key=self.evoked.values.__getitem__)

    @property
    def contributions(self) -> dict[str, float | None]:
        """By how much the logit of `first` falls without a branch.

        Branches of faces are None without a face.
        """
        if self.evoked is None:
            return {}
        falls = next(r for r in self.evoked.derived if r.task == "evoked-contributions").values
        return {name: None if name in ("face", FACE_CROPS) and not self.faces else value
                for name, value in falls.items()}  # fmt: skip

    @property
    def map(self) -> Floats | None:
        """Return where the logit of `first` comes from: (H, W), coarse, 0 or above."""
        return None if self.evoked is None else self.evoked.array


def read_scene(
    picture: Pixels, head: EvokedA4Net | None = None, detector: Detector | None = None
) -> PictureResult:
    """Measure a whole picture, and predict what it evokes if a trained head is given.

    Args:
        picture: (H, W, 3).
        head: of a run folder of `mien train evoked-a4net`.
        detector: finds the faces, so that a missing face is reported as none; a head that was
            trained with `face_crops` reads them.

    Raises:
        ImageError: the shorter side has less than 32 px.
    """
    require_size(picture)
    attributes = {"brightness": brightness(picture), "colourfulness": colourfulness(picture)}
    faces = None if detector is None else detector(picture)
    evoked = None if head is None else head.read(picture, faces=faces or ())
    return PictureResult(attributes, None if faces is None else len(faces), evoked)
