"""The functions of DeepFace 0.0.93 to 0.0.103, with the models of mien.

from mien.compat.deepface import DeepFace

`distance` is calibrated, not a cosine: at the threshold 0.6 one of 1,000 pairs of strangers is
taken for one person. `confidence` is the probability of the same person, in percent.
"""

import os
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.compat.scale import USUAL, distances, pipeline, rate_of, state_once
from mien.contracts import ChipHead
from mien.detect import detect_with_retries
from mien.errors import NoFaceError, extra
from mien.media import find_images, read_image
from mien.metrics import posterior
from mien.photo.heads import open_heads
from mien.types import Crop, Face, Pixels

Source = str | os.PathLike[str] | NDArray[Any]
HEADS = {"age": "age-fahr", "emotion": "expression"}
# DeepFace names the labels of FERPlus otherwise.
EMOTIONS = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
NOT_READ = (
    "mien has no head for {!r} that it recommends: labels of groups are guesses about people. Read "
    "'age' and 'emotion', or name a head in mien.analyze."
)
FACE = Crop(size=224)


def image_of(source: Source) -> Pixels:
    """Read an image: a path, or an array in the order blue, green, red, as OpenCV reads it."""
    if isinstance(source, str | os.PathLike):
        return read_image(source)
    return read_image(np.ascontiguousarray(np.asarray(source)[..., ::-1]))


def faces_of(source: Source, *, enforce: bool) -> tuple[Pixels, list[Face]]:
    """Return an image and its faces.

    Raises:
        NoFaceError: there is none, and one is enforced. It is a ValueError, as there.
    """
    image = image_of(source)
    faces = detect_with_retries(pipeline().detector, image).faces
    if not faces and enforce:
        name = source if isinstance(source, str | os.PathLike) else "the array"
        raise NoFaceError(f"Face could not be detected in {name}; check it with mien.find_faces.")
    if not faces:
        state_once(
            "enforce_detection=False: an image without a face has no result here. DeepFace embeds "
            "the whole image, which compares backgrounds."
        )
    return image, faces


def area_of(face: Face) -> dict[str, Any]:
    """Return the box and the eyes of a face as DeepFace names them."""
    left, top, right, bottom = (round(float(v)) for v in face.box)
    row: dict[str, Any] = {"x": left, "y": top, "w": right - left, "h": bottom - top}
    eyes: list[tuple[int, int] | None] = [None, None]
    if face.points is not None and np.isfinite(face.points[:2]).all():
        eyes = [(round(float(x)), round(float(y))) for x, y in face.points[:2]]
    # DeepFace names the eyes of the person, not those of the picture.
    return {**row, "left_eye": eyes[1], "right_eye": eyes[0]}


def embedded(image: Pixels, faces: Sequence[Face]) -> NDArray[np.float32]:
    """Return the (N, D) embeddings of faces."""
    embedder = pipeline().embedder
    assert embedder is not None
    return np.asarray(embedder(align(image, list(faces), embedder.crop)), np.float32)


def state_models(names: dict[str, str | None]) -> None:
    """State once that the models are those of mien, whatever was named."""
    named = [f"{key}={value!r}" for key, value in names.items() if value]
    if named:
        state_once(
            f"{', '.join(named)} has no effect: the models are the default ones of mien. The "
            "distance is calibrated; the thresholds of other models do not apply."
        )


@cache
def head(name: str) -> ChipHead:
    """Return a head, which is loaded on the first call."""
    return open_heads(name, "cpu", False)[0]


