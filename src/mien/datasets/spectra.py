"""Presentations in visible and near-infrared light: our own list of files."""

from collections.abc import Callable
from pathlib import Path

from mien.datasets.labels import Labelled, some
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError

COLUMNS = ("path", "spectrum", "subject", "presenter", "visit", "type", "role", "group")
WORDS = {
    "spectrum": ("vis", "nir"),
    "type": (
        "bonafide", "print-laser", "print-inkjet", "replay", "rigid", "flexible", "paper",
        "glasses", "other",
    ),
    "role": ("enrol", "probe"),
    "group": ("train", "dev", "eval"),
}  # fmt: skip


def presentations(root: Path) -> list[Labelled]:
    """Our presentations.csv: path,spectrum,subject,presenter,visit,type,role,group.

    The subject is who is shown: of an attack the imitated person, or empty without a target.
    Paths are relative to the file. An enrolment is bona fide, and of another visit than the probes
    of its person.

    Raises:
        MienError: a column or word is not known, an attack is enrolled, or a person is enrolled
            and probed in one visit; the message names the line.
    """
    table = root if root.is_file() else root / "presentations.csv"
    rows = rows_of(table, COLUMNS)
    enrolled = {(r["subject"], r["visit"]) for r in rows if r["role"] == "enrol"}
    found = []
    for line, row in enumerate(rows, 2):
        for name, words in WORDS.items():
            if row[name] not in words:
                raise MienError(
                    f"{table}, line {line}: {name} must be one of {', '.join(words)}, got "
                    f"'{row[name]}'."
                )
        bona_fide = row["type"] == "bonafide"
        if row["role"] == "enrol" and not bona_fide:
            raise MienError(f"{table}, line {line}: an attack cannot be enrolled.")
        if bona_fide and not row["subject"]:
            raise MienError(f"{table}, line {line}: a bona fide presentation needs its subject.")
        if bona_fide and row["role"] == "probe" and (row["subject"], row["visit"]) in enrolled:
            raise MienError(
                f"{table}, line {line}: '{row['subject']}' is enrolled and probed in visit "
                f"'{row['visit']}'; enrol another visit."
            )
        labels = {name: row[name] for name in WORDS}
        found.append(Labelled(table.parent / row["path"], row["subject"], row["group"], labels))
    return some(found, root, "presentations")


SPECTRA: dict[str, Callable[[Path], list[Labelled]]] = {"presentations": presentations}
