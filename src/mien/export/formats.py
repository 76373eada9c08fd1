"""The formats by name, and the one way to ask for them: `FORMAT=PLACE`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mien.errors import MienError
from mien.export.boxes import write_coco, write_cvat
from mien.export.pictures import embed_regions, sort_photos, write_crops, write_sidecars
from mien.export.saved import Ledger, Row
from mien.export.tables import write_csv
from mien.export.tiers import write_eaf, write_textgrid
from mien.export.timelines import write_edl, write_otio

# Format -> what it writes, and where: "file", "folder", "folder or nothing", "nothing".
FORMATS: dict[str, tuple[str, str]] = {
    "csv": ("one row per face, or per appearance in a film", "file"),
    "xmp": ("face regions in NAME.jpg.xmp, for digiKam and Immich", "folder or nothing"),
    "xmp-short": ("the same in NAME.xmp, as Lightroom names sidecars", "folder or nothing"),
    "xmp-embedded": ("the same inside the JPEG photos, which are changed", "nothing"),
    "crops": ("aligned faces, one folder per person", "folder"),
    "copies": ("photos of each person, one folder per person", "folder"),
    "links": ("symbolic links to the photos of each person", "folder"),
    "coco": ("boxes and points as COCO JSON", "file"),
    "cvat": ("boxes as CVAT for images 1.1", "file"),
    "edl": ("appearances in films as CMX3600 edit lists", "folder"),
    "otio": ("appearances in films as OpenTimelineIO", "folder"),
    "eaf": ("appearances and events as ELAN tiers", "folder"),
    "textgrid": ("appearances and events as a Praat TextGrid", "folder"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A format and the file or folder that it is written to."""

    format: str
    place: Path | None

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse `FORMAT=PLACE`, or `FORMAT` for a format that needs no place.

        Raises:
            MienError: there is no such format, or the place is missing or not needed.
        """
        name, _, place = text.partition("=")
        if name not in FORMATS:
            raise MienError(
                f"There is no export format '{name}'; expected one of {', '.join(FORMATS)}."
            )
        where = FORMATS[name][1]
        if not place and where in {"file", "folder"}:
            raise MienError(f"The format {name} needs a {where}: {name}={where.upper()}.")
        if place and where == "nothing":
            raise MienError(f"The format {name} changes the photos themselves and has no place.")
        if place and where == "file" and Path(place).is_dir():
            raise MienError(f"The format {name} needs a file, and '{place}' is a folder.")
        if place and where != "file" and Path(place).is_file():
            raise MienError(f"The format {name} needs a folder, and '{place}' is a file.")
        return cls(name, Path(place) if place else None)


@dataclass(frozen=True, slots=True)
class Done:
    """What an export wrote."""

    wish: Wish
    count: int  # files, or rows and boxes of one file
    ledger: Ledger


def export(rows: Iterable[Row], wishes: Sequence[Wish], *, rate: float | None = None) -> list[Done]:
    """Write answers in other formats.

    Args:
        rows: of `mien.service.schema.identified_row`, or of `read_answers`.
        wishes: formats with their places.
        rate: frames per second of films; default: from their headers.

    Returns:
        What was written, per wish.

    Raises:
        MienError: a file cannot be written, or a format has nothing to export.
    """
    kept = list(rows)
    found = []
    for wish in wishes:
        ledger = Ledger()
        count = _write(wish, kept, rate, ledger)
        found.append(Done(wish, count, ledger))
    return found


def _write(wish: Wish, rows: list[Row], rate: float | None, ledger: Ledger) -> int:
    place = wish.place or Path()
    writers: dict[str, Callable[[], int]] = {
        "csv": lambda: write_csv(rows, place),
        "xmp": lambda: write_sidecars(rows, wish.place, ledger),
        "xmp-short": lambda: write_sidecars(rows, wish.place, ledger, short=True),
        "xmp-embedded": lambda: embed_regions(rows, ledger),
        "crops": lambda: write_crops(rows, place, ledger),
        "copies": lambda: sort_photos(rows, place, ledger),
        "links": lambda: sort_photos(rows, place, ledger, link=True),
        "coco": lambda: write_coco(rows, place),
        "cvat": lambda: write_cvat(rows, place),
        "edl": lambda: write_edl(rows, place, rate),
        "otio": lambda: write_otio(rows, place, rate),
        "eaf": lambda: write_eaf(rows, place),
        "textgrid": lambda: write_textgrid(rows, place),
    }
    return writers[wish.format]()
