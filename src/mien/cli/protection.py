"""Commands that protect a gallery: encryption, keys, backups and proofs of erasure."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.governance import bytes_of
from mien.cli.options import GALLERY, GalleryPath, Who
from mien.cli.terminal import print_json_line
from mien.errors import GalleryError

KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="File of the key; made if it does not exist."),
]
InKeyring = Annotated[
    bool, typer.Option("--keyring", help="Make the key in the keyring of the system.")
]


def keygen(
    target: Annotated[Path, typer.Argument(help="File of the private key; never overwritten.")],
) -> None:
    """Make a key that signs receipts of erasures; publish the .pub file beside it.

    Example: mien gallery keygen receipts.pem
    """
    from mien.gallery.receipts import make_key

    public = make_key(target)
    print_json_line({"out": target, "public": f"{target}.pub", "key": public})


def prove_erased(
    receipt: Annotated[Path, typer.Argument(help="Receipt from mien gallery forget --receipt.")],
    person_file: Annotated[
        Path, typer.Option(help="What the person kept, from forget --person-file.")
    ],
    key: Annotated[
        Path | None, typer.Option(help="Public key (.pub) that the receipt must be signed with.")
    ] = None,
    gallery: GalleryPath = GALLERY,
    also: Annotated[
        list[Path] | None, typer.Option("--also", help="File or folder to search; repeatable.")
    ] = None,
    who: Who = None,
) -> None:
    """Search a gallery and its files for an erased person; exit with 1 if anything is found.

    The old templates are searched, and the bytes of the name, templates, paths and digests.

    Example: mien gallery prove-erased receipt.json --person-file ada.json --key receipts.pem.pub
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery
    from mien.gallery.receipts import digest, read_person, read_receipt
    from mien.service import prove_erased as run

    stated = read_receipt(bytes_of(receipt), str(receipt))
    data = bytes_of(person_file)
    if digest(data) != stated.statement.person_file:
        raise GalleryError(
            f"{person_file} is not the file of {receipt}: its SHA-256 is not the one in it."
        )
    expected = bytes_of(key).decode("ascii", "replace") if key else None
    with open_gallery(gallery, stated.statement.model, read_only=True, who=who) as known:
        person = read_person(data, str(person_file))
        proof = run(stated, person, known, key=expected, also=also or ())
    print_json_line({"gallery": gallery, "erased": proof.erased, **asdict(proof)})
    if not proof.erased:
        raise GalleryError(f"The erasure is not proved: {shortcoming(proof)}.")


def shortcoming(proof: Any) -> str:
    """Return the first reason why an erasure is not proved."""
    reasons = {
        "the signature of the receipt is not valid": not proof.genuine,
        "the receipt is signed with another key": proof.trusted is False,
        "the journal does not have the entry of the receipt, or was changed": not proof.recorded,
        f"the gallery still has {proof.equal} of the templates": proof.equal,
        "the gallery knows somebody of that name": proof.known,
        f"bytes are left in {', '.join(proof.places)}": proof.places,
    }
    return next(reason for reason, holds in reasons.items() if holds)


def encrypt(
    gallery: GalleryPath = GALLERY,
    key_file: KeyFile = None,
    keyring: InKeyring = False,
    who: Who = None,
) -> None:
    """Encrypt a gallery: names, embeddings, paths, digests and legal bases.

    Without the key the gallery is lost. Afterwards all commands take the key from
    MIEN_GALLERY_KEY, from the file that MIEN_GALLERY_KEY_FILE names, or from the keyring.

    Example: mien gallery encrypt --keyring --gallery family.mien
    """
    from mien.gallery import open_gallery
    from mien.service import encryption

    with open_gallery(gallery, None, who=who) as known:
        receipt = encryption.encrypt(known, key_file=key_file, keyring=keyring)
    _sealed(gallery, receipt)


def rekey(
    gallery: GalleryPath = GALLERY,
    key_file: KeyFile = None,
    keyring: InKeyring = False,
    who: Who = None,
) -> None:
    """Give an encrypted gallery a new key; nobody is enrolled anew.

    Destroy the old key afterwards: with it, older backups can be opened.

    Example: mien gallery rekey --key-file new.key --gallery family.mien
    """
    from mien.gallery import open_gallery
    from mien.service import encryption

    with open_gallery(gallery, None, who=who) as known:
        receipt = encryption.rekey(known, key_file=key_file, keyring=keyring)
    _sealed(gallery, receipt)


def backup(
    target: Annotated[Path, typer.Argument(help="File to write; never overwritten.")],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Write a copy of one state of a gallery, encrypted as the gallery is.

    Example: mien gallery backup family-2026.mien --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        known.backup(target)
        print_json_line({"out": target, "templates": len(known), "encrypted": known.encrypted})


def _sealed(gallery: str, receipt: Any) -> None:
    print_json_line(
        {"gallery": gallery, "encrypted": True, "complete": receipt.complete}
        | {"reason": receipt.reason}
    )
    if not receipt.complete:
        raise GalleryError(f"{receipt.reason}")


def migrate(
    source: Annotated[str, typer.Argument(help="Gallery: a file, or postgresql://...")],
    target: Annotated[str, typer.Argument(help="Where it shall be; no gallery yet.")],
    who: Who = None,
) -> None:
    """Copy a gallery to another file or server; the same command continues a stopped one.

    Numbers, legal bases and the journal stay, and encrypted records move as they are. The target is
    a gallery once all its rows were compared with those of the source, which is not changed.

    Example: mien gallery migrate door.mien "postgresql://mien@db/faces?gallery=door"
    """
    from dataclasses import asdict

    from mien.cli.terminal import progress
    from mien.service.galleries import migrate_gallery

    with progress() as on_step:
        done = migrate_gallery(
            source, target, who=who, on_step=lambda n, of: on_step("rows", n, of)
        )
    print_json_line({"gallery": target, **asdict(done)})


def protect(
    key_file: Annotated[
        Path, typer.Option("--key-file", help="File of the new key; made if it does not exist.")
    ],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Rotate and round all templates with a key; a later key revokes the earlier one.

    Without the key the gallery is lost. Afterwards all commands take it from MIEN_PROTECT_KEY, or
    from the file that MIEN_PROTECT_KEY_FILE names. To change the key, let these name the old one.

    Example: mien gallery protect --key-file protect.key --gallery family.mien
    """
    from mien.gallery import open_gallery
    from mien.gallery.keys import read_key_file, write_key_file

    with open_gallery(gallery, None, who=who) as known:
        key = read_key_file(key_file) if key_file.exists() else write_key_file(key_file)
        receipt = known.protect(key)
    print_json_line(
        {"gallery": gallery, "protected": True, "complete": receipt.complete}
        | {"reason": receipt.reason}
    )
    if not receipt.complete:
        raise GalleryError(f"{receipt.reason}")
