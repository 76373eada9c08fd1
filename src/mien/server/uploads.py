"""Uploaded files: read within the limits, and never kept unless the endpoint says so."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from fastapi import File, UploadFile
from numpy.typing import NDArray

from mien.contracts import Change
from mien.errors import ImageError
from mien.server.problems import ApiError
from mien.server.state import State
from mien.types import Pixels

Photo = Annotated[UploadFile, File(description="An image: JPEG, PNG, WebP, TIFF, BMP, GIF ...")]
Photos = Annotated[list[UploadFile], File(description="Images, in the order of the answers.")]
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def name_of(file: UploadFile, number: int = 1) -> str:
    """Return the name of an uploaded file for answers."""
    return clean_file_name(file.filename or "") or f"photo-{number}"


def clean_file_name(text: str) -> str:
    """Return a file name without folder and control characters."""
    name = PureWindowsPath(PurePosixPath(text).name).name
    return CONTROL.sub("", name.encode("utf-8", "replace").decode())[:120].strip()


def bytes_of(file: UploadFile, state: State) -> bytes:
    """Return the bytes of one photo.

    Raises:
        ApiError: 413, it is too large; 422, it is empty.
    """
    most = state.settings.limits.photo_bytes
    data = file.file.read(most + 1)
    if len(data) > most:
        raise ApiError(413, "too-large", f"A photo may have at most {most:,} bytes.")
    if not data:
        raise ApiError(422, "empty", "The uploaded photo is empty.")
    return data


def check_count(files: Sequence[UploadFile], state: State) -> None:
    """Refuse too many photos in one request."""
    most = state.settings.limits.photos
    if len(files) > most:
        raise ApiError(413, "too-many-photos", f"A request may have at most {most} photos.")


def decoded(
    file: UploadFile, state: State, number: int = 1
) -> tuple[Pixels, Change | None] | ImageError:
    """Return the pixels of one photo and what it is declared to be, or why it cannot be read."""
    try:
        return state.decode.opened(bytes_of(file, state), where=name_of(file, number))
    except ImageError as error:
        return error


def plane(
    file: UploadFile | None, kind: Literal["depth", "infrared"], state: State
) -> NDArray[Any] | None:
    """Return a depth or infrared picture, (H, W); None if there is none.

    Raises:
        ImageError: it cannot be read, or is of another kind.
    """
    if file is None:
        return None
    where = f"{kind.capitalize()} picture {name_of(file)}"
    found: NDArray[Any] = state.decode.plane(bytes_of(file, state), kind, where=where)
    return found


def only(file: UploadFile, state: State) -> tuple[Pixels, Change | None]:
    """Return pixels and declaration of one photo; raise the error if it cannot be read."""
    return state.decode.opened(bytes_of(file, state), where=name_of(file))
