"""Signed receipts of erasures, and the file that only the erased person keeps.

A receipt names nobody. It has the digest of a file that is written for the person before the
erasure: name, templates and sources, and a random number, without which the digest of a known
content could be guessed. With both files anybody can search a gallery for what was erased.

Signatures are Ed25519 (RFC 8032).
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import GalleryError, extra
from mien.gallery.checks import check_vectors
from mien.gallery.journal import canonical
from mien.gallery.records import Template
from mien.types import Floats

CONTEXT = b"mien erasure receipt 1\n"  # a signature of another kind of text is no receipt
LARGEST_RECEIPT = 100_000  # bytes; one has fewer than 2,000
PURPOSE = "A signed receipt"  # for the message about a missing package


@dataclass(frozen=True, slots=True)
class Statement:
    """What a receipt states."""

    gallery: str  # path or address
    model: str  # contract id of the embedder
    time: str  # ISO 8601, UTC
    people: int
    templates: int
    refusals: int
    complete: bool  # whether all bytes in the files of the gallery are overwritten
    runs: int  # stopped runs that were deleted
    changed: int  # other files from which the people were erased
    remaining: int  # other searched files in which they may still be found
    entry: int  # number of the last entry of the journal
    entry_digest: str
    person_file: str | None = None  # SHA-256 of the file for the person, hex


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A statement, the public key and the signature."""

    statement: Statement
    key: str  # Ed25519 public key, 64 hex digits
    signature: str  # 128 hex digits


@dataclass(frozen=True, slots=True, eq=False)
class PersonFile:
    """What a person keeps after the erasure."""

    person: str
    model: str
    vectors: Floats  # (N, D) float32
    texts: tuple[str, ...]  # sources and digests of the images


def make_key(path: Path) -> str:
    """Write a new private key, readable for its owner only, and the public key beside it.

    Returns:
        The public key, hex.

    Raises:
        GalleryError: the file exists or cannot be written.
    """
    with extra("secure", PURPOSE):
        from cryptography.hazmat.primitives import serialization as s
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    public: str = key.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw).hex()
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.with_name(path.name + ".pub").write_text(public + "\n")
    except FileExistsError:
        raise GalleryError(f"{path} exists already; a key is never overwritten.") from None
    except OSError as error:
        raise GalleryError(f"{path} cannot be written ({error.strerror}).") from error
    return public


def sign(statement: Statement, key: Path) -> SignedReceipt:
    """Sign a statement with the private key of a file.

    Raises:
        GalleryError: the file is not such a key.
    """
    private = read_key(key)
    with extra("secure", PURPOSE):
        from cryptography.hazmat.primitives import serialization as s
    public = private.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
    return SignedReceipt(statement, public.hex(), private.sign(signed_bytes(statement)).hex())


def read_key(path: Path) -> Any:
    """Return the Ed25519 private key of a PEM file; `Any`, since its package is optional."""
    with extra("secure", PURPOSE):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise GalleryError(f"The key {path} cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError) as error:
        raise not_a_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise not_a_key(path)
    return key


def not_a_key(path: Path) -> GalleryError:
    """Return the error for a file that holds another thing than a key."""
    return GalleryError(
        f"{path} is not an Ed25519 private key without password; make one with: mien gallery keygen"
    )


def is_genuine(receipt: SignedReceipt) -> bool:
    """Return whether the signature is that of the key in the receipt."""
    with extra("secure", PURPOSE):
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(receipt.key))
        key.verify(bytes.fromhex(receipt.signature), signed_bytes(receipt.statement))
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_bytes(statement: Statement) -> bytes:
    """Return what is signed."""
    return CONTEXT + canonical(asdict(statement)).encode()


def write_receipt(receipt: SignedReceipt) -> bytes:
    """Return the content of a receipt file."""
    return (json.dumps({"mien": "erasure-receipt", **asdict(receipt)}, indent=1) + "\n").encode()


def read_receipt(data: bytes, where: str) -> SignedReceipt:
    """Read a receipt file; its signature is not verified.

    Raises:
        GalleryError: it is not one.
    """
    try:
        row = json.loads(data[:LARGEST_RECEIPT])
        if row.pop("mien") != "erasure-receipt":
            raise ValueError
        statement = Statement(**row.pop("statement"))
        receipt = SignedReceipt(statement, **row)
        if not all(isinstance(text, str) for text in (receipt.key, receipt.signature)):
            raise TypeError
        if type(statement.entry) is not int:
            raise TypeError
        canonical(asdict(statement))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GalleryError(f"{where} is not the receipt of an erasure.") from error
    return receipt


def write_person(person: str, templates: Sequence[Template], model: str) -> bytes:
    """Return the content of the file for a person."""
    vectors = b"".join(one.vector.astype("<f4").tobytes() for one in templates)
    texts = [text for one in templates for text in (one.source, one.source_digest) if text]
    row = {
        "mien": "person-file",
        "person": person,
        "model": model,
        "random": secrets.token_hex(32),
        "templates": len(templates),
        "vectors": base64.b64encode(vectors).decode(),
        "texts": texts,
    }
    return (json.dumps(row, indent=1) + "\n").encode()


def read_person(data: bytes, where: str) -> PersonFile:
    """Read the file for a person.

    Raises:
        GalleryError: it is not one.
    """
    try:
        row = json.loads(data)
        if row["mien"] != "person-file":
            raise ValueError
        count = int(row["templates"])
        flat = np.frombuffer(base64.b64decode(row["vectors"], validate=True), dtype="<f4")
        vectors = flat.astype(np.float32).reshape(count, -1) if count else np.empty((0, 0), "f4")
        texts = tuple(map(str, row["texts"]))
        person, model = str(row["person"]), str(row["model"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GalleryError(
            f"{where} is not the file that was written for a person before an erasure."
        ) from error
    if count:
        check_vectors(vectors, None, where)
    return PersonFile(person, model, vectors, texts)


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes, hex."""
    return hashlib.sha256(data).hexdigest()
