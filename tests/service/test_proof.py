"""Signed receipts of erasures, and the search for what was erased."""

import base64
import json
import os
import stat
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("cryptography", reason="needs the extra 'secure'")

from mien.errors import GalleryError, ImageError, UnknownPersonError
from mien.gallery import export_gallery, open_gallery, receipts
from mien.gallery.review import Doubt
from mien.service import erase_with_receipt, prove_erased
from mien.service.proof import patterns_of

CONTRACT = "toy-16:0f0f"
NAME = "Zoë Quillfeather"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def place(tmp_path, face):
    """A folder with a gallery, a key, and the names of files to write."""
    (tmp_path / "g").mkdir()
    path = tmp_path / "g" / "people.mien"
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ben", 1, "ben.jpg"), face(NAME, 2, "z/1.jpg"), face(NAME, 3, "z/2.jpg")])
    key = tmp_path / "key.pem"
    receipts.make_key(key)
    files = {name: tmp_path / f"{name}.json" for name in ("receipt", "person")}
    return SimpleNamespace(path=path, key=key, folder=tmp_path, **files)


def forget(place, *people, **more):
    with open_gallery(place.path, None) as gallery:
        how = {"person_file": place.person, **more}
        return erase_with_receipt(people or [NAME], gallery, place.receipt, place.key, **how)


def prove(place, *, receipt=None, **how):
    receipt = receipt or receipts.read_receipt(place.receipt.read_bytes(), "receipt")
    person = receipts.read_person(place.person.read_bytes(), "person")
    with open_gallery(place.path, CONTRACT, read_only=True) as gallery:
        return prove_erased(receipt, person, gallery, **how)


def test_an_erasure_is_proved_by_the_receipt_and_the_file_of_the_person(place):
    before = place.path.read_bytes()
    assert forget(place).receipt.complete
    receipt = receipts.read_receipt(place.receipt.read_bytes(), "receipt")
    statement = receipt.statement
    assert (statement.people, statement.templates, statement.complete) == (1, 2, True)
    assert statement.person_file == receipts.digest(place.person.read_bytes())
    public = place.folder.joinpath("key.pem.pub").read_text()
    proof = prove(place, key=public)
    assert (proof.erased, proof.genuine, proof.trusted, proof.recorded) == (True,) * 4
    assert (proof.templates, proof.equal, proof.known, proof.places) == (2, 0, False, ())
    assert -1 <= proof.nearest < 0.99
    assert proof.files >= 1
    # The same search in the file of before finds everything.
    (place.folder / "old.mien").write_bytes(before)
    proof = prove(place, also=[place.folder / "old.mien"])
    assert not proof.erased
    assert [one.split(": ", 1)[1] for one in proof.places] == [
        "numbers of a template",
        "path or digest of an image",
        "name",
    ]


def test_a_template_in_quarantine_is_proved_to_be_erased_too(place, face):
    doubt = Doubt("outlier", "Not similar.")
    with open_gallery(place.path, None) as gallery:
        gallery.quarantine(face(NAME, 5, "z/5.jpg"), [doubt])
    before = place.path.read_bytes()
    forget(place)
    person = receipts.read_person(place.person.read_bytes(), "person")
    assert len(person.vectors) == 3
    proof = prove(place)
    assert (proof.erased, proof.templates, proof.places) == (True, 3, ())
    only = replace(person, vectors=person.vectors[2:], texts=(), person="")
    patterns, _ = patterns_of(only, [])
    assert [what for what, spelt in patterns.items() if any(p in before for p in spelt)] == [
        "numbers of a template"
    ]


def test_a_receipt_names_nobody(place):
    forget(place, also=[])
    text = place.receipt.read_text()
    for secret in (NAME, "Quill", "z/1.jpg"):
        assert secret not in text
        assert json.dumps(secret)[1:-1] not in text


@pytest.mark.skipif(os.name != "posix", reason="needs permissions of files")
def test_the_key_and_the_file_of_the_person_are_readable_for_their_owner_only(place):
    forget(place)
    for path in (place.key, place.person):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_left_in_an_export_is_found(place):
    with open_gallery(place.path, None) as gallery:
        export_gallery(gallery, place.folder / "old.zip")
    forget(place)
    proof = prove(place, also=[place.folder / "old.zip"])
    assert (proof.erased, len(proof.places)) == (False, 3)


def test_a_person_who_came_back_is_found(place, face):
    forget(place)
    with open_gallery(place.path, CONTRACT) as gallery:
        gallery.add([face("Somebody Else", 3)])
    proof = prove(place)
    assert (proof.erased, proof.equal, proof.known) == (False, 1, False)
    assert proof.nearest == pytest.approx(1)
    with open_gallery(place.path, CONTRACT) as gallery:
        gallery.forget("Somebody Else")
        gallery.add([face(NAME, 9)])
    proof = prove(place)
    assert (proof.erased, proof.equal, proof.known) == (False, 0, True)


