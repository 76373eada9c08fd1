"""Faces without labels: the images of any folder, cut, without those of a test."""

from pathlib import Path

from mien.datasets import Labelled
from mien.errors import TrainingError
from mien.media import find_images
from mien.systems.face_mae.head import CROP
from mien.train.chips import Chips, read_chips
from mien.types import OnStep

FEWEST = 8  # faces


def faces(data: Path, leave_out: str, out: Path, on_step: OnStep | None = None) -> Chips:
    """Aligned chips of all images of a folder.

    Args:
        data: folder; labels are not used.
        leave_out: file with the names of images to leave out, one per line; "": none.
        out: run folder with the cached chips.
        on_step: called after each image.

    Raises:
        TrainingError: too few images, or the list cannot be read or names none of them.
    """
    paths = find_images([data])
    names = _names(leave_out) if leave_out else set[str]()
    kept = [path for path in paths if path.name not in names]
    if names and len(kept) == len(paths):
        raise TrainingError(f"None of the images of {data} is listed in {leave_out}.")
    if len(kept) < FEWEST:
        raise TrainingError(
            f"{data} has {len(kept)} images to learn from; at least {FEWEST} are needed."
        )
    return read_chips([Labelled(path) for path in kept], CROP, out, on_step)


def _names(file: str) -> set[str]:
    try:
        return set(Path(file).read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"leave_out={file} cannot be read ({error}).") from error
