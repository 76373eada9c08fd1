"""Export of a gallery to one portable file: a zip archive without compression.

Zip is readable in all languages and on all desktops. Unit vectors are not compressible. An archive
that another program has packed again is read, unless it would grow like a zip bomb. Version 1
contains

- `manifest.json`: `format` "mien-gallery", `version`, `embedder`, `dimension`, the counts
  `templates` and `refusals`, and `sha256`, `bytes` of each other member;
- `vectors.npy`: (N, D) little-endian float32, NumPy format 1.0, no pickle;
- `templates.jsonl`: N lines, one per row of `vectors.npy`: person, source, source_digest, quality,
  box, added;
- `refusals.jsonl`: one line per refused image: person, source_digest, reason, source, added.

The file has no time of its own, so two exports of the same gallery are equal byte for byte. It
contains biometric data in plain form: protect it like the gallery.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery.checks import clean_name
from mien.gallery.conflicts import ConflictError, Conflicts, Limit
from mien.gallery.records import Gallery, Refusal, Template
from mien.types import Floats

FORMAT, VERSION = "mien-gallery", 1
MANIFEST = "manifest.json"
MEMBERS = ("vectors.npy", "templates.jsonl", "refusals.jsonl")
LARGEST_MANIFEST = 100_000  # bytes; those of mien have fewer than a thousand
GROWTH = 100  # times that a member may grow; the lines of similar templates grow 6 to 20 times
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip archive


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import."""

    templates: int  # number added
    present: int  # number that the gallery had already
    refusals: int  # number of refusals that were read


def export_gallery(gallery: Gallery, path: str | os.PathLike[str], *, plain: bool = False) -> int:
    """Export a gallery to one file, which is complete or absent.

    Args:
        gallery: open gallery.
        path: file to write.
        plain: permits the export of an encrypted gallery; an export is not encrypted.

    Returns:
        The number of templates.

    Raises:
        GalleryError: the gallery was changed during the export, or the file cannot be written.
    """
    target, gallery = Path(path), gallery.whole("export")
    before = gallery.stamp()
    if target.suffix.lower() != ".zip":
        raise GalleryError(
            f"Export path '{target}' is not supported: an export is a ZIP archive, so the name "
            "must end in .zip. A list of people comes from: mien gallery list"
        )
    if gallery.encrypted and not plain:
        raise GalleryError(
            f"Gallery {gallery.where} is encrypted, and an export is not encrypted: nothing was "
            "written. For a backup: mien gallery backup FILE; to export it in plain form: --plain"
        )
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
            manifest = write_members(gallery, Path(folder))
            draft = Path(folder) / "archive.zip"
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(member_info(MANIFEST), json.dumps(manifest, indent=1) + "\n")
                for name in MEMBERS:
                    with (
                        (Path(folder) / name).open("rb") as source,
                        archive.open(member_info(name), "w", force_zip64=True) as member,
                    ):
                        while block := source.read(1 << 20):
                            member.write(block)
            if gallery.stamp() != before:
                raise GalleryError(
                    f"Gallery {gallery.where} was changed during the export; "
                    f"nothing was written to {target}. Export it again."
                )
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(draft, target)
    except OSError as error:
        raise GalleryError(
            f"Gallery {gallery.where} could not be exported to {target} ({error.strerror}); "
            "check the folder and the space on its disk."
        ) from error
    return int(manifest["templates"])


def member_info(name: str) -> zipfile.ZipInfo:
    """Describe a member without variable fields, so that equal galleries give equal files."""
    return zipfile.ZipInfo(name, EPOCH)


def write_members(gallery: Gallery, folder: Path) -> dict[str, Any]:
    """Write the members into a folder, one template at a time; return the manifest."""
    count, dimension = len(gallery), 0
    with (folder / MEMBERS[0]).open("wb") as vectors, (folder / MEMBERS[1]).open("wb") as lines:
        written = 0
        for template in gallery:
            if not written:
                dimension = len(template.vector)
                vectors.write(npy_header(count, dimension))
            vectors.write(template.vector.astype("<f4").tobytes())
            lines.write(template_line(template))
            written += 1
        if not written:
            vectors.write(npy_header(0, 0))
    refusals = gallery.refusals()
    (folder / MEMBERS[2]).write_bytes(b"".join(refusal_line(r) for r in refusals))
    if written != count:
        raise GalleryError(
            f"Gallery {gallery.where} was changed during the export; export it again."
        )
    return {
        "format": FORMAT,
        "version": VERSION,
        "embedder": gallery.embedder,
        "dimension": dimension,
        "templates": count,
        "refusals": len(refusals),
        "sha256": {name: digest_of((folder / name).open("rb")) for name in MEMBERS},
        "bytes": {name: (folder / name).stat().st_size for name in MEMBERS},
    }


