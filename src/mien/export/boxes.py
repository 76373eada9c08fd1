"""Boxes of faces for annotation tools and trainers: COCO and CVAT.

Boxes refer to the upright image, as everywhere in mien. CVAT undoes the EXIF orientation as well.
"""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

from mien.export.saved import FaceOf, Row, faces, inside, photos
from mien.geometry import POINTS
from mien.media import write_bytes

LABEL = "face"


def write_coco(rows: list[Row], place: Path) -> int:
    """Write object detections with five key points; return the number of boxes.

    Source: COCO data format, "Object Detection" and "Keypoint Detection". Person and outcome are
    in `attributes` of an annotation, where CVAT and others keep them.

    Raises:
        MienError: the file cannot be written.
    """
    images: list[Row] = []
    boxes: list[Row] = []
    for number, row in enumerate(photos(rows), 1):
        height, width = row["size"]
        images.append({"id": number, "file_name": row["image"], "width": width, "height": height})
        boxes += [
            {"id": len(boxes) + k, "image_id": number, **_coco(face, row["size"])}
            for k, face in enumerate(faces(row), 1)
        ]
    category = {"id": 1, "name": LABEL, "keypoints": list(POINTS), "skeleton": []}
    about = {"description": "Faces found by mien; boxes in px of the upright image"}
    data = {"info": about, "images": images, "annotations": boxes, "categories": [category]}
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    write_bytes(place, text.encode("utf-8", "replace"))
    return len(boxes)


def _coco(face: FaceOf, size: list[int]) -> Row:
    left, top, right, bottom = inside(face.row["box"], size)
    wide, tall = round(right - left, 1), round(bottom - top, 1)
    found = [
        None if point[0] is None or point[1] is None else point
        for point in face.row["points"] or [(None, None)] * len(POINTS)
    ]
    return {
        "category_id": 1,
        "bbox": [left, top, wide, tall],
        "area": round(wide * tall, 1),
        "segmentation": [],  # there is none: readers such as datumaro, that of CVAT, ask for it
        "iscrowd": 0,
        "score": face.row["score"],
        # 2: labelled and visible; 0: not labelled, at 0, 0.
        "keypoints": [v for point in found for v in ((*point, 2) if point else (0, 0, 0))],
        "num_keypoints": sum(point is not None for point in found),
        "attributes": {"person": face.person, "outcome": face.outcome},
    }


def write_cvat(rows: list[Row], place: Path) -> int:
    """Write "CVAT for images 1.1"; return the number of boxes.

    Raises:
        MienError: the file cannot be written.
    """
    root = Xml.Element("annotations")
    Xml.SubElement(root, "version").text = "1.1"
    labels = Xml.SubElement(Xml.SubElement(Xml.SubElement(root, "meta"), "task"), "labels")
    label = Xml.SubElement(labels, "label")
    Xml.SubElement(label, "name").text = LABEL
    attributes = Xml.SubElement(label, "attributes")
    for name in ("person", "outcome"):
        attribute = Xml.SubElement(attributes, "attribute")
        for key, value in (("name", name), ("mutable", "False"), ("input_type", "text")):
            Xml.SubElement(attribute, key).text = value
        Xml.SubElement(attribute, "default_value")
        Xml.SubElement(attribute, "values")
    count = 0
    for number, row in enumerate(photos(rows)):
        height, width = row["size"]
        about = {"id": str(number), "name": _legal(row["image"])}
        image = Xml.SubElement(root, "image", about | {"width": str(width), "height": str(height)})
        for face in faces(row):
            sides = zip(
                ("xtl", "ytl", "xbr", "ybr"),
                map(str, inside(face.row["box"], row["size"])),
                strict=True,
            )
            how = {"label": LABEL, "source": "auto", "occluded": "0", "z_order": "0"}
            box = Xml.SubElement(image, "box", how | dict(sides))
            for name, text in (("person", face.person), ("outcome", face.outcome)):
                Xml.SubElement(box, "attribute", {"name": name}).text = _legal(text or "")
            count += 1
    Xml.indent(root)
    write_bytes(place, Xml.tostring(root, "utf-8", xml_declaration=True))
    return count


def _legal(text: str) -> str:
    """Replace what XML cannot hold: bytes of a file name that are not UTF-8, control codes."""
    clean = text.encode("utf-8", "replace").decode()
    return "".join(c if c >= " " and c not in "\ufffe\uffff" else "?" for c in clean)
