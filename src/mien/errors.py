"""Every error mien raises on purpose: it says what is wrong, where, and what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager


class MienError(Exception):
    """Catch this to catch all of mien."""


class ImageError(MienError, ValueError):
    """A picture cannot be read, or is larger than the limits allow."""


class FilmError(MienError, ValueError):
    """A film or camera cannot be opened, or a film cannot be written."""


class NoFaceError(MienError, ValueError):
    """A picture had to show one face and shows none, or several."""


class UnknownModelError(MienError, LookupError):
    """No card has that name."""


class WeightsError(MienError):
    """Weights are missing, or are not the file that the card describes."""


class LicenceError(MienError):
    """The licence of the weights does not allow what was asked for."""


class DeviceError(MienError):
    """The processor that was asked for is not there. Nothing falls back in silence."""


class TooFewTrialsError(MienError, ValueError):
    """The data set is too small for the rate that was asked for."""


class GalleryError(MienError):
    """A gallery cannot be opened, read or written."""


class GalleryMismatchError(GalleryError, ValueError):
    """Vectors of two embedders were about to be compared."""

    def __init__(self, holds: str, got: str, where: str) -> None:
        super().__init__(
            f"Gallery {where} holds vectors of '{holds}', but this face was embedded by '{got}'; "
            "their similarity would mean nothing. Open it with the embedder it was made with "
            "(option --embedder), or enrol the pictures into a new gallery file."
        )


class UnknownPersonError(GalleryError, LookupError):
    """A gallery knows nobody of that name."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"Gallery {where} knows nobody called {name!r}; list the names it knows, and mind "
            "capitals and spaces."
        )


class StorageError(MienError):
    """Intermediate results cannot be written: the disk is full or gone. What is there is whole."""


class CancelledError(MienError):
    """A run was asked to stop. Finished work is kept, and the same call goes on from there."""


class TrainingError(MienError, ValueError):
    """A training cannot start, cannot go on, or its result must not be used."""


class OptionError(MienError, ValueError):
    """A setting that does not exist, or a value of another kind."""


class ScopeError(MienError):
    """An audit would do more than was agreed before it started."""


class MissingExtraError(MienError, ImportError):
    """A package that an extra of mien brings is not installed."""


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Import optional packages; if one is not installed, say which extra brings it.

    Args:
        name: of the extra, as in pyproject.toml.
        what: needs the package: "A table".

    Raises:
        MissingExtraError: instead of ModuleNotFoundError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "mien":  # a module of ours: no extra brings it
            raise
        raise MissingExtraError(
            f"{what} needs {error.name}, which is not installed; run: pip install 'mien[{name}]'"
        ) from error
