"""Encrypted galleries: no plain byte anywhere, wrong keys, conversion, new keys, kills."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cryptography", reason="needs the extra 'secure'")

from tests.gallery.test_erasing import everything, traces

import mien.gallery.keys as keys
from mien.errors import GalleryError
from mien.gallery import LegalBasis, Refusal, Template, export_gallery, open_gallery
from mien.gallery.index import ROWS

CONTRACT = "toy-16:0f0f"
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
KILLS = int(os.environ.get("MIEN_KILLS", "12"))  # set it to 500 for a long run


@pytest.fixture(autouse=True)
def no_keys_of_this_machine(monkeypatch):
    monkeypatch.delenv(keys.ENVIRONMENT, raising=False)
    monkeypatch.delenv(keys.FILE, raising=False)
    monkeypatch.setattr(keys.Ring, "get", lambda self, generation: None)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "g").mkdir()
    return tmp_path / "g" / "people.mien"


def fill(gallery, face, sha):
    """Enrol people, and return what nobody may read in the files."""
    quality, box = {"sharpness": 0.123456789}, np.array([1.5, 2.5, 30.5, 40.5], np.float32)
    gallery.add(
        [
            face("Zoë Quillfeather", 1, "holiday/zoë.jpg", quality=quality, box=box),
            face("Ada Lovelace", 2, "holiday/ada.jpg"),
        ],
        [Refusal("Ben Sorrow", sha("dim"), "too-dark-for-us", "holiday/dim.jpg")],
    )
    gallery.give(
        "Ada Lovelace", LegalBasis("door", "Notice for Ada", sha("n"), evidence_digest=sha("e"))
    )
    texts = ["Zoë Quillfeather", "Ada Lovelace", "Ben Sorrow", "holiday/", "too-dark", "0.12345"]
    texts += [sha("holiday/zoë.jpg"), sha("holiday/ada.jpg"), sha("dim"), "Notice for Ada"]
    return [*texts, face("", 1).vector, face("", 2).vector, box]


def content(gallery):
    """All that a gallery returns."""
    return (
        [
            (t.id, t.person, t.vector.tobytes(), t.source, t.source_digest, str(t.quality), t.added)
            for t in gallery
        ],
        [t.box.tolist() for t in gallery if t.box is not None],
        gallery.refusals(),
        [(p.id, p.name, p.templates, p.added) for p in gallery.people()],
        gallery.all_bases(),
    )


def test_the_search_for_plain_bytes_would_find_them(path, face, sha):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        secrets = fill(gallery, face, sha)
        data = everything(path)
        assert all(traces(data, [secret]) for secret in secrets)


def test_no_file_of_an_encrypted_gallery_has_plain_bytes(path, face, sha):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        assert gallery.encrypt(KEY).complete
        secrets = fill(gallery, face, sha)
        assert path.with_name("people.mien-wal").stat().st_size
        assert traces(everything(path), secrets) == []
        gallery.backup(path.with_name("copy.mien"))
        gallery.rename("Ben Sorrow", "Ben King")
        gallery.merge("Ben King", "Ada Lovelace")
        gallery.move(1, into="Ada Lovelace")
        assert traces(everything(path), [*secrets, "Ben King", KEY.hex()]) == []
    assert traces(everything(path), secrets) == []
    assert KEY not in everything(path)
    with open_gallery(path.with_name("copy.mien"), CONTRACT, key=KEY) as copy:
        assert len(copy) == 2


def test_encryption_changes_nothing_but_the_file(path, face, sha):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        secrets = fill(gallery, face, sha)
        before = content(gallery)
        best = gallery.search(face("", 1).vector[None], 2)
        assert gallery.encrypt(KEY).complete
        assert traces(everything(path), secrets) == []
        assert content(gallery) == before
        assert gallery.search(face("", 1).vector[None], 2) == best
        assert gallery.seen("Ben Sorrow", sha("dim")).reason == "too-dark-for-us"
    with open_gallery(path, CONTRACT, key=KEY, read_only=True) as gallery:
        assert content(gallery) == before
        assert gallery.check() == []
        assert [one.act for one in gallery.journal.entries()][-1] == "encrypt"


def test_a_new_key_replaces_the_old_one_without_touching_a_record(path, face, sha):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.encrypt(KEY)
        fill(gallery, face, sha)
        before = content(gallery)
        vectors = gallery.engine._run("SELECT vector FROM templates").fetchall()
        assert gallery.rekey(OTHER).complete
        assert gallery.engine._run("SELECT vector FROM templates").fetchall() == vectors
        gallery.add([face("Eve", 9)])  # goes on with the new key
        gallery.forget("Eve")
    with pytest.raises(GalleryError, match="The key is not that of gallery"):
        open_gallery(path, CONTRACT, key=KEY)
    with open_gallery(path, CONTRACT, key=OTHER) as gallery:
        assert content(gallery) == before
        assert gallery.check() == []
        assert [one.act for one in gallery.journal.entries()].count("rekey") == 1


def test_another_session_does_not_go_on_with_an_old_key_or_without_one(path, face):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada", 1)])
        for change in (lambda: gallery.encrypt(KEY), lambda: gallery.rekey(OTHER)):
            with open_gallery(path, CONTRACT, key=KEY) as other:
                change()
                for use in (lambda: other.add([face("Eve", 3)]), other.people, lambda: list(other)):
                    with pytest.raises(GalleryError, match="got a new key, while it was open"):
                        use()
        assert [one.name for one in gallery.people()] == ["Ada"]


# ---------------------------------------------------------------- the records


def test_records_of_two_people_cannot_be_exchanged(path, face):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.encrypt(KEY)
        gallery.add([face("Ada", 1), face("Ben", 2)])
        rows = dict(gallery.engine._run("SELECT id, vector FROM templates").fetchall())
        gallery.engine._run("UPDATE templates SET vector = ? WHERE id = 1", rows[2])
        with pytest.raises(GalleryError, match="a record of person 1 cannot be decrypted"):
            list(gallery)
        with pytest.raises(GalleryError, match="cannot be decrypted"):
            gallery.search(face("", 1).vector[None])
        assert any("person 1" in fault for fault in gallery.check())


@pytest.mark.parametrize("column", ["people.sealed", "people.wrapped", "templates.source"])
def test_every_flipped_byte_of_a_record_is_found(path, face, column):
    table, name = column.split(".")
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.encrypt(KEY)
        gallery.add([face("Ada", 1, "a.jpg")])
        ((blob,),) = gallery.engine._run(f"SELECT {name} FROM {table}").fetchall()
    for at in range(len(blob)):
        spoilt = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(f"UPDATE {table} SET {name} = ?", (spoilt,))
        with (
            open_gallery(path, CONTRACT, key=KEY) as gallery,
            pytest.raises(GalleryError, match="cannot be decrypted"),
        ):
            gallery.templates("Ada")


def test_equal_names_and_pictures_are_equal_only_within_one_gallery(tmp_path, face):
    columns = []
    for name in ("a.mien", "b.mien"):
        with open_gallery(tmp_path / name, CONTRACT, create=True) as gallery:
            gallery.encrypt(KEY)
            gallery.add([face("Ada", 1, "a.jpg"), face("Ben", 1, "a.jpg")])
            columns.append(gallery.engine._run("SELECT digest, vector FROM templates").fetchall())
    (ada, ben), (ada_too, _) = columns
    assert ada[0] == ben[0] != ada_too[0]
    assert ada[1] != ben[1]


def test_a_large_encrypted_gallery_has_no_file_beside(path, unit):
    count = ROWS + 300
    vectors = unit(count, dimension=8)
    new = [Template(f"p{i // 2}", v, CONTRACT) for i, v in enumerate(vectors)]
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add(new)
    beside = path.with_name("people.mien-index")
    assert beside.exists()
    with open_gallery(path, CONTRACT) as gallery:
        expected = gallery.search(vectors[:5], 3)
        assert gallery.encrypt(KEY).complete
        assert not beside.exists()
    with open_gallery(path, CONTRACT, key=KEY) as gallery:
        assert gallery.search(vectors[:5], 3) == expected
        gallery.add([replace(new[0], vector=vectors[-1])])
    assert not beside.exists()
    assert traces(everything(path), list(vectors[::1000])) == []


# ---------------------------------------------------------------- keys


def sealed(path, face):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.encrypt(KEY)
        gallery.add([face("Ada", 1)])
    return path


def test_the_key_comes_from_the_environment_a_file_or_the_keyring(
    path, face, tmp_path, monkeypatch
):
    sealed(path, face)
    with pytest.raises(GalleryError, match="is encrypted, and its key was not found"):
        open_gallery(path, CONTRACT)
    with monkeypatch.context() as patch:
        patch.setattr(keys.Ring, "get", lambda self, generation: KEY if generation == 1 else None)
        with open_gallery(path, CONTRACT) as gallery:
            assert len(gallery) == 1
    file = tmp_path / "key"
    file.write_text(KEY.hex() + "\n")
    file.chmod(0o600)
    monkeypatch.setenv(keys.FILE, str(file))
    with open_gallery(path, None) as gallery:
        assert [one.name for one in gallery.people()] == ["Ada"]
    monkeypatch.setenv(keys.ENVIRONMENT, OTHER.hex())  # has priority
    with pytest.raises(GalleryError, match="The key is not that of gallery"):
        open_gallery(path, None)


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 33, "\0" * 64, "ü" * 64])
def test_a_text_that_is_no_key_is_refused(tmp_path, text):
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(GalleryError, match="is not a key of a gallery; expected 64 hex digits"):
        keys.read_key_file(file)


@pytest.mark.skipif(os.name != "posix", reason="needs permissions of files")
def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    file = tmp_path / "key"
    assert keys.write_key_file(file) == keys.read_key_file(file)
    with pytest.raises(GalleryError, match="exists already"):
        keys.write_key_file(file)
    file.chmod(0o640)
    with pytest.raises(GalleryError, match="chmod 600"):
        keys.read_key_file(file)
    with pytest.raises(GalleryError, match="cannot be read"):
        keys.read_key_file(tmp_path / "no")


@pytest.mark.parametrize("key", [b"", b"short", "text" * 8, bytes(33)])
def test_a_key_of_another_length_is_refused_and_nothing_changes(path, face, key):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada", 1)])
        with pytest.raises(GalleryError, match="has 32 bytes"):
            gallery.encrypt(key)
    with open_gallery(path, CONTRACT) as gallery:
        assert not gallery.engine.encrypted
        with pytest.raises(GalleryError, match="is not encrypted; encrypt it first"):
            gallery.rekey(KEY)
        gallery.encrypt(KEY)
        with pytest.raises(GalleryError, match="is encrypted already"):
            gallery.encrypt(OTHER)


def test_the_keyring_keeps_one_key_for_each_generation(monkeypatch):
    keyring = pytest.importorskip("keyring", reason="needs the extra 'secure'")
    monkeypatch.undo()
    stored = {}

    class Memory(keyring.backend.KeyringBackend):
        priority = 1

        def get_password(self, service, user):
            return stored.get((service, user))

        def set_password(self, service, user, password):
            stored[service, user] = password

        def delete_password(self, service, user):
            if (service, user) not in stored:
                raise keyring.errors.PasswordDeleteError
            del stored[service, user]

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        ring = keys.Ring("abc")
        first = ring.make(1)
        assert ring.make(1) == first  # an interrupted change goes on with it
        assert (ring.get(1), ring.get(2)) == (first, None)
        assert ring.make(2) != first
        ring.delete(1)
        ring.delete(1)
        assert list(stored) == [("mien gallery", "abc/2")]
        assert keys.find_key("abc", 2, "x.mien") == ring.get(2)
        keyring.set_keyring(keyring.backends.fail.Keyring())
        assert ring.get(2) is None
        with pytest.raises(GalleryError, match="use --key-file FILE"):
            ring.make(3)
    finally:
        keyring.set_keyring(before)


def test_a_plain_export_of_an_encrypted_gallery_must_be_asked_for(path, face, tmp_path):
    sealed(path, face)
    with open_gallery(path, CONTRACT, key=KEY) as gallery:
        with pytest.raises(GalleryError, match="not encrypted"):
            export_gallery(gallery, tmp_path / "out.zip")
        assert not (tmp_path / "out.zip").exists()
        assert export_gallery(gallery, tmp_path / "out.zip", plain=True) == 1


# ---------------------------------------------------------------- kills

CHILD = """
import sys
from mien.gallery import open_gallery
path, what = sys.argv[1], sys.argv[2]
KEY = bytes(range(32))
with open_gallery(path, None, key=KEY) as gallery:
    print("ready", flush=True)
    if what == "encrypt":
        gallery.encrypt(KEY)
    else:
        for i in range(1000):
            gallery.rekey(bytes([i % 250]) * 32)
            print(i, flush=True)
