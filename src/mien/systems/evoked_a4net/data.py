"""Pictures with the emotion that they evoke: EmoSet in its own layout, or drawn ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import ImageError, TrainingError
from mien.media import read_image, stretched
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.systems.evoked_a4net.drawn import Scenes
from mien.systems.evoked_a4net.head import EMOTIONS, FACES
from mien.types import Doubles, Floats, OnStep

SAME = 0.8  # least squared correlation of labelled attributes with the formulas


def emoset(
    root: Path, split: str, side: int, most: int = 0, on_step: OnStep | None = None
) -> Scenes:
    """EmoSet: info.json, {train,val,test}.json, image/awe/awe_1.jpg, annotation/awe/awe_1.json.

    Brightness and colourfulness that are not annotated are computed.

    Args:
        root: folder of the unpacked set.
        split: train, val or test.
        side: px of the square pictures.
        most: pictures at most, evenly spaced; 0: all.
        on_step: called after each picture.

    Raises:
        TrainingError: a file is missing or damaged, an emotion is unknown, no picture can be
            read, or annotated attributes are not those of the formulas.

    Source: Yang et al., "EmoSet", ICCV 2023; loader of JingyuanYY/EmoSet (MIT).
    """
    scenes = _names(root)
    rows = _json(root / f"{split}.json")
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == 4 for r in rows):
        raise TrainingError(f"{split}.json must list [emotion, id, image, annotation] per picture.")
    if most and len(rows) > most:
        rows = [rows[k] for k in np.linspace(0, len(rows) - 1, most).round().astype(int)]
    kept: list[dict[str, Any]] = []
    for number, (emotion, _, image, annotation) in enumerate(rows, 1):
        if emotion not in EMOTIONS:
            raise TrainingError(f"{split}.json names the emotion '{emotion}', which is none of "
                                f"{', '.join(EMOTIONS)}.")  # fmt: skip
        try:
            picture = read_image(root / image)
        except ImageError:
            continue
        kept.append({
            **_labels(_json(root / annotation), scenes), "emotion": EMOTIONS.index(emotion),
            "image": stretched(picture, side),
            "measured": (brightness(picture), colourfulness(picture)),
        })  # fmt: skip
        if on_step:
            on_step("pictures", number, len(rows))
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
    return Scenes(np.stack([one["image"] for one in kept]), column("emotion"), bright, colour,
                  column("scene"), column("face"), none, np.zeros((0, 8)), scenes)  # fmt: skip


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
