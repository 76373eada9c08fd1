"""Erasure with a signed receipt, and the later proof that nothing is left."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.errors import GalleryError
from mien.gallery import GuardedGallery, on_server
from mien.gallery.checks import clean_name, utc
from mien.gallery.held import descriptor_of, hold, read_at
from mien.gallery.journal import Head
from mien.gallery.receipts import (
    PersonFile,
    SignedReceipt,
    Statement,
    digest,
    is_genuine,
    read_key,
    sign,
    write_person,
    write_receipt,
)
from mien.media import write_bytes
from mien.service.erasure import Erased, erase, files_of

TEXT = 32  # characters of an encoded vector that are searched at once
PIECE = 16  # bytes of a vector that are searched at once: four numbers
SHORTEST = 4  # bytes; a shorter name is found by chance in any file
BESIDE = ("", "-wal", "-shm", "-journal", "-index", "-index.part")  # files of one gallery
BLOCK = 1 << 22  # bytes that are read at once
EQUAL = 1 - 1e-6  # cosine; float32 rounding of equal vectors deviates by 1e-7


@dataclass(frozen=True, slots=True)
class Proof:
    """What a search for an erased person found."""

    genuine: bool  # the signature is that of the key in the receipt
    trusted: bool | None  # the key is the expected one; None: none was given
    recorded: bool  # the entry of the receipt is in the journal, and the journal is intact
    templates: int  # number of old templates that were searched
    nearest: float | None  # highest cosine of an old template to one of the gallery
    equal: int  # old templates that the gallery still has
    known: bool  # the gallery has a person of that name
    places: tuple[str, ...]  # files with bytes of the person, and what was found
    files: int  # number of files that were searched for bytes
    skipped: tuple[str, ...]  # what was not searched, and why

    @property
    def erased(self) -> bool:
        """Return whether the receipt is valid and nothing was found."""
        valid = self.genuine and self.trusted is not False and self.recorded
        return valid and not (self.equal or self.known or self.places)


def erase_with_receipt(
    people: Sequence[str],
    gallery: GuardedGallery,
    receipt: Path,
    key: Path,
    *,
    person_file: Path | None = None,
    also: Iterable[Path] = (),
) -> Erased:
    """Erase people, and write a signed receipt.

    Args:
        people: names.
        gallery: open for changes.
        receipt: file to write.
        key: file of the private key.
        person_file: file to write before the erasure, for the person alone; of one person.
        also: further files and folders; see `mien.service.erase`.

    Raises:
        GalleryError: a file cannot be read or written; nothing was erased, unless the message
            states that.
    """
    read_key(key)
    for path in filter(None, (receipt, person_file)):
        if path.exists():
            raise GalleryError(f"{path} exists already; nothing was erased. Give another name.")
    kept = None
    if person_file is not None:
        if len(people) != 1:
            raise GalleryError("A file for the person needs exactly one person; erase one a time.")
        name = clean_name(people[0])
        waiting = [one.template for one in gallery.quarantined(name)]
        data = write_person(name, [*gallery.templates(name), *waiting], gallery.embedder)
        write_bytes(person_file, data)
        person_file.chmod(0o600)
        kept = digest(data)
    write_bytes(receipt, b"")  # shows before the erasure that it can be written
    try:
        done = erase(people, gallery, also=also)
    except GalleryError:  # nothing was erased
        for path in filter(None, (receipt, person_file)):
            path.unlink(missing_ok=True)
        raise
    head = gallery.journal.head()
    statement = Statement(
        gallery=gallery.where,
        model=gallery.embedder,
        time=utc(gallery.journal.now()),
        people=done.receipt.people,
        templates=done.receipt.templates,
        refusals=done.receipt.refusals,
        complete=done.receipt.complete,
        runs=done.runs,
        changed=len(done.changed),
        remaining=len(done.places),
        entry=head.number,
        entry_digest=head.digest,
        person_file=kept,
    )
    write_bytes(receipt, write_receipt(sign(statement, key)))
    return done


def prove_erased(
    receipt: SignedReceipt,
    person: PersonFile,
    gallery: GuardedGallery,
    *,
    key: str | None = None,
    also: Iterable[Path] = (),
) -> Proof:
    """Search a gallery and its files for an erased person.

    Args:
        receipt: of the erasure.
        person: what the person kept; its digest must be compared with the receipt before.
        gallery: the gallery of the receipt.
        key: the expected public key, hex.
        also: further files and folders to search for bytes.

    Raises:
        GalleryError: the receipt is of another model than the gallery.
    """
    if person.model != gallery.embedder:
        raise GalleryError(
            f"Gallery {gallery.where} has templates of '{gallery.embedder}', but the erased ones "
            f"are of '{person.model}': this is another gallery."
        )
    head = Head(receipt.statement.entry, receipt.statement.entry_digest, "")
    recorded = not gallery.journal.verify(head)
    whole = gallery.whole("prove-erased")
    near = []
    if len(person.vectors) and len(whole):
        near = [hits[0].similarity for hits in whole.search(person.vectors, 1) if hits]
    names = set(gallery.engine.names().values())
    others = [one for one in names if person.person in one and one != person.person]
    patterns, skipped = patterns_of(person, others)
    gallery_files = [Path(gallery.where + end) for end in BESIDE]
    files = [file for file in gallery_files if file.exists()]
    if on_server(gallery.where):
        skipped += ("the files of the server: tables, write-ahead log and backups",)
    files += [file for path in also for file in files_of(path)]
    places = [f"{file}: {what}" for file in files for what in traces(file, patterns)]
    return Proof(
        genuine=is_genuine(receipt),
        trusted=None if key is None else key.strip().lower() == receipt.key,
        recorded=recorded,
        templates=len(person.vectors),
        nearest=max(near, default=None),
        equal=sum(cosine >= EQUAL for cosine in near),
        known=person.person in names,
        places=tuple(places),
        files=len(files),
        skipped=skipped,
    )


def patterns_of(
    person: PersonFile, others: Sequence[str]
) -> tuple[dict[str, list[bytes]], tuple[str, ...]]:
    """Return the bytes to search for by what they are, and what is not searched.

    Args:
        person: what was erased.
        others: names of people in the gallery that contain the name.
    """
    blobs = [vector.astype("<f4").tobytes() for vector in person.vectors]
    pieces = [blob[i : i + PIECE] for blob in blobs for i in range(0, len(blob), PIECE)]
    # A piece of zeros, or of one repeated number, is in files without this person.
    useful = [p for p in pieces if len(p) == PIECE and len(set(np.frombuffer(p, "<u4"))) > 1]
    texts = [base64.b64encode(blob) for blob in blobs]  # as the quarantine stores them
    useful += [text[i : i + TEXT] for text in texts for i in range(0, len(text) - TEXT, TEXT)]
    patterns = {
        "numbers of a template": useful,
        "path or digest of an image": [b for text in person.texts for b in encoded(text)],
        "name": [],
    }
    skipped = []
    if len(person.person.encode()) < SHORTEST:
        skipped.append("the bytes of the name, which is too short")
    elif others:
        skipped.append("the bytes of the name, which is part of the name of another person")
    else:
        patterns["name"] = encoded(person.person)
    return patterns, tuple(skipped)


def encoded(text: str) -> list[bytes]:
    """Return a text in the encodings of SQLite."""
    return [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")]


def traces(file: Path, patterns: dict[str, list[bytes]]) -> Iterator[str]:
    """Yield what of a person is in a file.

    Raises:
        GalleryError: the file cannot be read.
    """
    try:
        if not file.stat().st_size:
            return
        longest = max((len(one) for spelt in patterns.values() for one in spelt), default=1)
        left = dict(patterns)
        # It may be a file of an open gallery: not released, since that would release its locks.
        descriptor = descriptor_of(hold(file))
        for start in range(0, file.stat().st_size, BLOCK):
            data = read_at(descriptor, BLOCK + longest, start)
            for what in [w for w, spelt in left.items() if any(one in data for one in spelt)]:
                del left[what]
                yield what
    except OSError as error:
        raise GalleryError(f"{file} cannot be searched ({error.strerror}).") from error
