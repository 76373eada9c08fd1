"""Galleries move between engines: every row, no number changed, and never half of one."""

import sqlite3
import subprocess
import sys
import zlib
from contextlib import suppress

import numpy as np
import pytest
from tests.gallery.test_crashes import PRELUDE

from mien.errors import GalleryError
from mien.gallery import (
    LegalBasis,
    Template,
    migrating,
    moving,
    open_engine,
    open_gallery,
)
from mien.service.galleries import migrate_gallery

CONTRACT = "toy-16:0f0f"
KEY = bytes(range(32))
ENGINES = ("sqlite", "postgresql", "milvus")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(migrating, "PAGE", 7)
    monkeypatch.setattr(moving, "PAGE", 7)


@pytest.fixture
def place(request, tmp_path):
    """Return the address of a gallery of an engine that only this test uses."""

    def of(engine, name):
        if engine == "sqlite":
            return str(tmp_path / f"{name}.mien")
        unique = f"m{zlib.crc32(str(tmp_path).encode()):08x}_{name}"
        if engine == "milvus":
            milvus = request.getfixturevalue("milvus")
            return milvus.url(unique, tmp_path / f"{name}-records.mien")
        server = request.getfixturevalue("server")
        return server.url(unique)

    return of


@pytest.fixture(params=[(a, b) for a in ENGINES for b in ENGINES], ids="-".join)
def pair(request, place):
    """A source and a target."""
    return place(request.param[0], "source"), place(request.param[1], "target")


def fill(where, unit, face, sha, *, key=None, governed=False):
    with open_gallery(where, CONTRACT, create=True, personal=True) as gallery:
        if key:
            gallery.encrypt(key)
        if governed:
            gallery.govern(30, operator="Example Ltd")
            basis = LegalBasis("door", "v1", sha("v1"), evidence_digest=sha("form"))
            for i in range(9):
                gallery.give(f"p{i}", basis)
            gallery.give("Zoë", basis)
        gallery.add([Template(f"p{i % 9}", v, CONTRACT) for i, v in enumerate(unit(60))])
        gallery.add([face("Zoë", 1, "a/ü 木.jpg", quality={"sharpness": 3.5})])
        gallery.note("p1", sha("x"), "blurred", "dim.jpg")
        gallery.remove(5, 61 - 1)  # the last numbers are gone, and must not be given again
        gallery.forget("p3")


def everything(gallery):
    engine = gallery.engine
    return (
        [
            (t.id, t.person, t.vector.tobytes(), t.source, t.source_digest, t.quality, t.added)
            for t in engine
        ],
        engine.people(),
        engine.refusals(),
        engine.names(),
        gallery.settings,
        [gallery.bases(name) for name in engine.names().values()],
        gallery.encrypted,
        engine.key_name(),
    )


@pytest.mark.parametrize("kind", ["plain", "governed", "encrypted"])
def test_everything_arrives_and_numbers_go_on(pair, kind, unit, face, sha):
    key = KEY if kind == "encrypted" else None
    if key:
        pytest.importorskip("cryptography")
    fill(pair[0], unit, face, sha, key=key, governed=kind == "governed")
    with open_gallery(pair[0], CONTRACT, read_only=True, key=key) as old:
        expected = everything(old)
        last = old.engine.last()
    done = migrate_gallery(*pair, key=key, who="Ada")
    assert (done.templates, done.resumed) == (len(expected[0]), False)
    with open_gallery(pair[1], CONTRACT, key=key, purpose="door") as new:
        assert everything(new) == expected
        assert (new.check(), new.journal.verify()) == ([], [])
        *_, entry = new.journal.entries()
        assert (entry.act, entry.who, entry.counts["templates"]) == ("migrate", "Ada", 52)
        query = unit(60)[20][None]
        assert new.search(query)[0][0].person == "p2"
        assert new.engine.last() == last
        if kind != "governed":
            assert new.add([face("Eve", 5)]) == [last + 1]
    with open_gallery(pair[0], CONTRACT, read_only=True, key=key) as old:
        assert everything(old) == expected


class Stop(Exception):  # noqa: N818
    pass


def stopped(pair, after):
    """Migrate, and stop after so many rows."""

    def step(done, of):
        if done >= after:
            raise Stop

    with suppress(Stop):
        migrate_gallery(*pair, on_step=step)
        return False
    return True


def test_a_stopped_migration_is_no_gallery_and_continues(pair, unit, face, sha):
    fill(pair[0], unit, face, sha)
    assert stopped(pair, 30)
    with pytest.raises(GalleryError, match="a migration was stopped"):
        open_gallery(pair[1], CONTRACT)
    steps = []
    done = migrate_gallery(*pair, on_step=lambda n, of: steps.append(n))
    assert done.resumed
    assert min(steps) > 30  # what had arrived was not moved again
    with open_gallery(pair[0], None) as old, open_gallery(pair[1], None) as new:
        assert everything(new) == everything(old)


def test_a_governed_migration_continues_though_it_is_recorded(pair, unit, face, sha):
    fill(pair[0], unit, face, sha, governed=True)
    assert stopped(pair, 30)
    assert migrate_gallery(*pair).resumed
    with open_gallery(pair[0], None) as old:
        assert [e.act for e in old.journal.entries()].count("migrate") == 1


