"""Encryption of galleries with a key from a file, the environment or the keyring."""

import os
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery import GuardedGallery, Receipt
from mien.gallery.keys import ENVIRONMENT, Ring, parsed, read_key_file, write_key_file


def encrypt(
    gallery: GuardedGallery, *, key_file: Path | None = None, keyring: bool = False
) -> Receipt:
    """Encrypt a plain gallery.

    Args:
        gallery: open for changes.
        key_file: file of the key; it is made if it does not exist.
        keyring: make the key in the keyring of the operating system. Without both, the key is that
            of the environment.

    Raises:
        GalleryError: the gallery is encrypted already, or there is no key.
    """
    check_source(key_file, keyring)
    if gallery.encrypted:
        raise GalleryError(f"Gallery {gallery.where} is encrypted already; for a new key: rekey.")
    if keyring:
        key = Ring(gallery.engine.name_key()).make(1)
    elif key_file is not None:
        key = read_key_file(key_file) if key_file.exists() else write_key_file(key_file)
    elif os.environ.get(ENVIRONMENT):
        key = parsed(os.environ[ENVIRONMENT], ENVIRONMENT)
    else:
        raise GalleryError(
            f"No key was given: use --keyring, or --key-file FILE, or set {ENVIRONMENT}."
        )
    return gallery.encrypt(key)


def rekey(
    gallery: GuardedGallery, *, key_file: Path | None = None, keyring: bool = False
) -> Receipt:
    """Give an encrypted gallery, which was opened with its present key, a new one.

    The same call continues after an interruption.

    Args:
        gallery: open for changes.
        key_file: file of the new key; it is made if it does not exist.
        keyring: make the new key in the keyring, and delete the old one there.

    Raises:
        GalleryError: the gallery is not encrypted, or there is no key.
    """
    check_source(key_file, keyring)
    if not gallery.encrypted:
        raise GalleryError(f"Gallery {gallery.where} is not encrypted; encrypt it first.")
    if key_file is not None:
        key = read_key_file(key_file) if key_file.exists() else write_key_file(key_file)
        return gallery.rekey(key)
    if not keyring:
        raise GalleryError("No new key was given: use --keyring, or --key-file FILE.")
    ring, (_, generation) = Ring(gallery.engine.name_key()), gallery.engine.key_name()
    receipt = gallery.rekey(ring.make(generation + 1))
    ring.delete(generation)
    return receipt


def check_source(key_file: Path | None, keyring: bool) -> None:
    """Refuse two places for one key."""
    if key_file is not None and keyring:
        raise GalleryError("--key-file and --keyring are two places for one key; give one.")
