"""Readers of micro-expression sets: events of films, with frames, action units and emotion.

The sheets are published as .xlsx; save each one as CSV beside it, with its headings in the first
line. All sets are research only, under signed agreements.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.datasets.lines import whole
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError

NEGATIVE = ("anger", "contempt", "disgust", "fear", "sadness", "repression")
# Spellings of the sheets -> one word for each emotion.
EMOTIONS = {
    "happy": "happiness", "sad": "sadness", "angry": "anger", "other": "others",
    "positive": "positive", "negative": "negative",
}  # fmt: skip
SMIC = {"ne": "negative", "po": "positive", "sur": "surprise"}


@dataclass(frozen=True, slots=True)
class MicroEvent:
    """One expression of a film; frames are numbered as the set numbers its files."""

    frames: Path  # folder of the frames of the film
    subject: str
    film: str  # name of the clip or film, unique per subject
    onset: int | None  # None: not coded
    apex: int | None
    offset: int | None
    kind: str = "micro"  # or "macro"
    emotion: str = ""  # "": not labelled
    units: tuple[str, ...] = ()  # action units as coded: "4", "R12", "L14B"

    @property
    def coarse(self) -> str:
        """Return negative, positive, surprise, others or "" if no emotion is labelled."""
        known = {**dict.fromkeys(NEGATIVE, "negative"), "happiness": "positive"}
        return known.get(self.emotion, self.emotion)


def casme2(root: Path) -> list[MicroEvent]:
    """CASME II: Cropped/sub01/EP02_01f/reg_img46.jpg, CASME2-coding-20190701.csv.

    Columns Subject, Filename, OnsetFrame, ApexFrame ("/": not coded), OffsetFrame, Action Units,
    Estimated Emotion.

    Source: Yan et al., PLoS ONE 9(1), 2014.
    """
    table = root / "CASME2-coding-20190701.csv"
    columns = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units",
               "Estimated Emotion")  # fmt: skip
    found = []
    for line, row in enumerate(rows_of(table, columns), 2):
        where = f"{table}, line {line}"
        subject = f"sub{whole(row['Subject'].removeprefix('sub'), where):02d}"
        found.append(
            MicroEvent(
                root / "Cropped" / subject / row["Filename"],
                subject,
                row["Filename"],
                *_frames(row, ("OnsetFrame", "ApexFrame", "OffsetFrame"), where),
                emotion=_emotion(row["Estimated Emotion"]),
                units=units_of(row["Action Units"]),
            )
        )
    return _all(found, root, "CASME II")


def samm(root: Path) -> list[MicroEvent]:
    """SAMM: 006/006_1_2/006_05562.jpg, SAMM_Micro_FACS_Codes_v2.csv.

    Columns Subject, Filename, Onset Frame, Apex Frame, Offset Frame, Action Units, Estimated
    Emotion.

    Source: Davison et al., IEEE Trans. Affective Computing 9(1), 2018.
    """
    table = root / "SAMM_Micro_FACS_Codes_v2.csv"
    columns = ("Subject", "Filename", "Onset Frame", "Apex Frame", "Offset Frame", "Action Units",
               "Estimated Emotion")  # fmt: skip
    found = []
    for line, row in enumerate(rows_of(table, columns), 2):
        where = f"{table}, line {line}"
        subject = f"{whole(row['Subject'], where):03d}"
        found.append(
            MicroEvent(
                root / subject / row["Filename"],
                subject,
                row["Filename"],
                *_frames(row, ("Onset Frame", "Apex Frame", "Offset Frame"), where),
                emotion=_emotion(row["Estimated Emotion"]),
                units=units_of(row["Action Units"]),
            )
        )
    return _all(found, root, "SAMM")


def smic(root: Path) -> list[MicroEvent]:
    """SMIC-HS: s09/micro/surprise/s9_sur_03/image090823.jpg; onset and offset are first and last.

    Source: Li et al., FG 2013.
    """
    found = []
    for folder in sorted(p for p in root.glob("s*/micro/*/*") if p.is_dir()):
        parts = re.fullmatch(r"s(\d+)_(ne|po|sur)_\d+", folder.name)
        if parts is None:
            raise MienError(f"{folder}: expected a name such as s9_sur_03 (ne, po or sur).")
        numbers = [int(re.sub(r"\D", "", p.stem) or -1) for p in folder.glob("*.[jb][pm][gp]")]
        if not numbers:
            raise MienError(f"{folder} holds no frames; unpack the data set again.")
        found.append(
            MicroEvent(
                folder,
                f"s{int(parts[1])}",
                folder.name,
                min(numbers),
                None,
                max(numbers),
                emotion=SMIC[parts[2]],
            )
        )
    return _all(found, root, "SMIC-HS")


def casme3(root: Path) -> list[MicroEvent]:
    """CAS(ME)3 part A: data/spNO.1/a/color/12.jpg, casme3_label.csv.

    Columns Subject, Filename, Onset, Apex, Offset, AU, emotion. An offset of 0 is replaced by the
    apex; rows with onset 0 are left out, as the organisers do.

    Source: Li et al., IEEE TPAMI 45(3), 2023.
    """
    table = root / "casme3_label.csv"
    found = []
    columns = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "emotion")
    for line, row in enumerate(rows_of(table, columns), 2):
        onset, apex, offset = _frames(
            row, ("Onset", "Apex", "Offset"), f"{table}, line {line}", least=0
        )
        if onset:
            folder = root / "data" / row["Subject"] / row["Filename"] / "color"
            found.append(
                MicroEvent(
                    folder,
                    row["Subject"],
                    row["Filename"],
                    onset,
                    apex,
                    offset or apex,
                    emotion=_emotion(row["emotion"]),
                    units=units_of(row["AU"]),
                )
            )
    return _all(found, root, "CAS(ME)3")


def samm_long(root: Path) -> list[MicroEvent]:
    """SAMM Long Videos: SAMM_longvideos/006_1/*.jpg, SAMM_LongVideos_V3_Release.csv.

    Columns Subject, Filename (006_1_2 is an event of film 006_1), Onset, Apex, Offset, Type
    ("Macro", "Micro - 1/2"), Action Units. Emotions come from SAMM_Micro_FACS_Codes_v2.csv if that
    file is there. Delete the ten leading lines of the sheet.

    Source: Yap et al., FG 2020 (arXiv:1911.01519).
    """
    table, codes = root / "SAMM_LongVideos_V3_Release.csv", root / "SAMM_Micro_FACS_Codes_v2.csv"
    columns = ("Filename", "Estimated Emotion")
    emotion = {r["Filename"]: r["Estimated Emotion"]
               for r in (rows_of(codes, columns) if codes.is_file() else ())}  # fmt: skip
    found = []
    wanted = ("Subject", "Filename", "Onset", "Apex", "Offset", "Type", "Action Units")
    for line, row in enumerate(rows_of(table, wanted), 2):
        where = f"{table}, line {line}"
        onset, apex, offset = _frames(row, ("Onset", "Apex", "Offset"), where, least=0)
        kind = row["Type"].split(" ")[0].lower()
        if kind not in ("micro", "macro"):
            raise MienError(f"{where}: type '{row['Type']}' is neither Macro nor 'Micro - 1/2'.")
        if not onset:
            continue
        film = row["Filename"].rsplit("_", 1)[0]
        name = _emotion(emotion.get(row["Filename"], "")) if kind == "micro" else ""
        found.append(
            MicroEvent(
                root / "SAMM_longvideos" / film,
                f"{whole(row['Subject'], where):03d}",
                film,
                onset,
                apex,
                offset or apex,
                kind,
                name,
                units_of(row["Action Units"]),
            )
        )
    return _all(found, root, "SAMM Long Videos")


def units_of(text: str) -> tuple[str, ...]:
    """Return the units of a coding such as "4+R12B" or "AU4 + AU7", as coded; "?" marks are cut."""
    words = re.split(r"[+;,/ ]+", text.replace("AU", "").replace("?", ""))
    return tuple(word for word in words if re.fullmatch(r"[LRlr]?\d+[A-Ea-e]?", word))


def _frames(
    row: dict[str, str], columns: tuple[str, str, str], where: str, least: int = 1
) -> tuple[int | None, int | None, int | None]:
    """Return onset, apex and offset; None where the sheet has no number."""
    onset, apex, offset = (
        None if row[c].strip() in ("", "/", "-1") else whole(row[c].strip(), where) for c in columns
    )
    if onset is not None and onset < least:
        raise MienError(f"{where}: onset {onset} is below {least}; correct the row.")
    if onset and offset and (offset < onset or (apex and not onset <= apex <= offset)):
        raise MienError(
            f"{where}: frames {onset}, {apex}, {offset} are not in order; correct the row."
        )
    return onset, apex, offset


def _emotion(word: str) -> str:
    low = word.strip().lower()
    return EMOTIONS.get(low, low)


def _all(found: list[MicroEvent], root: Path, layout: str) -> list[MicroEvent]:
    if not found:
        raise MienError(f"{root} contains no events in the layout of {layout}; give its folder.")
    nobody = [one.film for one in found if not one.subject.strip()]
    if nobody:
        raise MienError(f"In {layout}, clip '{nobody[0]}' names no subject, so it cannot be left "
                        "out with the others of its person; complete the row.")  # fmt: skip
    gone = sorted({str(one.frames) for one in found if not one.frames.is_dir()})
    if gone:
        raise MienError(
            f"{len(gone)} folders that {layout} lists do not exist ({gone[0]}); give the folder "
            "that the data set was unpacked into."
        )
    return found


# Name that users type -> reader of that layout.
MICRO: dict[str, Callable[[Path], list[MicroEvent]]] = {
    "casme2": casme2,
    "samm": samm,
    "smic": smic,
    "casme3": casme3,
    "samm-long": samm_long,
}
