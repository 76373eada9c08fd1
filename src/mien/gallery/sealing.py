"""How the rows of an engine are sealed and opened; without a key they stay as they are.

A plain row and a sealed row have the same columns. In a sealed row, names and digests of images are
keyed digests, `vector` is sealed, and `source` holds the sealed texts of the row.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mien.errors import GalleryError
from mien.gallery.keys import Vault
from mien.gallery.protecting import Transform, shielded, unshielded

Row = Sequence[Any]


class Texts(NamedTuple):
    """The texts of a template or refusal, as columns."""

    source: Any
    digest: str | None
    quality: str | None = None
    box: bytes | None = None
    reason: str = ""


@dataclass
class Sealing:
    """Seals and opens rows with the keys of a gallery."""

    vault: Vault | None  # the keys; None: rows are plain
    wrapped: Callable[[int], object]  # returns the wrapped data key of a person
    armour: bool = False  # whether columns of text hold sealed texts as base64, not as bytes
    transform: Transform | None = None  # protects vectors, before they are sealed
    vectors: str = "vector"  # kind of the records of vectors
    beside: "Sealing | None" = None  # of the second vectors, while the model changes

    def with_vault(self, vault: Vault) -> "Sealing":
        """Return one with other keys."""
        beside = None if self.beside is None else replace(self.beside, vault=vault)
        return replace(self, vault=vault, beside=beside)

    def lookup(self, text: str) -> str:
        """Return what stands in the column of a name or digest."""
        return self.vault.digest(text) if self.vault else text

    def lookup_digest(self, digest: str | None) -> str | None:
        """Return what stands in the column of the digest of an image."""
        return None if digest is None else self.lookup(digest)

    def name(self, person: int, name: str) -> bytes | None:
        """Return the sealed name; None if it is plain."""
        return self._seal(person, "name", name.encode()) if self.vault else None

    def vector(self, person: int, blob: bytes) -> tuple[bytes, int]:
        """Return the columns `vector` and `crc`."""
        blob = shielded(self.transform, blob)
        if not self.vault:
            return blob, zlib.crc32(blob)
        return self._seal(
            person, self.vectors, blob
        ), 0  # GCM authenticates; a CRC would reveal bits

    def texts(self, person: int, kind: str, texts: Texts) -> Texts:
        """Return the columns of a template or refusal."""
        if not self.vault:
            return texts
        row = {**texts._asdict(), "box": texts.box and texts.box.hex()}
        sealed = self._text(person, kind, json.dumps(row))
        return Texts(sealed, self.lookup_digest(texts.digest))

    def fact(self, person: int | None, text: str) -> Any:
        """Return the column `text` of a fact; those about nobody are plain."""
        if not self.vault or person is None:
            return text
        return self._text(person, "fact", text)

    # ------------------------------------------------------------------ the way back

    def open_name(self, person: int, name: str, sealed: object) -> str:
        """Return a name from its columns."""
        return self._open(person, "name", sealed).decode() if self.vault else name

    def open_vectors(self, rows: Sequence[Row]) -> list[Row]:
        """Return rows that begin with number, person, vector, CRC-32, with plain vectors."""
        opened: list[Row] = list(rows)
        if self.vault:
            opened = []
            for number, person, sealed, _, *rest in rows:
                blob = self._open(person, self.vectors, sealed)
                opened.append((number, person, blob, zlib.crc32(blob), *rest))
        if self.transform is None:
            return opened
        sizes = {len(row[2]) for row in opened}
        if len(sizes) > 1 or any(zlib.crc32(row[2]) != row[3] for row in opened):
            return opened  # damaged: whoever checks the CRC-32 finds it
        blobs = unshielded(self.transform, [row[2] for row in opened])
        return [
            (*row[:2], blob, zlib.crc32(blob), *row[4:])
            for row, blob in zip(opened, blobs, strict=True)
        ]

    def open_texts(self, person: int, kind: str, texts: Texts) -> Texts:
        """Return plain columns of a template or refusal."""
        if not self.vault:
            return texts
        data = self._open(person, kind, texts.source)
        try:
            row = json.loads(data)
            return Texts(**{**row, "box": row["box"] and bytes.fromhex(row["box"])})
        except (ValueError, TypeError, KeyError) as error:
            raise GalleryError(
                "A record was sealed by another program; restore a backup."
            ) from error

    def open_stored(self, rows: Sequence[Row]) -> list[Row]:
        """Return plain rows of `mien.gallery.rows.STORED`."""
        if not self.vault:
            return self.open_vectors(rows)
        opened: list[Row] = []
        for (
            number,
            person,
            blob,
            crc,
            name,
            source,
            digest,
            quality,
            box,
            added,
            sealed,
        ) in self.open_vectors(rows):
            texts = Texts(source, digest, quality, box)
            texts = self.open_texts(person, "template", texts)
            plain = self.open_name(person, name, sealed)
            columns = (plain, texts.source, texts.digest, texts.quality, texts.box, added, sealed)
            opened.append((number, person, blob, crc, *columns))
        return opened

    def open_fact(self, person: int | None, text: Any) -> str:
        """Return the text of a fact."""
        if not self.vault or person is None:
            return str(text)
        return self._open(person, "fact", text).decode()

    def _text(self, person: int, kind: str, text: str) -> bytes | str:
        """Return what stands in a column of text."""
        sealed = self._seal(person, kind, text.encode())
        return b64encode(sealed).decode() if self.armour else sealed

    def _seal(self, person: int, kind: str, data: bytes) -> bytes:
        assert self.vault is not None
        return self.vault.seal(person, kind, data, self.wrapped)

    def _open(self, person: int, kind: str, sealed: object) -> bytes:
        assert self.vault is not None
        if isinstance(sealed, str) and self.armour:
            with suppress(ValueError):  # damaged: it is not opened
                sealed = b64decode(sealed, validate=True)
        return self.vault.open(person, kind, sealed, self.wrapped)