"""


def killed(path, what, delay):
    words = [sys.executable, "-c", CHILD, str(path), what]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.kill()
        lines = process.stdout.read().splitlines(keepends=True)
    return [int(line) for line in lines if line.endswith("\n")]


@pytest.mark.slow
def test_a_kill_while_encrypting_leaves_a_plain_or_an_encrypted_gallery(path, unit):
    vectors, chance, outcomes = unit(6000), random.Random(3), []
    for _ in range(KILLS):
        for file in path.parent.iterdir():
            file.unlink()
        with open_gallery(path, CONTRACT, create=True) as gallery:
            gallery.add(
                Template(f"Quill-{i // 2}", v, CONTRACT, f"secret/{i}")
                for i, v in enumerate(vectors)
            )
        killed(path, "encrypt", chance.uniform(0, 0.5))
        with open_gallery(path, CONTRACT, key=KEY) as gallery:
            outcomes.append(gallery.engine.encrypted)
            assert len(list(gallery)) == 6000
            assert gallery.check() == []
            if not outcomes[-1]:  # the same command again
                assert gallery.encrypt(KEY).complete
            assert traces(everything(path), ["Quill-", "secret/1", *vectors[::500]]) == []


@pytest.mark.slow
def test_a_kill_while_the_key_changes_leaves_one_valid_key(path, face):
    chance = random.Random(5)
    for _ in range(KILLS):
        for file in path.parent.iterdir():
            file.unlink()
        with open_gallery(path, CONTRACT, create=True) as gallery:
            gallery.encrypt(KEY)
            gallery.add([face(f"p{i}", i) for i in range(200)])
        done = killed(path, "rekey", chance.uniform(0, 0.4))
        last = done[-1] if done else -1
        found = []
        for number in (last, last + 1):
            key = KEY if number < 0 else bytes([number % 250]) * 32
            try:
                with open_gallery(path, CONTRACT, key=key) as gallery:
                    assert len(list(gallery)) == 200
                    assert gallery.check() == []
                    found.append(number)
            except GalleryError as error:
                assert "The key is not that of gallery" in str(error)  # noqa: PT017
        assert len(found) == 1


FULL = """
import resource, sys
from mien.errors import GalleryError
from mien.gallery import open_gallery
path, what, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
KEY = bytes(range(32))
with open_gallery(path, None, key=KEY) as gallery:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        gallery.encrypt(KEY) if what == "encrypt" else gallery.rekey(bytes(32))
    except GalleryError as error:
        print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
@pytest.mark.parametrize("what", ["encrypt", "rekey"])
def test_a_file_that_may_not_grow_keeps_its_content_and_its_key(path, unit, what):
    vectors = unit(3000)
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add(Template(f"Quill-{i}", v, CONTRACT) for i, v in enumerate(vectors))
        if what == "rekey":
            gallery.encrypt(KEY)
        before = content(gallery)
    words = [sys.executable, "-c", FULL, str(path), what, "100000"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "This change was not stored" in done.stdout
    with open_gallery(path, CONTRACT, key=KEY) as gallery:
        assert gallery.engine.encrypted == (what == "rekey")
        assert content(gallery) == before
        assert gallery.check() == []
