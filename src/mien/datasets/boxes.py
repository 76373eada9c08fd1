"""Readers of images with boxes around every face."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mien.datasets.lines import lines_of, need, whole
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError
from mien.metrics.detection import Flags
from mien.types import Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Boxed:
    """One image with its faces."""

    path: Path
    boxes: Doubles  # (G, 4) left, top, right, bottom
    ignore: Flags  # (G,): neither missed nor wrong


def wider(path: Path, folder: Path) -> list[Boxed]:
    """WIDER FACE: wider_face_val_bbx_gt.txt and WIDER_val/images.

    For each image its name, a count, and that many lines of x, y, width, height, blur,
    expression, illumination, invalid, occlusion, pose. An image with count 0 has one line of
    zeros. Faces marked invalid, and those without area, are to be ignored.

    Source: Yang et al., arXiv:1511.06523; readme of wider_face_split.
    """
    lines = list(lines_of(path, "WIDER FACE"))
    found, at = [], 0
    while at < len(lines):
        name = " ".join(lines[at][1])
        if at + 1 >= len(lines):
            raise MienError(f"{lines[at][0]}: {name} has no count below it; the list was cut off.")
        where, words = lines[at + 1]
        need(words, (1,), where)
        count = whole(words[0], where)
        rows = lines[at + 2 : at + 2 + max(1, count)]
        if len(rows) < max(1, count):
            raise MienError(f"{where} announces {count} faces of {name}; the list was cut off.")
        found.append(_wider_picture(folder / name, rows[:count]))
        at += 2 + max(1, count)
    return _checked(found, str(path))


def _wider_picture(path: Path, rows: list[tuple[str, list[str]]]) -> Boxed:
    boxes, ignore = np.zeros((len(rows), 4)), np.zeros(len(rows), bool)
    for number, (where, words) in enumerate(rows):
        if len(words) not in (4, 10):
            raise MienError(f"{where} has {len(words)} numbers instead of 10 (or 4).")
        x, y, width, height = (whole(word.removeprefix("-"), where) for word in words[:4])
        boxes[number] = x, y, x + width, y + height
        ignore[number] = not (width and height) or (len(words) == 10 and words[7] == "1")
    return Boxed(path, boxes, ignore)


def csv_boxes(path: Path, folder: Path) -> list[Boxed]:
    """CSV with image, left, top, right, bottom, maybe ignore (0 or 1); one row per face.

    A row with empty numbers is an image without a face.
    """
    faces: dict[str, list[tuple[list[float], bool]]] = {}
    for line, row in enumerate(rows_of(path, ("image", "left", "top", "right", "bottom")), 2):
        rows = faces.setdefault(row["image"], [])
        cells = [row[side].strip() for side in ("left", "top", "right", "bottom")]
        if not any(cells):
            continue
        try:
            rows.append(([float(cell) for cell in cells], (row.get("ignore") or "0") == "1"))
        except ValueError:
            raise MienError(
                f"{path}, line {line}: {', '.join(cells)} are not four numbers; give left, top, "
                "right, bottom in pixels, or leave all empty for an image without a face."
            ) from None
    return _checked(
        [
            Boxed(
                folder / name,
                np.array([box for box, _ in rows]).reshape(-1, 4),
                np.array([skip for _, skip in rows], bool),
            )
            for name, rows in faces.items()
        ],
        str(path),
    )


def voc_boxes(path: Path, folder: Path) -> list[Boxed]:
    """Folder of PASCAL VOC files, one XML per image; objects called face, difficult ones ignored.

    Source: Everingham et al., IJCV 88, 2010: annotation/object/bndbox, in pixels from 1.
    """
    found = []
    for file in sorted(path.glob("*.xml")):
        text = file.read_bytes()
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:  # entities can grow without end
            raise MienError(f"{file} defines entities, which no annotation needs; remove them.")
        try:
            tree = ElementTree.fromstring(text)
            rows = [o for o in tree.iter("object") if (o.findtext("name") or "") == "face"]
            boxes = [[float(o.findtext(f"bndbox/{k}") or "") - 1 for k in _VOC] for o in rows]
            name = (tree.findtext("filename") or "").strip()
        except (ElementTree.ParseError, ValueError) as error:
            raise MienError(f"{file} is not an annotation of PASCAL VOC ({error}).") from None
        if not name:
            raise MienError(f"{file} does not name its image (annotation/filename).")
        skip = np.array([o.findtext("difficult") == "1" for o in rows], bool)
        found.append(Boxed(folder / name, np.array(boxes).reshape(-1, 4), skip))
    return _checked(found, str(path))


_VOC = ("xmin", "ymin", "xmax", "ymax")


def _checked(found: list[Boxed], where: str) -> list[Boxed]:
    """Check a list of images."""
    if not found:
        raise MienError(f"{where} names no images; give the list that belongs to the folder.")
    missing = [str(one.path) for one in found if not one.path.is_file()]
    if missing:
        raise MienError(
            f"{where} names {len(missing)} images that do not exist ({missing[0]}); give the "
            "folder that the list was made for."
        )
    twice = [path for path, count in Counter(one.path for one in found).items() if count > 1]
    if twice:
        raise MienError(f"{where} names {twice[0]} twice; put all its faces into one entry.")
    for one in found:
        if not np.isfinite(one.boxes).all() or (one.boxes[:, 2:] < one.boxes[:, :2]).any():
            raise MienError(
                f"{where}: a box of {one.path} is not left, top, right, bottom; correct it."
            )
    return found


BOXES: dict[str, Callable[[Path, Path], list[Boxed]]] = {
    "wider": wider,
    "csv": csv_boxes,
    "voc": voc_boxes,
}
