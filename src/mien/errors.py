"""The errors that mien raises: each message says what is wrong, where, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class MienError(Exception):
    """Base class of all errors of mien."""


class ImageError(MienError, ValueError):
    """A picture cannot be read, or is larger than the limits allow."""


class FilmError(MienError, ValueError):
    """A film or camera cannot be opened, or a film cannot be written."""


class NoFaceError(MienError, ValueError):
    """One face was expected in an image, and none or several were found."""


class UnknownModelError(MienError, LookupError):
    """No card has that name."""


class WeightsError(MienError):
    """Weights are missing, or are not the file that the card describes."""


class LicenceError(MienError):
    """The licence of the weights does not allow the requested use."""


class DeviceError(MienError):
    """The requested device is not available. There is no silent fallback."""


class TooFewTrialsError(MienError, ValueError):
    """The data set is too small for the requested rate."""


class GalleryError(MienError):
    """A gallery cannot be opened, read or written."""


class GalleryMismatchError(GalleryError, ValueError):
    """Embeddings of two embedders must not be compared."""

    def __init__(self, holds: str, got: str, where: str) -> None:
        super().__init__(
            f"Gallery {where} holds vectors of '{holds}', but this face was embedded by '{got}'; "
            "their similarity would mean nothing. Open it with the embedder it was made with "
            "(option --embedder), or enrol the pictures into a new gallery file."
        )


class UnknownPersonError(GalleryError, LookupError):
    """The gallery has no person of that name."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"Gallery {where} knows nobody called {name!r}; list the names it knows, and mind "
            "capitals and spaces."
        )


class StorageError(MienError):
    """Intermediate results cannot be written: the disk is full or gone. What is there is whole."""


class CancelledError(MienError):
    """A run was cancelled. Finished work is kept, and the same call continues it."""


class TrainingError(MienError, ValueError):
    """A training cannot start or continue, or its result must not be used."""


class OptionError(MienError, ValueError):
    """A setting does not exist, or its value has the wrong type."""


class ScopeError(MienError):
    """An audit would exceed the scope that was agreed before it started."""


class LivenessError(MienError):
    """Liveness was asked for and cannot be checked. Nothing is taken for live instead."""


class LanguageError(MienError):
    """A language model cannot be reached, or its answer cannot be used."""


class TooManyImagesError(LanguageError, ValueError):
    """A question has more images than a model takes; asking again does not help."""


class MissingExtraError(MienError, ImportError):
    """A package that belongs to an extra of mien is not installed."""


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Import optional packages; if one is missing, raise an error that names the extra.

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
