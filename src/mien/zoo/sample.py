"""Images for the demo and the tests, fetched once from the packages that contain them."""

from functools import lru_cache
from importlib.resources import files as resources
from pathlib import Path

from mien.errors import UnknownModelError
from mien.types import OnStep
from mien.zoo.card import FileSet, read_file_set
from mien.zoo.weights.fetch import fetch


@lru_cache(maxsize=1)
def samples() -> dict[str, FileSet]:
    """Every set of sample images, by name."""
    root = Path(str(resources("mien"))) / "zoo" / "samples"
    found = [read_file_set(path) for path in sorted(root.glob("*.toml"))]
    return {each.name: each for each in found}


def sample(name: str, *, on_step: OnStep | None = None) -> Path:
    """Path of a sample image, such as "astronaut.png"; it is fetched and checked if missing.

    Args:
        name: of the file.
        on_step: called with artefact, bytes done and bytes in all.

    Raises:
        UnknownModelError: no set has an image of that name.
        WeightsError: the image cannot be fetched, fails its check, or cannot be stored.
    """
    for each in samples().values():
        names = [file.ready for file in each.files]
        if name in names:
            return fetch(each, on_step=on_step)[names.index(name)]
    known = ", ".join(file.ready for each in samples().values() for file in each.files)
    raise UnknownModelError(f"There is no sample image '{name}'; there are {known}.")
