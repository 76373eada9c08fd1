"""Photos by person: face regions in XMP, aligned crops, copies and links in folders."""

import filecmp
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from mien.align import align
from mien.errors import ImageError, MienError
from mien.export.saved import UNNAMED, FaceOf, Folders, Ledger, Row, faces, photos
from mien.media import encode_image, read_image, write_bytes
from mien.media.face_regions import FaceRegion, merge_regions
from mien.media.xmp import read_orientation, read_packet, read_sidecar, sidecars, with_packet
from mien.types import Crop, Face

CROP = Crop(size=224)  # twice the 112 px of the template, which halves without a remainder


def write_sidecars(
    rows: list[Row], place: Path | None, ledger: Ledger, *, short: bool = False
) -> int:
    """Write the faces of photos as MWG-RS regions into sidecars; return the number of files.

    A sidecar that exists keeps all it holds. A new one begins with what the other sidecar of the
    photo or the photo itself holds, because programs prefer a sidecar to the photo.

    Args:
        rows: of photos.
        place: folder of the sidecars, which gets the folders of the photos; None: beside them.
        ledger: gets a sentence about each photo that is left out, or keeps another name.
        short: `NAME.xmp` as in Lightroom, instead of `NAME.jpg.xmp` as in digiKam and Immich.
    """
    found = photos(rows)
    root = _root(found) if place else None
    written: set[Path] = set()

    def one(row: Row) -> None:
        source = Path(row["image"])
        target, other = sidecars(source)[:: -1 if short else 1]
        if place and root is not None:
            target = place / os.path.relpath(target.absolute(), root)
            target.parent.mkdir(parents=True, exist_ok=True)
        if target in written:
            raise MienError(f"{source}: another photo has the sidecar {target}; it is left out.")
        beside = sidecars(source)[1 if short else 0]
        xmp = next(filter(None, map(read_sidecar, (target, beside, other))), None)
        write_bytes(target, _merged(row, xmp or read_packet(source), ledger))
        written.add(target)

    return _each(found, one, ledger)


def embed_regions(rows: list[Row], ledger: Ledger) -> int:
    """Write the faces of JPEG photos as MWG-RS regions into the photos; return their number.

    All other bytes of a photo stay as they are.
    """

    def one(row: Row) -> None:
        source = Path(row["image"])
        xmp = _merged(row, read_packet(source), ledger)
        data = with_packet(source.read_bytes(), xmp, f"Image {source}")
        status = source.stat()
        write_bytes(source, data)
        os.chmod(source, status.st_mode)

    return _each(photos(rows), one, ledger)


def write_crops(rows: list[Row], place: Path, ledger: Ledger) -> int:
    """Write each face as an upright chip of 224 px into the folder of its person.

    Faces for review are in `_review`, those that nobody matched in `_unknown`.
    """
    folders, count = Folders(place), 0

    def one(row: Row) -> None:
        nonlocal count
        image = read_image(row["image"])
        for face in faces(row):
            points = face.row["points"]
            if points is None or any(value is None for point in points for value in point):
                ledger.failed.append(
                    f"{face.image}: face {face.number} has no five points, so it is not cut out."
                )
                continue
            known = Face(
                np.array(face.row["box"], np.float32),
                face.row["score"],
                np.array(points, np.float32),
            )
            data = encode_image(align(image, [known], CROP)[0], "jpeg", 95)
            name = f"{Path(face.image).stem}-{face.number}.jpg"
            _add(_folder(folders, face), name, _same_bytes(data), _writing(data))
            count += 1

    _each(photos(rows), one, ledger)
    return count


def sort_photos(rows: list[Row], place: Path, ledger: Ledger, *, link: bool = False) -> int:
    """Copy photos into one folder per person, or link them; return the number of copies.

    A photo of two people is in both folders. A photo without a match is in none.
    """
    folders, count = Folders(place), 0

    def one(row: Row) -> None:
        nonlocal count
        source = Path(row["image"])
        if not source.is_file():
            raise ImageError(f"Image {source} does not exist; start from the folder of the run.")
        for person in dict.fromkeys(face.person for face in faces(row) if face.person):
            if link:
                _add(folders(person), source.name, _links_to(source), _linking(source))
            else:
                _add(folders(person), source.name, _copy_of(source), _copying(source))
            count += 1

    _each(photos(rows), one, ledger)
    return count


def _merged(row: Row, xmp: bytes | None, ledger: Ledger) -> bytes:
    size = (row["size"][0], row["size"][1])
    regions = [FaceRegion(np.array(f.row["box"], np.float32), f.person) for f in faces(row)]
    merged = merge_regions(xmp, regions, size, read_orientation(row["image"]))
    for name in merged.kept:
        ledger.notes.append(f"{row['image']}: a face keeps the name '{name}', which it had before.")
    return merged.xmp


def _each(rows: Iterable[Row], work: Callable[[Row], None], ledger: Ledger) -> int:
    """Do something for each photo; one that cannot be processed is reported and left out."""
    done = 0
    for row in rows:
        if row["image"] == "-":
            ledger.notes.append("The image of standard input has no file, so it is left out.")
            continue
        try:
            work(row)
            done += 1
        except (MienError, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, MienError):
                error = MienError(f"{error.filename or row['image']}: {error.strerror}")
            message = str(error)
            ledger.failed.append(
                message if row["image"] in message else f"{row['image']}: {message}"
            )
    return done


def _root(rows: Iterable[Row]) -> str:
    """Return the folder that all photos are below."""
    parents = [str(Path(row["image"]).absolute().parent) for row in rows if row["image"] != "-"]
    return os.path.commonpath(parents) if parents else os.curdir


def _folder(folders: Folders, face: FaceOf) -> Path:
    return folders(face.person) if face.person else folders.own(UNNAMED[face.outcome])


def _add(
    folder: Path, name: str, there: Callable[[Path], bool], make: Callable[[Path], None]
) -> None:
    """Add a file under a free name, unless it is there; no other file is overwritten."""
    target, number = folder / name, 2
    while os.path.lexists(target):
        if there(target):
            return
        target, number = (folder / name).with_stem(f"{Path(name).stem}-{number}"), number + 1
    make(target)


def _same_bytes(data: bytes) -> Callable[[Path], bool]:
    return lambda path: path.is_file() and path.read_bytes() == data


def _writing(data: bytes) -> Callable[[Path], None]:
    return lambda path: write_bytes(path, data)


def _copy_of(source: Path) -> Callable[[Path], bool]:
    return lambda path: path.is_file() and filecmp.cmp(source, path, shallow=False)


def _copying(source: Path) -> Callable[[Path], None]:
    def copy(path: Path) -> None:
        part = path.with_name(f".{path.name}.part")
        try:
            shutil.copy2(source, part)
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink()

    return copy


def _links_to(source: Path) -> Callable[[Path], bool]:
    return lambda path: path.is_symlink() and path.resolve() == source.resolve()


def _linking(source: Path) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(source.resolve())