def test_if_the_source_has_changed_it_begins_again(pair, unit, face, sha):
    fill(pair[0], unit, face, sha)
    assert stopped(pair, 40)
    with open_gallery(pair[0], None) as old:
        old.forget("p1")
    assert not migrate_gallery(*pair).resumed
    with open_gallery(pair[0], None) as old, open_gallery(pair[1], None) as new:
        assert everything(new) == everything(old)
        assert "p1" not in new.engine.names().values()


def test_a_change_during_the_migration_is_noticed(pair, unit, face, sha):
    fill(pair[0], unit, face, sha)
    with open_gallery(pair[0], None) as other:

        def step(done, of):
            if "p1" in other.engine.names().values():
                other.rename("p1", "Ben")

        with pytest.raises(GalleryError, match="was changed during the migration"):
            migrate_gallery(*pair, on_step=step)
        with pytest.raises(GalleryError, match="a migration was stopped"):
            open_gallery(pair[1], None)
        assert not migrate_gallery(*pair).resumed
    with open_gallery(pair[1], None) as new:
        assert "Ben" in new.engine.names().values()


def test_a_byte_that_changes_on_the_way_is_found(pair, unit, face, sha, monkeypatch):
    fill(pair[0], unit, face, sha)
    take = moving.Moving.take

    def spoiled(self, table, rows):
        if table == "refusals":
            rows = [(*row[:3], "no-face", *row[4:]) for row in rows]
        take(self, table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(moving.Moving, "take", spoiled)
        with pytest.raises(GalleryError, match=r"The refusals of .* differ"):
            migrate_gallery(*pair)
    with pytest.raises(GalleryError, match="a migration was stopped"):
        open_gallery(pair[1], CONTRACT)


def test_a_gallery_in_use_is_never_overwritten(pair, unit, face, sha):
    fill(pair[0], unit, face, sha)
    with open_gallery(pair[1], CONTRACT, create=True, personal=True) as other:
        other.add([face("Ben", 1)])
    with pytest.raises(GalleryError, match="in use already"):
        migrate_gallery(*pair)
    with open_gallery(pair[1], None) as other:
        assert [p.name for p in other.people()] == ["Ben"]


def test_a_target_of_another_embedder_is_refused(pair, unit, face, sha):
    fill(pair[0], unit, face, sha)
    open_engine(pair[1], "other-16", create=True).close()
    with pytest.raises(GalleryError, match="for 'other-16'"):
        migrate_gallery(*pair)


KILL = """
import os
from mien.gallery import migrating
from mien.service.galleries import migrate_gallery
gallery.close()
migrating.PAGE = 7
def step(done, of):
    if done >= start:
        os.kill(os.getpid(), 9)
migrate_gallery(path, sys.argv[3], on_step=step)
"""


@pytest.mark.slow
def test_kills_in_a_migration_lose_nothing(pair, unit, face, sha):
    fill(pair[0], unit, face, sha)
    for rows in (5, 20, 33, 47, 60):
        done = subprocess.run([sys.executable, "-c", PRELUDE + KILL, pair[0], str(rows), pair[1]])
        assert done.returncode == -9
        with pytest.raises(GalleryError, match="a migration was stopped"):
            open_gallery(pair[1], CONTRACT)
    assert migrate_gallery(*pair).resumed
    with open_gallery(pair[0], None) as old, open_gallery(pair[1], None) as new:
        assert everything(new) == everything(old)
        assert (new.check(), new.journal.verify()) == ([], [])


def test_a_target_whose_creation_was_killed_is_created_by_the_same_command(
    tmp_path, unit, face, sha
):
    source, target = tmp_path / "source.mien", tmp_path / "target.mien"
    fill(source, unit, face, sha)
    target.touch()
    migrate_gallery(source, target)
    target.unlink()
    db = sqlite3.connect(target)  # the header was written, and the transaction rolled back
    db.execute("PRAGMA application_id = 0x6D69656E")
    db.close()
    assert migrate_gallery(source, target).templates > 0
    with open_gallery(source, CONTRACT) as one, open_gallery(target, CONTRACT) as two:
        assert everything(one) == everything(two)


def test_a_disk_that_fills_in_a_migration_loses_nothing(tmp_path, small_disk):
    source, target = tmp_path / "source.mien", small_disk / "target.mien"
    vectors = np.eye(16, dtype=np.float32)
    with open_gallery(source, CONTRACT, create=True, personal=True) as gallery:
        for start in range(0, 6000, 1000):
            gallery.add(
                Template(f"p{i}", vectors[i % 16], CONTRACT, f"{i}.jpg")
                for i in range(start, start + 1000)
            )
        expected = everything(gallery)
    with pytest.raises(GalleryError, match="disk is full"):
        migrate_gallery(source, target)
    with pytest.raises(GalleryError, match="migrat"):
        open_gallery(target, CONTRACT)
    with open_gallery(source, CONTRACT) as gallery:
        assert (everything(gallery), gallery.check()) == (expected, [])
    larger = ["mount", "-o", "remount,size=16m", str(small_disk)]
    subprocess.run(larger, check=True)
    assert migrate_gallery(source, target).templates == 6000
    with open_gallery(target, CONTRACT) as gallery:
        assert (everything(gallery), gallery.check()) == (expected, [])
