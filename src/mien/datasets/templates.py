"""Readers of templates of several images: IJB-B and IJB-C."""

from collections.abc import Callable
from pathlib import Path

from mien.datasets.lines import lines_of, need
from mien.datasets.people import Picture
from mien.datasets.trial_pairs import Pair, Side, checked
from mien.errors import MienError


def ijb(root: Path, name: str) -> list[Pair]:
    """The 1:1 protocol: loose_crop/1.jpg, meta/ijbb_face_tid_mid.txt and its list of pairs.

    Args:
        root: holds `loose_crop` and `meta`.
        name: "ijbb" or "ijbc".

    Returns:
        Pairs of templates. Neither list names the people: they are inferred as the sets of
        templates that pairs marked 1 connect, so that intervals can count them.

    Raises:
        MienError: a file is missing, a pair names a template without images, or two templates
            are marked as one person and, through others, as two.

    Source: Whitelam et al., "IARPA Janus benchmark-B", CVPRW 2017; Maze et al., IJB-C, ICB 2018;
        the lists that the insightface project distributes with the loose crops.
    """
    media: dict[str, list[Path]] = {}
    for where, words in lines_of(root / "meta" / f"{name}_face_tid_mid.txt", name):
        need(words, (3,), where)
        media.setdefault(words[1], []).append(root / "loose_crop" / words[0])
    listed = []
    for where, words in lines_of(root / "meta" / f"{name}_template_pair_label.txt", name):
        need(words, (3,), where)
        if words[2] not in ("0", "1") or words[0] not in media or words[1] not in media:
            raise MienError(
                f"{where}: '{' '.join(words)}' must be two templates of {name}_face_tid_mid.txt "
                "and 0 or 1."
            )
        listed.append((words[0], words[1], words[2] == "1"))
    people = _joined([(a, b) for a, b, same in listed if same], list(media))
    crossed = next(((a, b) for a, b, same in listed if not same and people[a] == people[b]), None)
    if crossed:
        raise MienError(
            f"Templates {crossed[0]} and {crossed[1]} of {root} are marked as two people, but "
            "pairs marked 1 connect them to one; correct the list of pairs."
        )
    sides = {
        tid: Side(tid, tuple(Picture(path, people[tid], 0) for path in paths))
        for tid, paths in media.items()
    }
    return checked([Pair(sides[a], sides[b]) for a, b, _ in listed], str(root / "meta"))


def _joined(links: list[tuple[str, str]], every: list[str]) -> dict[str, str]:
    """Name of the connected set of each item."""
    above = {one: one for one in every}

    def top(one: str) -> str:
        while above[one] != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    for a, b in links:
        above[top(a)] = top(b)
    return {one: top(one) for one in every}


TEMPLATES: dict[str, Callable[[Path], list[Pair]]] = {
    "ijb-b": lambda root: ijb(root, "ijbb"),
    "ijb-c": lambda root: ijb(root, "ijbc"),
}
