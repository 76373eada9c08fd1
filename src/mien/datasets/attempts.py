"""Readers of presentation attacks: pictures and films of live faces and of attack instruments."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.datasets.spreadsheets import rows_of
from mien.datasets.trial_pairs import few
from mien.errors import MienError
from mien.media import find_images

BONA_FIDE = "bona-fide"  # the species of a real person
NUAA_FOLDERS = {
    "live": BONA_FIDE, "print": "print", "ClientRaw": BONA_FIDE, "ImposterRaw": "print",
}  # fmt: skip
COLUMNS = ("path", "species", "subject")
PLANES = ("depth", "infrared")  # columns that may be there


@dataclass(frozen=True, slots=True)
class Attempt:
    """One person or attack instrument in front of a camera."""

    path: Path  # picture or film
    species: str  # of the attack instrument; BONA_FIDE: a real person
    subject: str  # the person, or the instrument
    person: str = ""  # whose face it shows, for a matcher; "": not known
    domain: str = ""  # camera, site or data set
    group: str = ""  # of the person, such as a skin tone
    setting: bool = False  # whether it may be used to set the threshold
    depth: Path | None = None  # picture of the same view, aligned pixel by pixel
    infrared: Path | None = None


def planes_of(one: Attempt) -> tuple[str, ...]:
    """Return what other sensors saw of a presentation: "depth", "infrared"."""
    return tuple(name for name in PLANES if getattr(one, name) is not None)


def nuaa(root: Path) -> list[Attempt]:
    """NUAA: ClientRaw and ImposterRaw (or live and print), with ID_GLASSES_POS_SESSION_N.jpg.

    The subject of a print is the person it shows: which sheet was used is not recorded.

    Source: Tan et al., "Face liveness detection from a single image with sparse low rank bilinear
    discriminative model", ECCV 2010.
    """
    found = []
    for path in find_images([root]):
        named = re.fullmatch(r"(\d{4})_\d\d_\d\d_(\d\d)_\d+", path.stem)
        folder = next((part for part in reversed(path.parts) if part in NUAA_FOLDERS), None)
        if not named or folder is None:
            raise MienError(
                f"{path} is not in the layout of NUAA: expected ClientRaw or ImposterRaw with "
                "names such as 0001_00_00_01_0.jpg."
            )
        person, species = named[1], NUAA_FOLDERS[folder]
        subject = person if species == BONA_FIDE else f"{species} of {person}"
        found.append(Attempt(path, species, subject, person, f"session {named[2]}"))
    if not found:
        raise MienError(f"{root} has no pictures of NUAA; give its unpacked folder.")
    return found


def listed(root: Path) -> list[Attempt]:
    """Our attempts.csv: path, species, subject; maybe person, domain, group, use (set or test).

    The columns depth and infrared name what other sensors saw of a picture. Paths are relative to
    the file. Bona fide presentations have the species bona-fide.
    """
    table = root if root.is_file() else root / "attempts.csv"
    found = []
    for line, row in enumerate(rows_of(table, COLUMNS), 2):
        values = [row[name].strip() for name in COLUMNS]
        if not all(values):
            raise MienError(f"{table}, line {line}: path, species and subject must not be empty.")
        use = (row.get("use") or "test").strip()
        if use not in ("set", "test"):
            raise MienError(f"{table}, line {line}: use must be set or test, got '{use}'.")
        person, domain, group = ((row.get(k) or "").strip() for k in ("person", "domain", "group"))
        path = table.parent / values[0]
        others = [(row.get(name) or "").strip() for name in PLANES]
        depth, infrared = (table.parent / one if one else None for one in others)
        found.append(
            Attempt(
                path, values[1], values[2], person, domain, group, use == "set", depth, infrared
            )
        )
    named = [path for one in found for path in (one.path, one.depth, one.infrared) if path]
    missing = [str(path) for path in named if not path.is_file()]
    if missing:
        raise MienError(f"{table} names {len(missing)} files that do not exist ({few(missing)}).")
    return found


ATTEMPTS: dict[str, Callable[[Path], list[Attempt]]] = {"nuaa": nuaa, "attempts": listed}
