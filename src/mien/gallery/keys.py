"""Encryption of records: AES-256-GCM, one data key per person, wrapped by the key of the gallery.

Everything that identifies a person is sealed with the data key of that person. The associated data
are the id of the person, the contract id of the gallery and the kind of the record, so a record
cannot be passed off as another person's or as another kind. People and images are found by a
keyed digest (HMAC-SHA256). Its key is wrapped by the key of the gallery, too.

The key of the gallery is never in the store. It comes from the environment, a file or the keyring
of the operating system.

Sources: NIST SP 800-38D (GCM, random nonces of 96 bits), RFC 2104 (HMAC).
"""

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from mien.errors import GalleryError, extra

SIZE = 32  # bytes of a key
NONCE = 12  # bytes
NOBODY = 0  # instead of a person, for the keys of the gallery
ENVIRONMENT, FILE = "MIEN_GALLERY_KEY", "MIEN_GALLERY_KEY_FILE"
SERVICE = "mien gallery"  # in the keyring
KEPT = 100_000  # data keys in memory


def new_key() -> bytes:
    """Return a random key."""
    return secrets.token_bytes(SIZE)


def check_key(key: bytes) -> None:
    """Raise an error for a key of another length."""
    if not isinstance(key, bytes) or len(key) != SIZE:
        raise GalleryError(f"A key of a gallery has {SIZE} bytes; make one with new_key().")


class Box:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        with extra("secure", "An encrypted gallery"):
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        self._cipher, self._invalid = AESGCM(key), InvalidTag

    def seal(self, data: bytes, about: bytes) -> bytes:
        """Return nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + bytes(self._cipher.encrypt(nonce, data, about))

    def open(self, sealed: object, about: bytes) -> bytes | None:
        """Return the data; None if they were changed, or sealed with another key or purpose."""
        if not isinstance(sealed, bytes) or len(sealed) < NONCE:
            return None
        try:
            return bytes(self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], about))
        except self._invalid:
            return None


class Vault:
    """The keys of an open gallery."""

    def __init__(self, key: bytes, lookup: bytes, contract: str, where: str) -> None:
        """Open the keys.

        Args:
            key: of the gallery.
            lookup: the wrapped key of the digests.
            contract: contract id of the gallery.
            where: the gallery, for messages.

        Raises:
            GalleryError: it is the key of another gallery.
        """
        self._box, self._contract, self._where = Box(key), contract, where
        opened = self._box.open(lookup, self._about(NOBODY, "lookup"))
        if opened is None:
            raise GalleryError(
                f"The key is not that of gallery {where}. Nothing was changed; give the right key: "
                f"{ENVIRONMENT}, {FILE} or the keyring."
            )
        self._lookup = opened
        self._boxes: dict[int, Box] = {}

    @staticmethod
    def new_lookup(key: bytes, contract: str) -> bytes:
        """Return a new wrapped key of the digests."""
        about = f"{NOBODY}|{contract}|lookup".encode()
        return Box(key).seal(new_key(), about)

    def _about(self, person: int, kind: str) -> bytes:
        """Return the associated data of a record."""
        return f"{person}|{self._contract}|{kind}".encode()

    def digest(self, text: str) -> str:
        """Return the keyed digest of a name or of a digest of an image, hex."""
        return hmac.new(self._lookup, text.encode(), hashlib.sha256).hexdigest()

    def add(self, person: int) -> bytes:
        """Make the data key of a person; return it wrapped."""
        key = new_key()
        self._keep(person, Box(key))
        return self._box.seal(key, self._about(person, "key"))

    def rewrapped(self, person: int, wrapped: object, new: Box) -> bytes:
        """Return a data key, or for NOBODY the key of digests, wrapped by another gallery key."""
        kind = "lookup" if person == NOBODY else "key"
        key = self._box.open(wrapped, self._about(person, kind))
        if key is None:
            raise self._damaged(person)
        return new.seal(key, self._about(person, kind))

    def seal(self, person: int, kind: str, data: bytes, wrapped: Callable[[int], object]) -> bytes:
        """Seal a record with the data key of a person.

        Args:
            person: id.
            kind: of the record.
            data: the record.
            wrapped: returns the wrapped data key of a person.
        """
        return self._of(person, wrapped).seal(data, self._about(person, kind))

    def open(
        self, person: int, kind: str, sealed: object, wrapped: Callable[[int], object]
    ) -> bytes:
        """Open a record.

        Raises:
            GalleryError: it is damaged.
        """
        data = self._of(person, wrapped).open(sealed, self._about(person, kind))
        if data is None:
            raise self._damaged(person)
        return data

    def forget(self, person: int) -> None:
        """Remove a data key from memory."""
        self._boxes.pop(person, None)

    def _of(self, person: int, wrapped: Callable[[int], object]) -> Box:
        box = self._boxes.get(person)
        if box is None:
            key = self._box.open(wrapped(person), self._about(person, "key"))
            if key is None:
                raise self._damaged(person)
            box = Box(key)
            self._keep(person, box)
        return box

    def _keep(self, person: int, box: Box) -> None:
        if len(self._boxes) >= KEPT:
            self._boxes.clear()
        self._boxes[person] = box

    def _damaged(self, person: int) -> GalleryError:
        return GalleryError(
            f"Gallery {self._where} is damaged: a record of person {person} cannot be decrypted. "
            "Nothing was changed; restore a backup."
        )


# ---------------------------------------------------------------- where keys come from


def find_key(ident: str, generation: int, where: str) -> bytes:
    """Return the key of an encrypted gallery from the environment, a file or the keyring.

    Args:
        ident: of the gallery, for the keyring.
        generation: number of the key: 1, and one more after each change.
        where: the gallery, for messages.

    Raises:
        GalleryError: there is none, or it is not a key.
    """
    if os.environ.get(ENVIRONMENT):
        return parsed(os.environ[ENVIRONMENT], ENVIRONMENT)
    if os.environ.get(FILE):
        return read_key_file(Path(os.environ[FILE]))
    key = Ring(ident).get(generation)
    if key is None:
        raise GalleryError(
            f"Gallery {where} is encrypted, and its key was not found. Set {ENVIRONMENT} (64 hex "
            f"digits) or {FILE}, or unlock the keyring of the system."
        )
    return key


def parsed(text: str, where: str) -> bytes:
    """Return a key from 64 hex digits."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != SIZE:
        raise GalleryError(f"{where} is not a key of a gallery; expected 64 hex digits.")
    return key