def test_a_name_inside_of_another_name_is_not_searched_as_bytes(place, face):
    with open_gallery(place.path, CONTRACT) as gallery:
        gallery.add([face("Zoë Quillfeather-King", 7), face("Al", 8)])
    forget(place)
    proof = prove(place)
    assert (proof.erased, proof.skipped) == (
        True,
        ("the bytes of the name, which is part of the name of another person",),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"people": 2},
        {"templates": 0},
        {"complete": False},
        {"time": "2020-01-01T00:00:00+00:00"},
        {"gallery": "other.mien"},
        {"person_file": "0" * 64},
        {"entry": 1},
    ],
)
def test_a_statement_that_was_edited_has_no_valid_signature(place, change):
    forget(place)
    receipt = receipts.read_receipt(place.receipt.read_bytes(), "receipt")
    assert receipts.is_genuine(receipt)
    forged = replace(receipt, statement=replace(receipt.statement, **change))
    assert not receipts.is_genuine(forged)
    assert not prove(place, receipt=forged).erased
    for key in ("key", "signature"):
        assert not receipts.is_genuine(replace(receipt, **{key: "00" * 32}))
        assert not receipts.is_genuine(replace(receipt, **{key: "no hex"}))


def test_another_key_is_not_trusted(place):
    forget(place)
    receipts.make_key(place.folder / "other.pem")
    receipt = receipts.read_receipt(place.receipt.read_bytes(), "receipt")
    forged = receipts.sign(receipt.statement, place.folder / "other.pem")
    assert receipts.is_genuine(forged)
    proof = prove(place, receipt=forged, key=(place.folder / "key.pem.pub").read_text())
    assert (proof.trusted, proof.erased) == (False, False)
    assert prove(place, receipt=forged).trusted is None


def test_a_journal_that_lost_the_entry_is_noticed(place):
    backup = place.path.read_bytes()
    forget(place)
    place.path.write_bytes(backup)
    for end in ("-wal", "-shm"):
        place.path.with_name(place.path.name + end).unlink(missing_ok=True)
    proof = prove(place)
    assert (proof.recorded, proof.equal, proof.known, proof.erased) == (False, 2, True, False)


def test_a_person_without_templates_has_a_receipt_too(place, sha):
    with open_gallery(place.path, None) as gallery:
        gallery.note("Refused One", sha("x"), "blurred", "refused/one.jpg")
    forget(place, "Refused One")
    proof = prove(place)
    assert (proof.erased, proof.templates, proof.nearest) == (True, 0, None)


# ---------------------------------------------------------------- bad input: nothing is erased


def still_there(place):
    with open_gallery(place.path, None) as gallery:
        return [one.templates for one in gallery.people() if one.name == NAME] == [2]


def test_without_a_valid_key_nothing_is_erased(place):
    other = place.folder / "no.pem"
    for data in (
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"\0" * 99,
    ):
        other.write_bytes(data)
        place.key = other
        with pytest.raises(GalleryError, match="not an Ed25519 private key"):
            forget(place)
    other.unlink()
    with pytest.raises(GalleryError, match="cannot be read"):
        forget(place)
    assert still_there(place)


def test_files_are_not_overwritten_and_must_be_writable(place):
    place.receipt.write_text("old")
    with pytest.raises(GalleryError, match="exists already; nothing was erased"):
        forget(place)
    assert place.receipt.read_text() == "old"
    place.receipt = place.folder / "no" / "receipt.json"
    with pytest.raises(ImageError, match="no"):
        forget(place)
    with pytest.raises(GalleryError, match="exists already"):
        receipts.make_key(place.key)
    assert still_there(place)


def test_unknown_people_and_two_people_with_one_file_are_refused(place):
    with pytest.raises(GalleryError, match="exactly one person"):
        forget(place, NAME, "Ben")
    with pytest.raises(UnknownPersonError):
        forget(place, "Nobody")
    with pytest.raises(UnknownPersonError):
        forget(place, NAME, "Nobody", person_file=None)
    assert still_there(place)
    assert not place.receipt.exists()
    assert not place.person.exists()


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"mien": "erasure-receipt"}', b"[" * 9999]
)
def test_other_files_are_no_receipts(data):
    with pytest.raises(GalleryError, match="is not the receipt of an erasure"):
        receipts.read_receipt(data, "x.json")
    with pytest.raises(GalleryError, match="is not the file that was written for a person"):
        receipts.read_person(data, "x.json")


def test_a_person_file_with_bad_vectors_is_refused(place):
    forget(place)
    row = json.loads(place.person.read_text())
    bad = base64.b64encode(np.full(32, np.nan, "<f4").tobytes()).decode()
    for change in ({"vectors": bad}, {"vectors": "AA=="}, {"templates": 3}, {"vectors": "?"}):
        with pytest.raises(GalleryError):
            receipts.read_person(json.dumps({**row, **change}).encode(), "x.json")


def test_a_receipt_of_another_model_is_refused(place):
    forget(place)
    person = replace(receipts.read_person(place.person.read_bytes(), "p"), model="other")
    receipt = receipts.read_receipt(place.receipt.read_bytes(), "r")
    with (
        open_gallery(place.path, None) as gallery,
        pytest.raises(GalleryError, match="this is another gallery"),
    ):
        prove_erased(receipt, person, gallery)
