"""Readers of lists of pairs in their original layouts."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.datasets.lines import lines_of, need, whole
from mien.datasets.people import Picture, person
from mien.datasets.trial_pairs import Pair, Side, checked, side
from mien.errors import MienError

RFW_GROUPS = ("African", "Asian", "Caucasian", "Indian")
FOLDS = 10


def lfw(root: Path, pairs: Path | None = None) -> list[Pair]:
    """Labeled Faces in the Wild: Name/Name_0001.jpg and pairs.txt.

    Args:
        root: holds the folders of people, or a folder lfw* that does.
        pairs: the list; default: pairs.txt in `root`. Its first line is "10 300" (folds and pairs
            of each kind in each) or "300" (one fold, as in pairsDevTest.txt).

    Source: Huang et al., UMass 07-49, 2007; README of the data set.
    """
    path = pairs or root / "pairs.txt"
    folder = next((f for f in (root, *sorted(root.glob("lfw*"))) if _has_people(f)), root)
    lines = list(lines_of(path, "LFW"))
    if not lines:
        raise MienError(f"{path} is empty; give the list of pairs of LFW.")
    where, head = lines[0]
    need(head, (1, 2), where)
    each = whole(head[-1], where)
    folds = whole(head[0], where) if len(head) == 2 else 1
    if len(lines) - 1 != 2 * folds * each:
        raise MienError(
            f"{path} announces {folds} x 2 x {each} pairs and contains {len(lines) - 1}; it was "
            "cut off or mixed with another list."
        )
    made = [
        _lfw_pair(words, folder, number // (2 * each), at)
        for number, (at, words) in enumerate(lines[1:])
    ]
    return checked(made, str(path))


def _lfw_pair(words: list[str], folder: Path, fold: int, where: str, group: str = "") -> Pair:
    need(words, (3, 4), where)
    people = (words[0], words[0]) if len(words) == 3 else (words[0], words[2])
    numbers = (words[1], words[-1])
    if len(words) == 4 and people[0] == people[1]:
        raise MienError(f"{where} compares {people[0]} with themself as if they were two people.")
    sides = [
        side(folder / who / f"{who}_{whole(number, where):04d}.jpg", who)
        for who, number in zip(people, numbers, strict=True)
    ]
    return Pair(sides[0], sides[1], fold, group)


def _has_people(folder: Path) -> bool:
    return folder.is_dir() and any(
        (inner / f"{inner.name}_0001.jpg").exists() for inner in folder.iterdir() if inner.is_dir()
    )


def cfp(root: Path, protocol: str) -> list[Pair]:
    """Celebrities in Frontal-Profile: Protocol/ and Data/Images/001/frontal/01.jpg.

    Args:
        root: holds Protocol and Data.
        protocol: "FP" (frontal against profile) or "FF".

    Source: Sengupta et al., "Frontal to profile face verification in the wild", WACV 2016.
    """
    lists = {kind: _cfp_list(root, kind) for kind in "FP"}
    pairs = []
    for fold in range(1, FOLDS + 1):
        folder = root / "Protocol" / "Split" / protocol / f"{fold:02d}"
        for name in ("same.txt", "diff.txt"):
            for where, words in lines_of(folder / name, "CFP"):
                parts = " ".join(words).split(",")
                need(parts, (2,), where)
                numbers = [whole(part.strip(), where) for part in parts]
                sides = [
                    _listed(lists[k], n, where) for k, n in zip(protocol, numbers, strict=True)
                ]
                if (sides[0].person == sides[1].person) != (name == "same.txt"):
                    raise MienError(
                        f"{where}: {sides[0].name} and {sides[1].name} do not belong to {name}."
                    )
                pairs.append(Pair(sides[0], sides[1], fold - 1))
    return checked(pairs, str(root / "Protocol" / "Split" / protocol))


def _cfp_list(root: Path, kind: str) -> dict[int, Side]:
    found = {}
    for where, words in lines_of(root / "Protocol" / f"Pair_list_{kind}.txt", "CFP"):
        need(words, (2,), where)
        # Lines read "1 ../Data/Images/001/frontal/01.jpg", from the folder Protocol.
        path = root.joinpath(*[part for part in words[1].split("/") if part not in ("..", ".")])
        found[whole(words[0], where)] = side(path, path.parent.parent.name)
    return found


def _listed(found: dict[int, Side], number: int, where: str) -> Side:
    if number not in found:
        raise MienError(f"{where}: image {number} is not in its Pair_list; correct the list.")
    return found[number]


def calfw(root: Path) -> list[Pair]:
    """Cross-Age LFW: pairs_CALFW.txt beside "aligned images" (or images). See _two_lines."""
    return _two_lines(root, "pairs_CALFW.txt", "CALFW")


def cplfw(root: Path) -> list[Pair]:
    """Cross-Pose LFW: pairs_CPLFW.txt beside "aligned images" (or images). See _two_lines."""
    return _two_lines(root, "pairs_CPLFW.txt", "CPLFW")


def _two_lines(root: Path, name: str, layout: str) -> list[Pair]:
    """A pair is two lines "Name_0001.jpg N": N is 0 for two people, else the fold from 1.

    The lists name folds for same-person pairs only. The k-th tenth of the pairs of two people
    is counted with fold k, which is the usual practice.

    Source: Zheng, Deng and Hu, arXiv:1708.08197; Zheng and Deng, BUPT 18-01, 2018.
    """
    folder = next((root / f for f in ("aligned images", "images") if (root / f).is_dir()), root)
    lines = list(lines_of(root / name, layout))
    if len(lines) % 2:
        raise MienError(
            f"{root / name} has {len(lines)} lines, but two make a pair; it was cut off."
        )
    apart = max(1, sum(words[-1] == "0" for _, words in lines) // 2)
    pairs: list[Pair] = []
    strangers = 0
    for (where, one), (_, two) in zip(lines[::2], lines[1::2], strict=True):
        need(one, (2,), where)
        need(two, (2,), where)
        sides = [side(folder / words[0], person(words[0])) for words in (one, two)]
        token = whole(one[1], where)
        if one[1] != two[1] or (token > 0) != (sides[0].person == sides[1].person):
            raise MienError(
                f"{where}: {one[0]} and {two[0]} do not fit to their marks {one[1]} and {two[1]}."
            )
        fold = token - 1 if token else strangers * FOLDS // apart
        strangers += not token
        pairs.append(Pair(sides[0], sides[1], fold))
    return checked(pairs, str(root / name))


def rfw(root: Path) -> list[Pair]:
    """Racial Faces in the Wild: test/txts/African/African_pairs.txt, test/data/African/m.0xyz/.

    The four lists in one; each pair has its group, as the authors name it.

    Source: Wang et al., "Racial faces in the wild", ICCV 2019.
    """
    base = root / "test" if (root / "test").is_dir() else root
    pairs = []
    for number, group in enumerate(RFW_GROUPS):
        path = base / "txts" / group / f"{group}_pairs.txt"
        lines = list(lines_of(path, "RFW"))
        if lines and len(lines[0][1]) <= 2:  # some copies begin with "10 300"
            lines = lines[1:]
        each = max(1, len(lines) // FOLDS)
        for k, (where, words) in enumerate(lines):
            fold = FOLDS * number + min(k // each, FOLDS - 1)
            pairs.append(_lfw_pair(words, base / "data" / group, fold, where, group))
    return checked(pairs, str(base / "txts"))


def unpacked_bin(path: Path, folder: Path) -> list[Pair]:
    """The .bin files of recognition projects (lfw, cfp_fp, agedb_30, calfw, cplfw).

    A pickle of the bytes of 2 N images and N flags. It is read without running its code.
    It does not name people, so each pair counts as people of its own.

    Args:
        path: such as agedb_30.bin.
        folder: output folder for the images, as 00000.jpg, 00001.jpg, ...

    Raises:
        MienError: it is not such a file.
    """
    pictures, flags = _unpickled(path)
    if len(pictures) != 2 * len(flags) or not flags:
        raise MienError(
            f"{path} holds {len(pictures)} images for {len(flags)} pairs; expected 2 N and N."
        )
    each = max(1, len(flags) // FOLDS)
    pairs = []
    for number, same in enumerate(flags):
        names = (f"p{number}", f"p{number}" if same else f"q{number}")
        sides = []
        for k, who in enumerate(names):
            place = folder / f"{2 * number + k:05d}.jpg"
            place.write_bytes(pictures[2 * number + k])
            sides.append(Side(str(place), (Picture(place, who, 0),)))
        pairs.append(Pair(sides[0], sides[1], min(number // each, FOLDS - 1)))
    return checked(pairs, str(path))


def _unpickled(path: Path) -> tuple[list[bytes], list[bool]]:
    try:
        with path.open("rb") as file:
            pictures, flags = _Plain(file, encoding="bytes").load()
    except (OSError, pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError) as error:
        raise MienError(
            f"{path} cannot be read as a .bin of pairs ({error}); none of its code was run."
        ) from None
    if not all(isinstance(p, bytes) for p in pictures):
        raise MienError(f"{path} holds something other than the bytes of images.")
    return list(pictures), [bool(flag) for flag in flags]


class _Plain(pickle.Unpickler):
    """Allow lists, bytes and flags; refuse every name that would run code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which may run code")


# Name that users type -> reader of that layout.
PAIRS: dict[str, Callable[[Path], list[Pair]]] = {
    "lfw": lfw,
    "cfp-fp": lambda root: cfp(root, "FP"),
    "cfp-ff": lambda root: cfp(root, "FF"),
    "calfw": calfw,
    "cplfw": cplfw,
    "rfw": rfw,
}
