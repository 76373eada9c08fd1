"""The functions of face_recognition 1.3.0, with the models of mien.

import mien.compat.face_recognition as face_recognition

`face_distance` is not a Euclidean distance but a calibrated one: at the tolerance 0.6 one of 1,000
pairs of strangers is taken for one person, at 0.5 one of 6,200. Compute no norms of encodings.

`python -m mien.compat.face_recognition KNOWN UNKNOWN` prints what the command does.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.align import align
from mien.compat.scale import calibration, checked, distances, pipeline, rate_of, state_once
from mien.contracts import Landmarker
from mien.detect import detect_with_retries
from mien.errors import MienError, NoFaceError
from mien.geometry import iou
from mien.landmarks import SUBSET_68, fit_meshes
from mien.media import find_images, read_image
from mien.types import Doubles, Face, Floats, Pixels
from mien.zoo import load

Location = tuple[int, int, int, int]  # top, right, bottom, left, px
OVERLAP, ROOM = 0.3, 0.5  # of a location and a face; share of a location around it
LANDMARKER = "attention-mesh"
# Parts of the 68 points, as face_recognition names them.
PARTS = {
    "chin": range(17),
    "left_eyebrow": range(17, 22),
    "right_eyebrow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nose_tip": range(31, 36),
    "left_eye": range(36, 42),
    "right_eye": range(42, 48),
    "top_lip": (*range(48, 55), 64, 63, 62, 61, 60),
    "bottom_lip": (*range(54, 60), 48, 60, 67, 66, 65, 64),
}
SMALL_PARTS = {"nose_tip": (33,), "left_eye": (36, 39), "right_eye": (42, 45)}


def load_image_file(file: str | os.PathLike[str] | IO[bytes], mode: str = "RGB") -> NDArray[Any]:
    """Read an image; unlike the original, turned upright as its EXIF states."""
    source = file if isinstance(file, str | os.PathLike) else file.read()
    image = read_image(source)
    if mode == "L":
        grey: NDArray[Any] = (image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
        return grey
    if mode != "RGB":
        raise ValueError(f"Mode {mode!r} is not supported: expected RGB or L.")
    return image


def face_locations(
    img: NDArray[Any], number_of_times_to_upsample: int = 1, model: str = "hog"
) -> list[Location]:
    """Return the boxes of all faces as (top, right, bottom, left)."""
    if (number_of_times_to_upsample, model) != (1, "hog"):
        state_once(
            "face_locations: one detector is used for every `model`, and it chooses the smallest "
            "face by the size of the image; `number_of_times_to_upsample` has no effect."
        )
    image = as_pixels(img)
    return [location_of(face, image) for face in found(image)]


def batch_face_locations(
    images: Sequence[NDArray[Any]], number_of_times_to_upsample: int = 1, batch_size: int = 128
) -> list[list[Location]]:
    """Return the boxes of the faces of several images."""
    return [face_locations(image, number_of_times_to_upsample, "cnn") for image in images]


def face_landmarks(
    face_image: NDArray[Any],
    face_locations: Sequence[Location] | None = None,
    model: str = "large",
) -> list[dict[str, list[tuple[int, int]]]]:
    """Return the points of each face by part: 68 points, or 5 with model "small"."""
    if model not in ("large", "small"):
        raise ValueError("Invalid landmarks model type. Supported models are ['small', 'large'].")
    image = as_pixels(face_image)
    faces = located(image, face_locations)
    if not faces:
        return []
    meshes, _ = fit_meshes(landmarker(), image, faces)
    parts = PARTS if model == "large" else SMALL_PARTS
    rows = []
    for points in meshes[:, list(SUBSET_68), :2]:
        whole = [(round(float(x)), round(float(y))) for x, y in points]
        rows.append({name: [whole[i] for i in places] for name, places in parts.items()})
    return rows


def face_encodings(
    face_image: NDArray[Any],
    known_face_locations: Sequence[Location] | None = None,
    num_jitters: int = 1,
    model: str = "small",
) -> list[NDArray[np.float64]]:
    """Return one embedding per face: 128 numbers of length 1, for `face_distance`.

    Raises:
        NoFaceError: there is no face at a known location.
    """
    if num_jitters != 1:
        state_once(
            "face_encodings: `num_jitters` has no effect; an embedding is the mean of the face and "
            "its mirror image."
        )
    image, embedder = as_pixels(face_image), pipeline().embedder
    assert embedder is not None
    faces = located(image, known_face_locations)
    vectors = embedder(align(image, faces, embedder.crop)) if faces else ()
    return [np.asarray(vector, np.float64) for vector in vectors]


def face_distance(face_encodings: Sequence[ArrayLike], face_to_compare: ArrayLike) -> Doubles:
    """Return the calibrated distance of each encoding to a face, 0 (same) to 1.2."""
    if len(face_encodings) == 0:
        return np.empty(0)
    known = checked(np.asarray(face_encodings))
    return distances(known, np.broadcast_to(checked(face_to_compare), known.shape))


def compare_faces(
    known_face_encodings: Sequence[ArrayLike],
    face_encoding_to_check: ArrayLike,
    tolerance: float = 0.6,
) -> list[bool]:
    """Return whether each known encoding is the same person, at the rate of the tolerance."""
    apart = face_distance(known_face_encodings, face_encoding_to_check)
    state_once(
        f"compare_faces: tolerance {tolerance:g} stands for a false match rate of "
        f"{rate_of(tolerance):.2g} per comparison, measured on: {calibration().data} "
        "With N known people, about N times as many strangers get a name; `mien.identify` takes "
        "that into account and answers match, review or unknown."
    )
    return list((apart <= tolerance).tolist())


def as_pixels(image: NDArray[Any]) -> Pixels:
    """Return an image as (H, W, 3) uint8."""
    return read_image(np.asarray(image))


@cache
def landmarker() -> Landmarker:
    """Return the mesh, which is loaded on the first call."""
    model: Landmarker = load(LANDMARKER)
    return model


def found(image: Pixels) -> list[Face]:
    """Return the faces of an image."""
    return detect_with_retries(pipeline().detector, image).faces


def location_of(face: Face, image: Pixels) -> Location:
    """Return the box of a face within the image as (top, right, bottom, left)."""
    height, width = image.shape[:2]
    left, top, right, bottom = (round(float(v)) for v in face.box)
    return max(top, 0), min(right, width), min(bottom, height), max(left, 0)


def located(image: Pixels, locations: Sequence[Location] | None) -> list[Face]:
    """Return the faces at some locations, or all."""
    faces = found(image)
    if locations is None:
        return faces
    return [_at(image, faces, location) for location in locations]


def _at(image: Pixels, faces: Sequence[Face], location: Location) -> Face:
    """Return the face at a location: of those that were found, else of the cut-out image."""
    top, right, bottom, left = location
    box = np.array([left, top, right, bottom], np.float32)
    if faces:
        overlaps = iou(box[None], np.stack([face.box for face in faces]))[0]
        if overlaps.max() >= OVERLAP:
            return faces[int(overlaps.argmax())]
    x = max(0, round(left - ROOM * (right - left)))
    y = max(0, round(top - ROOM * (bottom - top)))
    far = (round(bottom + ROOM * (bottom - top)), round(right + ROOM * (right - left)))
    cut = image[y : far[0], x : far[1]]
    inside = found(np.ascontiguousarray(cut)) if cut.size else []
    if not inside:
        raise NoFaceError(f"There is no face at {location} (top, right, bottom, left).")
    moved: Floats = np.array([x, y], np.float32)
    face = inside[0]
    points = None if face.points is None else face.points + moved
    return replace(face, box=face.box + np.tile(moved, 2), points=points)


def main(words: Sequence[str] | None = None) -> int:
    """Print `image,name` per face, as the command face_recognition does."""
    given = list(sys.argv[1:] if words is None else words)
    shown = "--show-distance" in given
    places = [word for word in given if not word.startswith("--")]
    if len(places) != 2:
        print("usage: python -m mien.compat.face_recognition [--show-distance] KNOWN UNKNOWN")  # noqa: T201
        return 2
    try:
        for line in _lines(Path(places[0]), Path(places[1]), shown):
            print(line)  # noqa: T201
    except MienError as error:
        print(f"face_recognition: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _lines(known: Path, unknown: Path, shown: bool) -> list[str]:
    names, encodings = list[str](), list[NDArray[np.float64]]()
    for path in find_images([known]):
        vectors = face_encodings(load_image_file(path))
        if len(vectors) == 1:
            names.append(path.stem)
            encodings += vectors
    lines = []
    for path in find_images([unknown]):
        vectors = face_encodings(load_image_file(path))
        for vector in vectors:
            apart = face_distance(encodings, vector)
            hits = [k for k in np.argsort(apart) if apart[k] <= 0.6]
            rows = [(names[k], f"{apart[k]:.4f}") for k in hits] or [("unknown_person", "None")]
            lines += [",".join((str(path), name, *([far] if shown else []))) for name, far in rows]
        if not vectors:
            lines.append(f"{path},no_persons_found" + (",None" if shown else ""))
    return lines


if __name__ == "__main__":
    sys.exit(main())
