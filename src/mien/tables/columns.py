"""Columns of tables, and the codes of reasons for missing values."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["float", "single", "int", "text"]  # 64 bits, 32 bits, 32-bit integer, text
# Group -> its content. The groups of heads have the name of their task.
GROUPS: dict[str, str] = {
    "keys": "source, frame and face, and whether the face was measured",
    "boxes": "box of the face",
    "points": "five points",
    "landmarks": "68 points in the image and in space, or the whole mesh",
    "quality": "quality of the face",
    "poses": "angles and position of the head",
    "gazes": "direction of each eye",
    "measures": "lids, brows, lips",
    "sound": "what is heard in the film, not of a person",
    "aus": "action units of FACS, relative to the person's neutral face",
}
# Reasons for missing measures of a row. Only "ok" has all numbers.
REASONS: dict[str, str] = {
    "ok": "The face was measured.",
    "no-face": "The detector finds no face, or not the tracked one.",
    "low-presence": "The mesh network finds no face at the last place of this face.",
    "too-small": "Less than 16 px between the eyes: box, points and pose only.",
    "blurred": "Too blurred for lids and lips: box, points and pose only.",
    "extreme-pose": "Turned by more than 45 degrees, so the far side is unreliable: box, points "
    "and pose only.",
    "hand": "A hand occludes parts of the face: the measures of these parts are missing.",
    "occluded": "An object occludes parts of the face: the measures of these parts are missing.",
    "decoder-drop": "The frame could not be decoded, or is damaged; it was not searched for faces.",
    "unreadable": "The image or film could not be opened.",
    "dark": "A face is found only after the image is brightened.",
    "cut-off": "A face is cut by the edge of the image.",
    "sideways": "A face is found only after the image is rotated.",
}
NOT_READ = "not-read"  # the row is ok, but this number is missing: see `about` of the column


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, unit, sign convention, model."""

    name: str
    unit: str = ""  # "degree", "mm", "px", "s", "probability"; "" for names and counts
    group: str = "keys"
    kind: Kind = "float"
    about: str = ""  # sign, frame of reference, when the value is missing
    model: str = ""  # card@digest of its model

    def as_text(self) -> dict[str, str]:
        """Return all fields except the name as text, for the metadata of a file."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value}

    @classmethod
    def of(cls, name: str, facts: dict[str, Any]) -> "Column":
        """Create a column from the metadata of a file; unknown keys are ignored."""
        known = {key: facts[key] for key in ("unit", "group", "kind", "about", "model")
                 if key in facts}  # fmt: skip
        return cls(name, **known)


KEYS: tuple[Column, ...] = (
    Column("input", kind="text", about="file"),
    Column("frame", kind="int", about="place among the decoded frames, from 0; 0 for an image"),
    Column("time", "s", about="from the timestamps of the container; NaN for an image"),
    Column("track", kind="int", about="same number = same face, tracked without a cut"),
    Column(
        "person", kind="text", about="name in the gallery, or `unknown-1`; if people are identified"
    ),
    Column("confidence", "probability", about="presence of the mesh network"),
    Column("reason", kind="text", about="ok, or the reason for missing measures"),
)