class DeepFace:
    """The functions of the module `deepface.DeepFace`."""

    @staticmethod
    def verify(
        img1_path: Source,
        img2_path: Source,
        model_name: str | None = None,
        detector_backend: str | None = None,
        distance_metric: str | None = None,
        enforce_detection: bool = True,
        threshold: float | None = None,
        **ignored: Any,
    ) -> dict[str, Any]:
        """Compare two images; of several faces, the most similar pair counts.

        Args:
            img1_path: a path, or an array in the order of OpenCV.
            img2_path: the same.
            model_name: no effect, as `detector_backend`, `distance_metric` and `ignored`.
            detector_backend: see there.
            distance_metric: see there.
            enforce_detection: whether an image without a face is an error.
            threshold: of the calibrated distance; None: 0.6, one of 1,000 pairs of strangers.
            **ignored: further options of DeepFace.

        Raises:
            NoFaceError: an image shows no face.
        """
        started = time.perf_counter()
        state_models({"model_name": model_name, "detector_backend": detector_backend})
        limit = USUAL if threshold is None else threshold
        first, one = faces_of(img1_path, enforce=enforce_detection)
        second, other = faces_of(img2_path, enforce=enforce_detection)
        row: dict[str, Any] = {
            "verified": False,
            "distance": None,
            "threshold": limit,
            "confidence": None,
            "model": names()["embed"],
            "detector_backend": names()["detect"],
            "similarity_metric": "calibrated",
            "false_match_rate": rate_of(limit),
            "facial_areas": {"img1": None, "img2": None},
        }
        if one and other:
            apart, k = nearest(embedded(first, one), embedded(second, other))
            a, b = divmod(k, len(other))
            row |= {
                "verified": bool(apart <= limit),
                "distance": float(apart),
                "confidence": confidence(embedded(first, [one[a]]), embedded(second, [other[b]])),
                "facial_areas": {"img1": area_of(one[a]), "img2": area_of(other[b])},
            }
        return {**row, "time": round(time.perf_counter() - started, 2)}

    @staticmethod
    def represent(
        img_path: Source,
        model_name: str | None = None,
        enforce_detection: bool = True,
        detector_backend: str | None = None,
        **ignored: Any,
    ) -> list[dict[str, Any]]:
        """Return the embedding of each face, for the functions of this module."""
        state_models({"model_name": model_name, "detector_backend": detector_backend})
        image, faces = faces_of(img_path, enforce=enforce_detection)
        vectors = embedded(image, faces) if faces else ()
        return [
            {
                "embedding": vector.tolist(),
                "facial_area": area_of(face),
                "face_confidence": round(face.score, 2),
            }
            for face, vector in zip(faces, vectors, strict=True)
        ]

    @staticmethod
    def extract_faces(
        img_path: Source,
        detector_backend: str | None = None,
        enforce_detection: bool = True,
        anti_spoofing: bool = False,
        **ignored: Any,
    ) -> list[dict[str, Any]]:
        """Return the aligned face of each face, (224, 224, 3) in [0, 1], and its box."""
        if anti_spoofing:
            raise ValueError("mien has no liveness check yet; leave out anti_spoofing.")
        state_models({"detector_backend": detector_backend})
        image, faces = faces_of(img_path, enforce=enforce_detection)
        chips = align(image, faces, FACE) if faces else ()
        return [
            {
                "face": chip.astype(np.float64) / 255,
                "facial_area": area_of(face),
                "confidence": round(face.score, 2),
            }
            for face, chip in zip(faces, chips, strict=True)
        ]

    @staticmethod
    def find(
        img_path: Source,
        db_path: str | os.PathLike[str],
        model_name: str | None = None,
        enforce_detection: bool = True,
        detector_backend: str | None = None,
        threshold: float | None = None,
        **ignored: Any,
    ) -> list[Any]:
        """Return one table per face: the images of a folder within the threshold, nearest first.

        Nothing is written into the folder; each call reads it. For a gallery that lasts, use
        `mien.enroll` and `mien.identify`.
        """
        with extra("analyze", "DeepFace.find"):
            import pandas as pd
        state_models({"model_name": model_name, "detector_backend": detector_backend})
        limit = USUAL if threshold is None else threshold
        rows, vectors = [], []
        for path in find_images([Path(db_path)]):
            picture, seen = faces_of(path, enforce=False)
            if seen:
                rows += [(str(path), area_of(face)) for face in seen]
                vectors.append(embedded(picture, seen))
        known = np.concatenate(vectors) if vectors else np.empty((0, 1), np.float32)
        state_once(
            f"find: the threshold {limit:g} stands for a false match rate of {rate_of(limit):.2g} "
            f"per comparison. With N images, about N times as many strangers are found."
        )
        image, faces = faces_of(img_path, enforce=enforce_detection)
        tables = []
        for face, vector in zip(faces, embedded(image, faces) if faces else (), strict=True):
            apart = distances(known, np.broadcast_to(vector, known.shape)) if len(known) else ()
            order = [k for k in np.argsort(apart) if apart[k] <= limit]
            tables.append(
                pd.DataFrame(
                    [_found(rows[k], area_of(face), float(apart[k]), limit) for k in order],
                    columns=list(_found(("", {}), {}, 0.0, 0.0)),
                )
            )
        return tables

    @staticmethod
    def analyze(
        img_path: Source,
        actions: str | Sequence[str] = ("emotion", "age"),
        enforce_detection: bool = True,
        detector_backend: str | None = None,
        **ignored: Any,
    ) -> list[dict[str, Any]]:
        """Return age and expression of each face; "gender" and "race" are refused."""
        wanted = [actions] if isinstance(actions, str) else list(actions)
        for name in wanted:
            if name not in HEADS:
                raise ValueError(NOT_READ.format(name))
        state_models({"detector_backend": detector_backend})
        image, faces = faces_of(img_path, enforce=enforce_detection)
        rows: list[dict[str, Any]] = [
            {"region": area_of(face), "face_confidence": round(face.score, 2)} for face in faces
        ]
        for name in wanted if faces else ():
            model = head(HEADS[name])
            for row, reading in zip(rows, model(align(image, faces, model.crop)), strict=True):
                row |= _read(name, reading.values)
        return rows


def _read(action: str, values: dict[str, float]) -> dict[str, Any]:
    if action == "age":
        return {"age": round(next(iter(values.values())))}
    shares = {EMOTIONS.get(name, name): 100 * value for name, value in values.items()}
    return {"emotion": shares, "dominant_emotion": max(shares, key=lambda name: shares[name])}


def _found(
    row: tuple[str, dict[str, Any]], probe: dict[str, Any], apart: float, limit: float
) -> dict[str, Any]:
    path, area = row
    boxes = {f"target_{key}": area.get(key) for key in "xywh"}
    boxes |= {f"source_{key}": probe.get(key) for key in "xywh"}
    return {"identity": path, **boxes, "threshold": limit, "distance": apart}


def nearest(first: NDArray[np.float32], second: NDArray[np.float32]) -> tuple[float, int]:
    """Return the least distance of (N, D) and (M, D), and its place in (N, M), row by row."""
    a, b = np.repeat(first, len(second), axis=0), np.tile(second, (len(first), 1))
    found = distances(a, b)
    return float(found.min()), int(found.argmin())


def confidence(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the probability that two faces are one person, in percent, at a prior of one half."""
    known = pipeline().calibrated()
    score = known.pair_scores(first, second)
    return round(100 * float(posterior(known.llr(score), 0.5)[0]), 2)


def names() -> dict[str, str]:
    """Return the names of the models."""
    return {step: text.partition("@")[0] for step, text in pipeline().models.items()}
