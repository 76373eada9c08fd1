"""What is to be enrolled: images and their people, from folders, tables and face regions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mien.datasets.spreadsheets import need, read_rows
from mien.errors import GalleryError, ImageError, MienError
from mien.gallery import clean_name
from mien.media import find_images
from mien.media.face_regions import read_regions
from mien.media.finding import ignore
from mien.media.xmp import read_orientation, read_packet, read_sidecar, sidecars

TABLES = (".csv", ".tsv", ".tab", ".txt")  # suffixes of tables of people and images


@dataclass(frozen=True, slots=True)
class Item:
    """One image of one person, to be enrolled."""

    person: str
    path: Path
    # left, top, right, bottom as shares of the upright image; None: its dominant face
    region: tuple[float, float, float, float] | None = None
    data: bytes | None = None  # of the image, if it is not a file; `path` is then only its name


def items_in(source: Path, *, skipped: Callable[[str], None] = ignore) -> list[Item]:
    """List images and their people.

    Args:
        source: a folder with one folder per person, a folder of `Name.jpg` files, one such file, or
            a table (CSV, also with tabs) with the columns `person` and `path` (relative to it).
        skipped: is given a sentence about each line or entry that is left out.

    Raises:
        MienError: nothing to enrol was found, or the CSV file lacks a column.
    """
    if source.suffix.lower() in TABLES:
        items = _from_table(source, skipped)
    elif source.is_dir():
        items = []
        for path in find_images([source], skipped=skipped):
            inside = path.relative_to(source).parts
            items += _named(inside[0] if len(inside) > 1 else path.stem, path, str(path), skipped)
    else:
        found = find_images([source], skipped=skipped)
        items = [item for p in found for item in _named(p.stem, p, str(p), skipped)]
    if not items:
        raise MienError(
            f"No images to enrol were found in {source}: expected a folder with one folder per "
            "person, images named after people, or a CSV file with the columns person and path."
        )
    return items


def region_items(source: Path, *, skipped: Callable[[str], None] = ignore) -> list[Item]:
    """List the named face regions of images: in `NAME.jpg.xmp`, `NAME.xmp`, or in the image.

    The first of the three that names somebody counts, as in programs that prefer sidecars.

    Args:
        source: an image, or a folder, which is searched recursively.
        skipped: is given a sentence about each file that cannot be read.

    Raises:
        MienError: no image has a face region with a name.
    """
    items = []
    for path in find_images([source], skipped=skipped):
        try:
            items += _named_regions(path, skipped)
        except ImageError as error:
            skipped(str(error))
    if not items:
        raise MienError(
            f"No named face regions (XMP, MWG-RS) were found for the images in {source}; mark and "
            "name faces in digiKam, Lightroom or another program, and write metadata to files."
        )
    return items


def _named_regions(path: Path, skipped: Callable[[str], None]) -> list[Item]:
    orientation = read_orientation(path)
    packets: tuple[Callable[[], bytes | None], ...] = (
        *(partial(read_sidecar, one) for one in sidecars(path)),
        partial(read_packet, path),
    )
    for packet in packets:
        try:
            xmp = packet()
            found = read_regions(xmp, (1, 1), orientation) if xmp else []
        except ImageError as error:
            skipped(f"{path}: {error}")
            continue
        named = [
            Item(clean_name(one.name), path, tuple(one.box.tolist())) for one in found if one.name
        ]
        if named:
            return named
    return []


def _from_table(source: Path, skipped: Callable[[str], None]) -> list[Item]:
    """The rows of a table; those that cannot be used are reported."""
    headings, rows = read_rows(source)
    names = [name.lower() for name in headings]
    need(source, ("person", "path"), names)
    person, path = names.index("person"), names.index("path")
    items = []
    for line, cells in rows:
        who, where = ("" if k >= len(cells) else cells[k] for k in (person, path))
        fault = f"{'path' if who else 'person'} is empty" if not (who and where) else None
        if len(cells) > len(names):  # a comma without quotation marks would cut a name
            fault = "it has more cells than the first line"
        if fault:
            skipped(f"{source}, line {line}: {fault}; the line is left out.")
        else:
            items += _named(who, _beside(source, where), f"{source}, line {line}", skipped)
    return items


def _named(person: str, path: Path, where: str, skipped: Callable[[str], None]) -> list[Item]:
    """The item, or none and a sentence if the name cannot be stored."""
    try:
        return [Item(clean_name(person), path)]
    except GalleryError as error:
        skipped(f"{where}: left out. {error}")
        return []


def _beside(source: Path, where: str) -> Path:
    """A path of a row, relative to its file; those of Windows are understood elsewhere, too."""
    if where.lower().startswith("file://"):
        return Path(url2pathname(urlsplit(where).path))
    path = source.parent / where
    if "\\" in where and not path.exists():
        return source.parent / PureWindowsPath(where).as_posix()
    return path