def npy_header(count: int, dimension: int) -> bytes:
    """Return the header of a NumPy file of (count, dimension) little-endian float32."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (count, dimension)}
    )
    return header.getvalue()


def template_line(template: Template) -> bytes:
    """Return one template as a line of JSON, without its embedding."""
    return json_line(
        {
            "person": template.person,
            "source": template.source,
            "source_digest": template.source_digest,
            "quality": None if template.quality is None else dict(template.quality),
            "box": None if template.box is None else template.box.tolist(),
            "added": None if template.added is None else template.added.isoformat(),
        }
    )


def refusal_line(refusal: Refusal) -> bytes:
    """Return one refusal as a line of JSON."""
    return json_line(
        {
            "person": refusal.person,
            "source_digest": refusal.source_digest,
            "reason": refusal.reason,
            "source": refusal.source,
            "added": None if refusal.added is None else refusal.added.isoformat(),
        }
    )


def json_line(row: dict[str, Any]) -> bytes:
    """Encode one row; floats as in Python's repr, which is exact."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def digest_of(file: IO[bytes]) -> str:
    """Return the SHA-256 of a file in hex; close the file."""
    with file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def import_gallery(
    path: str | os.PathLike[str],
    gallery: Gallery,
    *,
    conflicts: Literal["merge", "refuse"] = "refuse",
    limit: Limit | None = None,
) -> Imported:
    """Import an exported file into a gallery, in one transaction, after all checks.

    Args:
        path: a file from `export_gallery`.
        gallery: the target; it must have the same embedder.
        conflicts: how to treat names that exist in the gallery: "merge" treats equal names as
            one person and skips equal templates; "refuse" adds nothing.
        limit: how similar the faces of two names may be. None: names and faces of different people
            are not compared.

    Raises:
        ConflictError: two names appear equal, or belong to one face; nothing was added.
        GalleryError: the file is damaged, or belongs to another embedder, or has known names.
    """
    source = Path(path)
    templates, refusals = read_archive(source, gallery)
    held_here = gallery.whole("compare")
    known = {person.name for person in held_here.people()}
    given = {clean_name(t.person) for t in templates} | {clean_name(r.person) for r in refusals}
    both = known & given
    if both and conflicts == "refuse":
        raise GalleryError(
            f"The file {source} and gallery {gallery.where} both have {sorted(both)[0]!r}"
            f"{f' and {len(both) - 1} others' if len(both) > 1 else ''}; nothing was added. "
            "Import into a new gallery, or merge people by name (--merge)."
        )
    held = {(name, t.vector.tobytes()) for name in both for t in held_here.templates(name)}
    new = [t for t in templates if (clean_name(t.person), t.vector.tobytes()) not in held]
    if limit is not None:
        people = [clean_name(template.person) for template in new]
        found = Conflicts(gallery, lambda: limit).of_all(
            people, [template.vector for template in new]
        )
        if found:
            raise ConflictError(found, str(source), gallery.where)
    before = len(gallery)
    gallery.add(new, refusals)
    added = len(gallery) - before
    return Imported(added, len(templates) - added, len(refusals))