def read_key_file(path: Path) -> bytes:
    """Read a key file, which only its owner may read.

    Raises:
        GalleryError: others may read it, or it is not a key.
    """
    try:
        mode, text = path.stat().st_mode, path.read_bytes()[:1000].decode("ascii", "replace")
    except OSError as error:
        raise GalleryError(f"The key file {path} cannot be read ({error.strerror}).") from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise GalleryError(f"The key file {path} can be read by other users; run: chmod 600 {path}")
    return parsed(text, str(path))


def write_key_file(path: Path) -> bytes:
    """Write a new key to a file that only its owner can read; return the key.

    Raises:
        GalleryError: the file exists or cannot be written.
    """
    key = new_key()
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise GalleryError(f"{path} exists already; a key is never overwritten.") from None
    except OSError as error:
        raise GalleryError(f"{path} cannot be written ({error.strerror}).") from error
    return key


class Ring:
    """The keys of one gallery in the keyring of the operating system."""

    def __init__(self, ident: str) -> None:
        self._ident = ident

    def get(self, generation: int) -> bytes | None:
        """Return a key; None without a keyring or without that key."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ModuleNotFoundError:
            return None
        try:
            text = keyring.get_password(SERVICE, f"{self._ident}/{generation}")
        except KeyringError:
            return None
        return None if text is None else parsed(text, "The key in the keyring")

    def make(self, generation: int) -> bytes:
        """Store a new key, and return it; a key of an interrupted change is used again.

        Raises:
            GalleryError: the keyring cannot be used.
        """
        with extra("secure", "A key in the keyring"):
            import keyring
            from keyring.errors import KeyringError
        key = self.get(generation) or new_key()
        try:
            keyring.set_password(SERVICE, f"{self._ident}/{generation}", key.hex())
        except KeyringError as error:
            raise GalleryError(
                f"The keyring of the system cannot be used ({error}); use --key-file FILE."
            ) from error
        return key

    def delete(self, generation: int) -> None:
        """Delete a key, if it is there."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ModuleNotFoundError:
            return
        try:
            keyring.delete_password(SERVICE, f"{self._ident}/{generation}")
        except KeyringError:
            return
