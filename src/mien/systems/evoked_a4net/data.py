"""Pictures with the emotion that they evoke: EmoSet, EMOTIC, or a folder for each emotion."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from mien.errors import ImageError, TrainingError
from mien.media import find_images, read_image, stretched
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.systems.evoked_a4net.drawn import Scenes
from mien.systems.evoked_a4net.faces import padded
from mien.systems.evoked_a4net.head import EMOTIONS, FACES
from mien.types import Doubles, Floats, OnStep, Pixels

Faces = Callable[[Pixels], tuple[Pixels, Floats]]  # see faces.cut_faces
TABLES = ("Annotations.mat", "Annotations/Annotations.mat")  # of EMOTIC
# What scipy raises for a table that is cut, damaged or of another form (version 7.3 is HDF5).
UNREADABLE = (OSError, ValueError, TypeError, LookupError, NotImplementedError, MatReadError,
              zlib.error)  # fmt: skip
PART = 5  # of class folders without parts: one picture in five is for the test
SAME = 0.8  # least squared correlation of labelled attributes with the formulas


def read_set(
    root: Path, split: str, side: int, most: int = 0, on_step: OnStep | None = None,
    faces: Faces | None = None,
) -> Scenes:  # fmt: skip
    """Read a set by its layout: info.json of EmoSet, Annotations.mat of EMOTIC, or class folders.

    Args:
        root: folder of the unpacked set.
        split: train or test.
        side: px of the square pictures.
        most: pictures at most, evenly spaced; 0: all.
        on_step: called after each picture.
        faces: cuts the faces out of a picture; None: they are not searched for.

    Raises:
        TrainingError: the layout is none of these, or a file is missing or damaged.
    """
    if (root / "info.json").is_file():
        return emoset(root, split, side, most, on_step, faces)
    if any((root / name).is_file() for name in TABLES):
        return emotic(root, split, side, most, on_step, faces)
    return folders(root, split, side, most, on_step, faces)


def folders(
    root: Path, split: str, side: int, most: int = 0, on_step: OnStep | None = None,
    faces: Faces | None = None,
) -> Scenes:  # fmt: skip
    """SPLIT/EMOTION/*.jpg, or EMOTION/*.jpg, of which a fifth is the test part.

    SE30K8 and UnBiasedEmo are expected in this form; their own layouts could not be verified.
    Copies of a picture are in the same part.

    Args:
        root: folder of the set.
        split: train or test.
        side: px of the square pictures.
        most: pictures at most, evenly spaced; 0: all.
        on_step: called after each picture.
        faces: cuts the faces out of a picture; None: they are not searched for.

    Raises:
        TrainingError: fewer than two folders with pictures, or none that can be read.
    """
    divided = (root / "train").is_dir() and (root / "test").is_dir()
    place = root / split if divided else root
    found = {one.name: find_images([one]) for one in sorted(place.iterdir()) if one.is_dir()}
    emotions = tuple(name for name, paths in found.items() if paths)
    if len(emotions) < 2:
        raise TrainingError(
            f"{place} has no info.json, no Annotations.mat and fewer than two folders with "
            "pictures; give EmoSet, EMOTIC, or one folder for each emotion."
        )
    rows = [(path, emotions.index(name)) for name in emotions for path in found[name]]

    def wanted(picture: Pixels) -> bool:
        number = int(hashlib.sha256(picture.tobytes()).hexdigest()[:8], 16)
        return divided or (number % PART == 0) == (split == "test")

    kept = [
        {**_labels(None, ()), **measured, "emotion": rows[k][1]}
        for k, measured in _pictures([path for path, _ in rows], side, most, on_step, faces, wanted)
    ]
    if not kept:
        raise TrainingError(f"No picture of the part '{split}' in {root} can be read.")
    return replace(_scenes(kept, ("",)), emotions=emotions)


def emotic(
    root: Path, split: str, side: int, most: int = 0, on_step: OnStep | None = None,
    faces: Faces | None = None,
) -> Scenes:  # fmt: skip
    """EMOTIC: Annotations.mat, and emotic/FOLDER/FILE. Each picture has several of 26 emotions.

    They are what annotators saw in the people of the picture, all people of a picture together, and
    not what it evokes in viewers.

    Args:
        root: folder of the unpacked set.
        split: train, val or test.
        side: px of the square pictures.
        most: pictures at most, evenly spaced; 0: all.
        on_step: called after each picture.
        faces: cuts the faces out of a picture; None: they are not searched for.

    Raises:
        TrainingError: the table is damaged or of another form, or no picture can be read.

    Source: Kosti et al., "Context based emotion recognition using EMOTIC dataset", TPAMI 2019.
    """
    table = next(root / name for name in TABLES if (root / name).is_file())
    try:
        rows = np.atleast_1d(loadmat(table, simplify_cells=True)[split])
        named = [(Path(str(row["folder"])) / str(row["filename"]), _categories(row["person"]))
                 for row in rows]  # fmt: skip
    except UNREADABLE as error:
        raise TrainingError(f"{table} is not the table of EMOTIC, or has no part '{split}'.") \
            from error  # fmt: skip
    emotions = tuple(sorted({word for _, words in named for word in words}))
    images = root / "emotic" if (root / "emotic").is_dir() else root
    kept = []
    several = []
    for k, measured in _pictures([images / path for path, _ in named], side, most, on_step, faces):
        kept.append({**_labels(None, ()), **measured, "emotion": -1})
        several.append([word in named[k][1] for word in emotions])
    if not kept or not emotions:
        raise TrainingError(f"No picture that {table} names can be read in {images}.")
    return replace(_scenes(kept, ("",)), emotions=emotions, several=np.array(several, np.float32))


def _categories(people: Any) -> set[str]:
    """All words of all annotators of all people of one picture."""
    words: set[str] = set()
    for person in [people] if isinstance(people, dict) else people:
        given = person.get("combined_categories")
        if given is None or not np.size(given):
            notes = person["annotations_categories"]
            notes = [notes] if isinstance(notes, dict) else notes
            given = np.concatenate([np.atleast_1d(note["categories"]) for note in notes])
        words |= {str(word) for word in np.atleast_1d(given)}
    return words


def _pictures(
    paths: Sequence[Path], side: int, most: int, on_step: OnStep | None, faces: Faces | None = None,
    wanted: Callable[[Pixels], bool] = lambda picture: True,
) -> Iterator[tuple[int, dict[str, Any]]]:  # fmt: skip
    """The number of each picture that can be read, the picture and its measures."""
    numbers = range(len(paths))
    if most and len(paths) > most:
        numbers = np.linspace(0, len(paths) - 1, most).round().astype(int).tolist()
    for done, k in enumerate(numbers, 1):
        try:
            picture = read_image(paths[k])
        except ImageError:
            continue
        if wanted(picture):
            measured = brightness(picture), colourfulness(picture)
            found = {"image": stretched(picture, side), "measured": measured}
            yield k, found | ({"faces": faces(picture)} if faces else {})
        if on_step:
            on_step("pictures", done, len(numbers))


def emoset(
    root: Path, split: str, side: int, most: int = 0, on_step: OnStep | None = None,
    faces: Faces | None = None,
) -> Scenes:  # fmt: skip
    """EmoSet: info.json, {train,val,test}.json, image/awe/awe_1.jpg, annotation/awe/awe_1.json.

    Brightness and colourfulness that are not annotated are computed.

    Args:
        root: folder of the unpacked set.
        split: train, val or test.
        side: px of the square pictures.
        most: pictures at most, evenly spaced; 0: all.
        on_step: called after each picture.
        faces: cuts the faces out of a picture; None: they are not searched for.

    Raises:
        TrainingError: a file is missing or damaged, an emotion is unknown, no picture can be
            read, or annotated attributes are not those of the formulas.

    Source: Yang et al., "EmoSet", ICCV 2023; loader of JingyuanYY/EmoSet (MIT).
    """
    scenes = _names(root)
    rows = _json(root / f"{split}.json")
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == 4 for r in rows):
        raise TrainingError(f"{split}.json must list [emotion, id, image, annotation] per picture.")
    for emotion in {row[0] for row in rows} - set(EMOTIONS):
        raise TrainingError(f"{split}.json names the emotion '{emotion}', which is none of "
                            f"{', '.join(EMOTIONS)}.")  # fmt: skip
    kept = [
        {**_labels(_json(root / rows[k][3]), scenes), **measured,
         "emotion": EMOTIONS.index(rows[k][0])}
        for k, measured in _pictures([root / row[2] for row in rows], side, most, on_step, faces)
    ]  # fmt: skip
    if not kept:
        raise TrainingError(f"No picture of {root / f'{split}.json'} can be read.")
    return _scenes(kept, scenes)


def _scenes(kept: list[dict[str, Any]], scenes: tuple[str, ...]) -> Scenes:
    def column(name: str) -> NDArray[Any]:
        return np.array([one[name] for one in kept])

    measured = column("measured")
    bright = same_measure("brightness", column("brightness"), measured[:, 0])
    colour = same_measure("colorfulness", column("colorfulness"), measured[:, 1])
    none = np.zeros(len(kept), np.int64)
    some = Scenes(np.stack([one["image"] for one in kept]), column("emotion"), bright, colour,
                  column("scene"), column("face"), none, np.zeros((0, 8)), scenes)  # fmt: skip
    if "faces" not in kept[0]:
        return some
    side = next((one["faces"][0].shape[1] for one in kept), 1)
    crops, share = padded([one["faces"] for one in kept], side)
    label = np.full(share.shape, -1)
    label[:, 0] = np.where(share[:, 0] > 0, some.face, -1)  # the set names one face of a picture
    return replace(some, crops=crops, crop_share=share, crop_face=label)


def same_measure(name: str, annotated: Doubles, computed: Doubles) -> Floats:
    """Annotated values, and computed ones where there are none.

    Raises:
        TrainingError: the annotated values are not a line of the computed ones.
    """
    there = np.isfinite(annotated)
    if there.sum() > 2 and np.ptp(annotated[there]) > 0:
        squared = np.corrcoef(annotated[there], computed[there])[0, 1] ** 2
        if not squared >= SAME:
            raise TrainingError(
                f"The annotated {name} agrees with the formula by r^2 = {squared:.2f} only, below "
                f"{SAME}; remove it from the annotations, so that it is computed for all pictures."
            )
    return np.asarray(np.where(there, annotated, computed), np.float32)


def _names(root: Path) -> tuple[str, ...]:
    info = _json(root / "info.json")
    try:
        table = info["label2idx"]
        given = {str(k): int(v) for k, v in table.get("scene", {}).items()}
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise TrainingError(f"{root / 'info.json'} has no readable label2idx.") from error
    if sorted(given.values()) != list(range(len(given))) or not given:
        raise TrainingError(f"{root / 'info.json'} must number its scenes from 0 without gaps.")
    return tuple(sorted(given, key=given.__getitem__))


def _labels(note: Any, scenes: tuple[str, ...]) -> dict[str, Any]:
    """Attributes of one annotation; -1 or NaN: absent."""
    note = note if isinstance(note, dict) else {}

    def place(key: str, names: tuple[str, ...]) -> int:
        word = note.get(key)
        return names.index(word) if word in names else -1

    found: dict[str, Any] = {
        "scene": place("scene", scenes),
        "face": place("facial_expression", FACES),
    }
    for key in ("brightness", "colorfulness"):
        value = note.get(key)
        found[key] = float(value) if isinstance(value, int | float) else np.nan
    return found


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path} cannot be read as JSON ({error}); give --data the unpacked folder of EmoSet."
        ) from error
