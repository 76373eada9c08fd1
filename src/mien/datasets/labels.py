"""Readers of labelled images: expression, age, gender, race, as each data set labels them."""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mien.datasets.lines import label, lines_of, need, whole
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError
from mien.media import find_images

# Where a set uses numbers, these are their names in order; the spelling is the same for all sets.
GENDERS = ("male", "female")
UTK_RACES = ("White", "Black", "Asian", "Indian", "Others")
FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
RAFDB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
RAFDB_GENDERS = ("male", "female", "unsure")
RAFDB_RACES = ("Caucasian", "African-American", "Asian")
RAFDB_AGES = ("0-3", "4-19", "20-39", "40-69", "70+")
AFFECTNET = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
    "none", "uncertain", "no-face",
)  # fmt: skip
FERPLUS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)  # fmt: skip
FERPLUS_FOLDERS = {
    "Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test",
}  # fmt: skip
FERPLUS_COPIES = {"train": "train", "validation": "validation"}
CKPLUS = (
    "neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise",
)  # fmt: skip
EXPRESSIONS = tuple(sorted({*FER2013, "contempt"}))
# Folder names of common copies -> the label above.
WORDS = {
    "angry": "anger", "happy": "happiness", "sad": "sadness", "disgusted": "disgust",
    "fearful": "fear", "surprised": "surprise",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image with its labels."""

    path: Path
    person: str = ""  # "": unknown
    split: str = ""  # as the set names it: train, test, validation, ...
    labels: dict[str, str] = field(default_factory=dict)  # task -> label; missing: not labelled
    votes: dict[str, int] = field(default_factory=dict)  # label -> raters; empty: not given


def utkface(root: Path) -> list[Labelled]:
    """UTKFace: AGE_GENDER_RACE_DATE.jpg.chip.jpg. A name that lacks a field lacks that label.

    Source: Zhang, Song and Qi, CVPR 2017; readme of the data set.
    """
    found = []
    for path in find_images([root]):
        fields = path.name.split(".")[0].split("_")
        if len(fields) not in (3, 4) or not all(f.isdigit() for f in fields):
            raise MienError(f"{path} is not named AGE_GENDER_RACE_DATE; this is not UTKFace.")
        labels = {"age": fields[0]}
        if len(fields) == 4:  # three parts: an unknown field is missing
            labels["gender"] = label(GENDERS, fields[1], str(path))
            labels["race"] = label(UTK_RACES, fields[2], str(path))
        found.append(Labelled(path, labels=labels))
    return some(found, root, "UTKFace")


def fairface(root: Path) -> list[Labelled]:
    """FairFace: fairface_label_{train,val}.csv with file, age, gender, race; train/1.jpg.

    Source: Kärkkäinen and Joo, WACV 2021.
    """
    found = []
    for split in ("train", "val"):
        path = root / f"fairface_label_{split}.csv"
        for row in rows_of(path, ("file", "age", "gender", "race")) if path.is_file() else ():
            labels = {"age": row["age"], "gender": row["gender"].lower(), "race": row["race"]}
            found.append(Labelled(root / row["file"], split=split, labels=labels))
    return some(found, root, "FairFace (fairface_label_train.csv, fairface_label_val.csv)")


def fer2013(root: Path) -> list[Labelled]:
    """FER2013 as folders: {train,validation,test}/{angry,...,surprise}/*.jpg.

    Source: Goodfellow et al., "Challenges in representation learning", ICONIP 2013. The original
    table of pixels (fer2013.csv) becomes such folders with `unfold_fer2013`.
    """
    return some(list(_folders(root, FER2013)), root, "FER2013")


def ferplus(root: Path) -> list[Labelled]:
    """FERPlus: fer2013new.csv, and FER2013Train/fer0000000.png as its own script writes them.

    The label is the word that more than half of the ten raters chose, if there is one; `votes`
    has all eight counts. Images that most raters called unknown, or no face, are left out, as the
    authors do. Copies as votes.csv (id, split, votes) and train/0000000.jpg are read as well.

    Source: Barsoum et al., ICMI 2016 (arXiv:1608.01041).
    """
    copied = not (root / "fer2013new.csv").is_file() and (root / "votes.csv").is_file()
    table = root / ("votes.csv" if copied else "fer2013new.csv")
    part, name = ("split", "id") if copied else ("Usage", "Image name")
    homes = FERPLUS_COPIES if copied else FERPLUS_FOLDERS
    found = []
    for line, row in enumerate(rows_of(table, (part, name, *FERPLUS, "unknown", "NF")), 2):
        where = f"{table}, line {line}"
        if row[part] not in homes:
            column = part.lower()
            raise MienError(f"{where}: {column} '{row[part]}' is not one of {', '.join(homes)}.")
        votes = {word: whole(row[word], where) for word in FERPLUS}
        other = [whole(row[word], where) for word in ("unknown", "NF")]
        if not row[name] or max(other) >= max(votes.values()):
            continue
        half = (sum(votes.values()) + sum(other)) / 2
        leader = max(votes, key=lambda word: votes[word])
        labels = {"expression": leader} if votes[leader] > half else {}
        path = root / homes[row[part]] / (f"{row[name]}.jpg" if copied else row[name])
        found.append(Labelled(path, split=row[part], labels=labels, votes=votes))
    return some(found, root, "FERPlus (fer2013new.csv)")


def folders(root: Path) -> list[Labelled]:
    """Any images in folders named after expressions: train/anger/1.jpg, or anger/1.jpg."""
    return some(list(_folders(root, EXPRESSIONS)), root, "folders named after expressions")


def unfold_fer2013(table: Path, root: Path) -> int:
    """Write the images of fer2013.csv (emotion, pixels, Usage) as PNG files; return their number.

    Raises:
        MienError: a row is not 48 x 48 grey values, or its label is outside 0 to 6.
    """
    import numpy as np

    from mien.media import write_image

    csv.field_size_limit(1 << 20)
    for line, row in enumerate(rows_of(table, ("emotion", "pixels", "Usage")), 2):
        where = f"{table}, line {line}"
        values = row["pixels"].split()
        if len(values) != 48 * 48 or not all(v.isdigit() and int(v) < 256 for v in values):
            raise MienError(f"{where}: {len(values)} values are not 48 x 48 grey values 0 to 255.")
        word = label(FER2013, row["emotion"], where)
        folder = root / row["Usage"] / word
        folder.mkdir(parents=True, exist_ok=True)
        grey = np.array(values, np.uint8).reshape(48, 48)
        write_image(folder / f"{line - 2:05d}.png", np.repeat(grey[..., None], 3, axis=2))
    return line - 1


def rafdb(root: Path) -> list[Labelled]:
    """RAF-DB, basic: EmoLabel/list_patition_label.txt, Image/aligned, Annotation/manual.

    Copies in folders named after expressions, in order of the alphabet (train/anger/1.jpg), are
    read as well.

    Source: Li, Deng and Du, CVPR 2017; readme of the data set (expressions from 1).
    """
    base = root / "basic" if (root / "basic").is_dir() else root
    found = []
    if not (base / "EmoLabel").is_dir():
        return some(list(_folders(root, RAFDB)), root, "RAF-DB")
    for where, words in lines_of(base / "EmoLabel" / "list_patition_label.txt", "RAF-DB"):
        need(words, (2,), where)
        name = Path(words[0]).stem
        labels = {"expression": label(("", *RAFDB), words[1], where)}
        if not labels["expression"]:
            raise MienError(f"{where}: label 0 is outside 1 to 7 ({', '.join(RAFDB)}).")
        attributes = base / "Annotation" / "manual" / f"{name}_manu_attri.txt"
        if attributes.is_file():  # five points, then gender, race, age
            last = [words for _, words in lines_of(attributes, "RAF-DB")][-3:]
            for task, names, word in zip(
                ("gender", "race", "age"),
                (RAFDB_GENDERS, RAFDB_RACES, RAFDB_AGES),
                last,
                strict=True,
            ):
                labels[task] = label(names, word[0], str(attributes))
        path = base / "Image" / "aligned" / f"{name}_aligned.jpg"
        found.append(Labelled(path, split=name.split("_")[0], labels=labels))
    return some(found, root, "RAF-DB")


def affectnet(root: Path) -> list[Labelled]:
    """AffectNet: Manually_Annotated_file_lists/{training,validation}.csv and its images.

    Valence and arousal lie in [-1, 1]; -2 stands for "not labelled".

    Source: Mollahosseini, Hasani and Mahoor, IEEE T. Affective Computing 10, 2019.
    """
    found = []
    for split in ("training", "validation"):
        path = root / "Manually_Annotated_file_lists" / f"{split}.csv"
        columns = ("subDirectory_filePath", "expression", "valence", "arousal")
        for line, row in enumerate(rows_of(path, columns) if path.is_file() else (), 2):
            where = f"{path}, line {line}"
            labels = {"expression": label(AFFECTNET, row["expression"], where)}
            for task in ("valence", "arousal"):
                if float(row[task]) == -2:
                    continue
                if not -1 <= float(row[task]) <= 1:
                    raise MienError(f"{where}: {task} {row[task]} is outside -1 to 1.")
                labels[task] = row[task]
            picture = root / "Manually_Annotated_Images" / row["subDirectory_filePath"]
            found.append(Labelled(picture, split=split, labels=labels))
    return some(found, root, "AffectNet (Manually_Annotated_file_lists)")


def ckplus(root: Path) -> list[Labelled]:
    """CK+: the last image of each sequence that Emotion/S005/001/*_emotion.txt labels.

    Copies in folders named after expressions (anger/S010_004_00000017.png) are read as well; the
    person is the subject.

    Source: Lucey et al., CVPRW 2010.
    """
    marks = sorted((root / "Emotion").glob("S*/*/*_emotion.txt"))
    found = []
    for mark in marks:
        [words] = [words for _, words in lines_of(mark, "CK+")] or [[]]
        need(words, (1,), str(mark))
        number = str(int(float(words[0])))
        sequence = root / "cohn-kanade-images" / mark.parent.parent.name / mark.parent.name
        picture = sequence / (mark.name.removesuffix("_emotion.txt") + ".png")
        labels = {"expression": label(CKPLUS, number, str(mark))}
        found.append(Labelled(picture, mark.parent.parent.name, labels=labels))
    return some(found or list(_folders(root, CKPLUS)), root, "CK+")


def taiwan(root: Path) -> list[Labelled]:
    """Taiwanese facial expressions: ratings.csv (file, person, intended) and 0301a01.jpg.

    The label is the expression that the actor intended; a second one is the method, if the table
    names it: acted, facs, memory or neutral. About 100 people rated each image, but for six
    emotions that include no neutral, so their shares are not read as votes.

    Source: Chen, Cho and Tseng, Chinese Journal of Psychology 55, 2013.
    """
    table = root / "ratings.csv"
    found = []
    for line, row in enumerate(rows_of(table, ("file", "person", "intended")), 2):
        word = WORDS.get(row["intended"], row["intended"])
        if word not in FER2013:
            raise MienError(
                f"{table}, line {line}: '{row['intended']}' is not one of {', '.join(FER2013)}."
            )
        labels = {"expression": word, **({"method": row["method"]} if row.get("method") else {})}
        found.append(Labelled(root / row["file"], row["person"], labels=labels))
    return some(found, root, "Taiwanese facial expressions (ratings.csv)")


def _folders(root: Path, words: tuple[str, ...]) -> Iterator[Labelled]:
    """Images in folders named after their label, inside folders named after their split."""
    for path in find_images([root]):
        word = WORDS.get(path.parent.name.lower(), path.parent.name.lower())
        if word not in words:
            raise MienError(
                f"{path} is not in a folder named after its label ({', '.join(words)})."
            )
        inside = path.relative_to(root).parts
        subject = re.match(r"S\d{3}(?=_)", path.name)
        yield Labelled(
            path,
            subject[0] if subject else "",
            inside[-3] if len(inside) > 2 else "",
            {"expression": word},
        )


def some(found: list[Labelled], root: Path, layout: str) -> list[Labelled]:
    """Return the records, if there are any and all their files exist.

    Raises:
        MienError: there is none, or an image (or folder of frames) is missing.
    """
    if not found:
        raise MienError(
            f"{root} contains nothing in the layout of {layout}; give the folder of the data set."
        )
    missing = [str(one.path) for one in found if not one.path.exists()]
    if missing:
        raise MienError(
            f"{len(missing)} files that {layout} lists do not exist ({missing[0]}); give the "
            "folder that the data set was unpacked into."
        )
    return found


LABELS: dict[str, Callable[[Path], list[Labelled]]] = {
    "utkface": utkface,
    "fairface": fairface,
    "fer2013": fer2013,
    "ferplus": ferplus,
    "folders": folders,
    "rafdb": rafdb,
    "affectnet": affectnet,
    "ckplus": ckplus,
    "taiwan": taiwan,
}