def read_archive(path: Path, gallery: Gallery) -> tuple[list[Template], list[Refusal]]:
    """Read a file into memory and check it; nothing is unpacked to disk."""
    with opened(path) as (archive, manifest):
        if manifest["embedder"] != gallery.embedder:
            raise GalleryMismatchError(gallery.embedder, manifest["embedder"], gallery.where)
        data = {name: archive.read(name) for name in MEMBERS}
    for name in MEMBERS:
        if hashlib.sha256(data[name]).hexdigest() != manifest["sha256"][name]:
            raise refused(path, f"{name} differs from the manifest")
    try:
        vectors = read_vectors(data[MEMBERS[0]], manifest["templates"], manifest["dimension"])
        rows = [json.loads(line) for line in data[MEMBERS[1]].splitlines()]
        notes = [json.loads(line) for line in data[MEMBERS[2]].splitlines()]
        if (len(rows), len(notes)) != (manifest["templates"], manifest["refusals"]):
            raise ValueError("the counts differ from the manifest")
        return (
            [read_template(row, v, gallery) for row, v in zip(rows, vectors, strict=True)],
            [read_refusal(row) for row in notes],
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise refused(path, f"a row cannot be read, {error}") from error


def embedder_of(path: str | os.PathLike[str]) -> str:
    """Return the contract id of the embedder of an exported file."""
    with opened(Path(path)) as (_, manifest):
        return str(manifest["embedder"])


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """Open an exported file and its manifest, both checked."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive, path)
            yield archive, read_manifest(archive, path)
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise GalleryError(
            f"The file {path} cannot be read as an exported gallery ({error}); "
            "nothing was added. Export the gallery again."
        ) from error


def refused(path: Path, why: str) -> GalleryError:
    """Create the error for a file that is not an intact export."""
    return GalleryError(
        f"The file {path} is not an intact export of a gallery: {why}. "
        "Nothing was added; export the gallery again."
    )


def check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise an error for members that are unknown, duplicate, encrypted or far too large.

    `mien` does not compress, but archives are packed again by other programs. A member that grows
    more than text and vectors can is refused before it is read.
    """
    infos = archive.infolist()
    if sorted(i.filename for i in infos) != sorted((MANIFEST, *MEMBERS)):
        raise refused(path, f"it contains {sorted({i.filename for i in infos})[:5]}")
    for info in infos:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused(path, f"{info.filename} is compressed by a method that is not known")
        if info.file_size > GROWTH * info.compress_size + LARGEST_MANIFEST:
            raise refused(path, f"{info.filename} would grow more than {GROWTH} times")
    if sum(info.compress_size for info in infos) > path.stat().st_size:
        raise refused(path, "its members overlap")


def read_manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """Read the manifest; raise an error for other formats and versions."""
    if archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
        raise refused(path, "its manifest is too long")
    try:
        manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
        kind, version = manifest["format"], manifest["version"]
        sizes = {name: archive.getinfo(name).file_size for name in MEMBERS}
        fits = (
            kind == FORMAT
            and sizes == manifest["bytes"]
            and set(manifest["sha256"]) == set(MEMBERS)
            and all(type(manifest[n]) is int for n in ("dimension", "templates", "refusals"))
            and isinstance(manifest["embedder"], str)
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise refused(path, f"its manifest cannot be read, {error!r}") from error
    if version != VERSION:
        raise refused(
            path, f"it has version {version!r}, but this version of mien reads version {VERSION}"
        )
    if not fits:
        raise refused(path, "its manifest is incomplete")
    return manifest


def read_vectors(data: bytes, count: int, dimension: int) -> Floats:
    """Read (count, dimension) float32 without trust in the header of the file."""
    header = npy_header(count, dimension)
    if not data.startswith(header) or len(data) != len(header) + 4 * count * dimension:
        raise ValueError("the vectors are not those of the manifest")
    flat = np.frombuffer(data, dtype="<f4", offset=len(header)).astype(np.float32)
    return flat.reshape(count, dimension)


def read_template(row: dict[str, Any], vector: Floats, gallery: Gallery) -> Template:
    """Create a template from one line and one row of the vectors."""
    box = row["box"]
    return Template(
        person=text(row["person"]),
        vector=vector,
        embedder=gallery.embedder,
        source=maybe_text(row["source"]),
        source_digest=maybe_text(row["source_digest"]),
        quality=None if row["quality"] is None else dict(row["quality"]),
        box=None if box is None else np.array(box, dtype=np.float32),
        added=datetime.fromisoformat(row["added"]),
    )


def read_refusal(row: dict[str, Any]) -> Refusal:
    """Create a refusal from one line."""
    return Refusal(
        person=text(row["person"]),
        source_digest=text(row["source_digest"]),
        reason=text(row["reason"]),
        source=maybe_text(row["source"]),
        added=datetime.fromisoformat(row["added"]),
    )


def text(value: Any) -> str:
    """Return a string; raise an error for other types."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def maybe_text(value: Any) -> str | None:
    """Return a string or None."""
    return None if value is None else text(value)
