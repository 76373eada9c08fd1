"""Readers of clips of faces with expressions: each record names a folder of frames, by time."""

from collections.abc import Callable
from pathlib import Path

from mien.datasets.labels import WORDS, Labelled, some
from mien.datasets.lines import label, whole
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError

DFEW = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
VOTES = ("1happy", "2sad", "3neutral", "4angry", "5surprise", "6disgust", "7fear")
FERV39K = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
OURS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def dfew(root: Path, fold: int = 1) -> list[Labelled]:
    """DFEW: Clip/clip_224x224/00001/*.jpg, EmoLabel_DataSplit/train(single-labeled)/set_1.csv.

    Votes are taken from annotation.csv (the sheet annotation.xlsx saved as CSV: 1happy ...
    7fear, order) if it exists; clips of that sheet that no fold names have no label.

    Args:
        root: holds both folders.
        fold: 1 to 5, of the five published ones; its two halves are the splits train and test.

    Source: Jiang et al., ACM MM 2020 (arXiv:2008.05924).
    """
    frames = root / "Clip" / "clip_224x224"
    votes = _dfew_votes(root / "annotation.csv")
    found: dict[str, Labelled] = {}
    for split in ("train", "test"):
        table = root / "EmoLabel_DataSplit" / f"{split}(single-labeled)" / f"set_{fold}.csv"
        for line, row in enumerate(rows_of(table, ("video_name", "label")), 2):
            where = f"{table}, line {line}"
            name = f"{whole(row['video_name'], where):05d}"
            word = label(("", *DFEW), row["label"], where)
            if not word or name in found:
                raise MienError(f"{where}: label 0, or clip {name} twice; correct the list.")
            found[name] = Labelled(
                frames / name, split=split, labels={"expression": word}, votes=votes.pop(name, {})
            )
    rest = [Labelled(frames / name, split="unlabelled", votes=v) for name, v in votes.items()]
    return some([*found.values(), *rest], root, "DFEW")


def _dfew_votes(table: Path) -> dict[str, dict[str, int]]:
    found = {}
    for line, row in enumerate(rows_of(table, (*VOTES, "order")) if table.is_file() else (), 2):
        where = f"{table}, line {line}"
        votes = {word: whole(row[key], where) for word, key in zip(DFEW, VOTES, strict=True)}
        found[f"{whole(row['order'], where):05d}"] = _voted(votes, where)
    return found


def ferv39k(root: Path) -> list[Labelled]:
    """FERV39k: 2_ClipsforFaceCrop/SCENE/EMOTION/0015/*.jpg, 4_setups/All_scenes/train_All.csv.

    A line of the two lists is "Action/Happy/0015 0". Without lists all clips are read, in no
    split. The scene is a label as well.

    Source: Wang et al., CVPR 2022 (arXiv:2203.09463).
    """
    base = root / "2_ClipsforFaceCrop"
    split_of = {}
    for split in ("train", "test"):
        table = root / "4_setups" / "All_scenes" / f"{split}_All.csv"
        for line in table.read_text("utf-8-sig").splitlines() if table.is_file() else ():
            if line.strip():
                split_of[line.replace(",", " ").split()[0].strip("/")] = split
    clips = sorted(split_of) or sorted(
        str(p.relative_to(base).as_posix()) for p in base.glob("*/*/*") if p.is_dir()
    )
    found = []
    for name in clips:
        parts = name.split("/")
        word = WORDS.get(parts[-2].lower(), parts[-2].lower()) if len(parts) > 2 else ""
        if word not in FERV39K:
            raise MienError(f"Clip '{name}' is not SCENE/EMOTION/NUMBER ({', '.join(FERV39K)}).")
        labels = {"expression": word, "scene": parts[-3]}
        found.append(Labelled(base / name, split=split_of.get(name, ""), labels=labels))
    return some(found, root, "FERV39k (2_ClipsforFaceCrop)")


def our_clips(root: Path) -> list[Labelled]:
    """clips.csv with clip, frames_dir, split, and votes v_anger ... v_surprise; maybe person.

    The label is the majority, if there is one. FERV39k-Plus can be written in this form.
    """
    table = root / "clips.csv"
    found = []
    columns = ("clip", "frames_dir", "split", *(f"v_{word}" for word in OURS))
    for line, row in enumerate(rows_of(table, columns), 2):
        where = f"{table}, line {line}"
        votes = _voted({word: whole(row[f"v_{word}"], where) for word in OURS}, where)
        leaders = [word for word, count in votes.items() if count == max(votes.values())]
        labels = {"expression": leaders[0]} if len(leaders) == 1 else {}
        frames = root / row["frames_dir"]
        found.append(Labelled(frames, row.get("person") or "", row["split"], labels, votes))
    return some(found, root, "our own (clips.csv)")


def _voted(votes: dict[str, int], where: str) -> dict[str, int]:
    if not sum(votes.values()):
        raise MienError(f"{where}: there are no votes; remove the row, or correct its counts.")
    return votes


# Name that users type -> reader of that layout.
CLIPS: dict[str, Callable[[Path], list[Labelled]]] = {
    "dfew": dfew,
    "ferv39k": ferv39k,
    "clips": our_clips,
}
