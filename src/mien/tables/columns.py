"""What a column is, and the codes that say why a number is missing."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["float", "single", "int", "text"]  # 64 bits, 32 bits, 32-bit integer, text
# Group -> what is in it. The groups of heads bear the name of their task.
GROUPS: dict[str, str] = {
    "keys": "which face of which frame, and whether it could be measured",
    "boxes": "where the face is",
    "points": "five points",
    "landmarks": "68 points in the picture and in space, or the whole mesh",
    "quality": "how well the face can be seen",
    "poses": "how the head is turned, and where it is",
    "gazes": "where each eye looks",
    "measures": "lids, brows, lips",
    "aus": "action units of FACS, against the person's own neutral face",
}
# Why measurements of a row are missing. "ok" is the only one with numbers throughout.
REASONS: dict[str, str] = {
    "ok": "The face was measured.",
    "no-face": "The detector finds no face, or not the one that was followed.",
    "low-presence": "The mesh network sees no face where this one was.",
    "too-small": "Less than 16 px between the eyes: box, points and pose are told, nothing finer.",
    "blurred": "Too blurred for lids and lips: box, points and pose are told, nothing finer.",
    "extreme-pose": "Turned by more than 45 degrees, so the far side is a guess: box, points and "
    "pose are told, nothing finer.",
    "hand": "A hand covers parts of the face: the measures of these parts are missing.",
    "occluded": "Something is in front of parts of the face: their measures are missing.",
    "decoder-drop": "The frame could not be decoded, or is damaged; nobody was looked for.",
    "unreadable": "The picture or film could not be opened.",
    "dark": "A face can be seen only after brightening the picture.",
    "cut-off": "A face is cut by the edge of the picture.",
    "sideways": "A face can be seen only after turning the picture.",
}
NOT_TOLD = "not-told"  # a row is ok and still lacks this number: see the column's `about`


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called, in what unit, by what sign, from which model."""

    name: str
    unit: str = ""  # "degree", "mm", "px", "s", "probability"; "" for names and counts
    group: str = "keys"
    kind: Kind = "float"
    about: str = ""  # sign, frame of reference, when it is missing
    model: str = ""  # card@digest of the network that it comes from

    def as_text(self) -> dict[str, str]:
        """All but the name, as text: for the metadata of a file."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value}

    @classmethod
    def of(cls, name: str, facts: dict[str, Any]) -> "Column":
        """The column of a file's metadata; keys that are not ours are left out."""
        known = {key: facts[key] for key in ("unit", "group", "kind", "about", "model")
                 if key in facts}  # fmt: skip
        return cls(name, **known)


KEYS: tuple[Column, ...] = (
    Column("input", kind="text", about="file"),
    Column("frame", kind="int", about="place among the decoded frames, from 0; 0 for a picture"),
    Column("time", "s", about="by the container's stamps; NaN for a picture"),
    Column("track", kind="int", about="same number = same face, followed without a cut"),
    Column("person", kind="text", about="name in the gallery, or `unknown-1`; if there is one"),
    Column("confidence", "probability", about="that there is a face; of the mesh network"),
    Column("reason", kind="text", about="ok, or why measurements are missing"),
)
