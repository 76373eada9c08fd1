"""PostgreSQL: addresses, tenants, broken connections, erased bytes, and measured recall."""

import os
import random
import threading
import time

import numpy as np
import pytest
from tests.gallery.test_crashes import ENROL, FORGET, child, killed
from tests.gallery.test_erasing import secrets_of, traces
from tests.postgres import missing, running

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery import LegalBasis, NoBasisError, Template, is_there, open_gallery

if missing():
    pytest.skip(str(missing()), allow_module_level=True)

import psycopg

import mien.gallery.postgres
import mien.gallery.postgres_store as postgres_store
from mien.gallery.postgres_schema import parse, sentence
from mien.gallery.recall import Recall

CONTRACT = "toy-16:0f0f"
KEY = bytes(range(32))


@pytest.fixture
def url(server, request):
    """The address of a gallery that only this test uses."""
    return server.url(f"t{random.Random(request.node.nodeid).getrandbits(60):x}")


def made(url, **how):
    return open_gallery(url, CONTRACT, create=True, personal=True, **how)


def sql(url, query, *values):
    with psycopg.connect(parse(url).conninfo, autocommit=True) as db:
        db.execute(f"SET search_path TO {parse(url).schema}, public")
        found = db.execute(query, values)
        return found.fetchall() if found.description else None


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("name", ["Ada", "1a", "a-b", "a;drop", "", "x" * 42])
def test_a_name_that_could_be_sql_is_refused(name):
    with pytest.raises(GalleryError, match="not possible in PostgreSQL"):
        parse(f"postgresql://host/db?gallery={name}")


def test_an_address_that_cannot_be_read_is_a_sentence_without_its_password():
    with pytest.raises(GalleryError, match="cannot be read") as refused:
        parse("postgresql://ada:secret@[abc/db")
    assert "secret" not in str(refused.value)


def test_messages_never_show_the_password():
    found = parse("postgresql://ada:secret@db:5433/faces?gallery=door&password=hidden&host=/tmp")
    assert found.where == "postgresql://ada@db:5433/faces?host=/tmp&gallery=door"
    assert "secret" in found.conninfo
    assert (found.schema, found.approximate) == ("mien_door", False)
    with pytest.raises(GalleryError, match="index=exact or index=hnsw"):
        parse("postgresql://host/db?index=ivf")


def test_a_server_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(GalleryError, match="server cannot be reached"):
        open_gallery(f"postgresql://postgres@/postgres?host={tmp_path}", CONTRACT, create=True)


def test_a_gallery_is_not_made_by_a_spelling_mistake(url):
    assert not is_there(url)
    for read_only in (False, True):
        with pytest.raises(GalleryError, match="does not exist in this database"):
            open_gallery(url, CONTRACT, read_only=read_only)
    assert not is_there(url)
    made(url).close()
    assert is_there(url)
    with pytest.raises(GalleryMismatchError):
        open_gallery(url, "other")
    with open_gallery(url, None) as gallery:
        assert gallery.embedder == CONTRACT


def test_a_gallery_of_a_newer_mien_is_not_touched(url):
    made(url).close()
    sql(url, "UPDATE about SET version = 99")
    for read_only in (False, True):
        with pytest.raises(GalleryError, match="newer"):
            open_gallery(url, CONTRACT, read_only=read_only)


def test_a_gallery_on_a_server_is_governed_unless_it_is_said_to_be_personal(url, face, sha):
    with open_gallery(url, CONTRACT, create=True, purpose="door") as gallery:
        assert (gallery.settings.kind, gallery.settings.term) == ("governed", 365)
        with pytest.raises(NoBasisError):
            gallery.add([face("Ada", 1)])
        gallery.give("Ada", LegalBasis("door", "v1", sha("v1"), evidence_digest=sha("form")))
        gallery.give("Ben", LegalBasis("lift", "v1", sha("v1"), evidence_digest=sha("form")))
        gallery.add([face("Ada", 1), face("Ben", 2)])
        (hits,) = gallery.search(face("", 2).vector[None], k=5)
        assert [hit.person for hit in hits] == ["Ada"]  # Ben's basis does not cover the door
        assert gallery.enrolled() == 1
        assert gallery.check() == []
    with open_gallery(url, None, read_only=True, purpose="door") as gallery:
        before = gallery.journal.head().number
        gallery.search(face("", 1).vector[None])
        assert gallery.journal.head().number == before + 1


# ---------------------------------------------------------------- tenants


def test_another_user_of_the_server_sees_nothing_without_a_grant(server, url, face):
    with made(url) as gallery:
        gallery.add([face("Ada", 1)])
    sql(url, "CREATE ROLE stranger LOGIN")
    theirs = url.replace("postgres@", "stranger@")
    try:
        with pytest.raises(GalleryError, match="belongs to somebody else"):
            open_gallery(theirs, None)
        schema = parse(url).schema
        sql(url, f"GRANT USAGE ON SCHEMA {schema} TO stranger")
        with pytest.raises(GalleryError, match="permits this not to this user"):
            open_gallery(theirs, None)
        sql(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO stranger")
        with open_gallery(theirs, None) as gallery:
            assert gallery.read_only
            assert gallery.search(face("", 1).vector[None])[0][0].person == "Ada"
            with pytest.raises(GalleryError, match="read-only"):
                gallery.add([face("Ben", 2)])
    finally:
        sql(url, "DROP OWNED BY stranger")
        sql(url, "DROP ROLE stranger")


@pytest.fixture
def roles(url):
    """Two tenants, each with a user, and an application that is a member of both."""
    tenants = [f"t{parse(url).schema[-12:]}_{letter}" for letter in "ab"]
    for tenant in tenants:
        sql(url, f"CREATE ROLE {tenant} NOLOGIN")
        sql(url, f"CREATE ROLE {tenant}_user LOGIN IN ROLE {tenant}")
    yield tenants
    for tenant in tenants:
        for role in (f"{tenant}_user", tenant):
            sql(url, f"DROP OWNED BY {role}")
            sql(url, f"DROP ROLE {role}")


def test_the_server_shows_rows_to_members_of_the_tenant_only(url, face, roles):
    one, two = roles
    with made(f"{url}&tenant={one}") as gallery:
        gallery.add([face("Ada", 1)])
    schema = parse(url).schema
    for role in roles:  # all privileges: only row security is left
        sql(url, f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        sql(url, f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
    with open_gallery(url.replace("postgres@", f"{one}_user@"), CONTRACT) as gallery:
        assert gallery.search(face("", 1).vector[None])[0][0].person == "Ada"
        gallery.add([face("Ben", 2)])
        assert gallery.check() == []
    stranger = url.replace("postgres@", f"{two}_user@")
    with pytest.raises(GalleryError, match=f"no member of that role.*GRANT {one} TO"):
        open_gallery(stranger, CONTRACT)
    with psycopg.connect(parse(stranger).conninfo, autocommit=True) as db:
        for table in ("about", "people", "templates", "facts", "search"):
            assert db.execute(f"SELECT count(*) FROM {schema}.{table}").fetchone() == (0,)
            assert db.execute(f"DELETE FROM {schema}.{table}").rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(f"INSERT INTO {schema}.people (id, name) VALUES (9, 'Eve')")
    with open_gallery(url, CONTRACT) as gallery:
        assert [one.name for one in gallery.people()] == ["Ada", "Ben"]
        assert gallery.forget("Ada").complete


def test_a_tenant_that_is_none_or_another_is_refused(url, face, roles):
    one, two = roles
    with pytest.raises(GalleryError, match="CREATE ROLE nobody_there NOLOGIN"):
        made(f"{url}&tenant=nobody_there")
    with pytest.raises(GalleryError, match="beginning with a letter"):
        made(f"{url}&tenant=a'b")
    made(f"{url}&tenant={one}").close()
    with pytest.raises(GalleryError, match=f"of the tenant '{one}', not of '{two}'"):
        open_gallery(f"{url}&tenant={two}", CONTRACT)


def test_two_galleries_of_one_database_do_not_see_each_other(url, face):
    with made(url) as one, made(url + "_b") as two:
        one.add([face("Ada", 1)])
        two.add([face("Ben", 2)])
        assert [h.person for h in one.search(face("", 2).vector[None], k=5)[0]] == ["Ada"]
        assert [p.name for p in two.people()] == ["Ben"]


# ---------------------------------------------------------------- search


def test_the_database_and_the_memory_answer_alike_bit_for_bit(url, unit, monkeypatch):
    vectors = unit(3000)
    with made(url) as gallery:
        # Person 0 has a thousand templates, so the first rows that are read belong to few people.
        people = [f"p{0 if i < 1000 else i % 40}" for i in range(3000)]
        vectors[:1000] = vectors[0] + 0.01 * vectors[:1000]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        gallery.add([Template(p, v, CONTRACT) for p, v in zip(people, vectors, strict=True)])
        queries = np.concatenate([vectors[:2], unit(20, seed=1)])
        monkeypatch.setattr(mien.gallery.postgres, "FEW", 1000)
        hidden = (1, 7)
        there = [gallery.engine.search(queries, k, without=hidden) for k in (1, 3, 50)]
        assert gallery.engine._last == 0  # all of that was compared in the database
        monkeypatch.setattr(mien.gallery.postgres, "FEW", 0)
        gallery.search(unit(1, seed=2))  # enough were asked
        assert gallery.engine._last == 3000
        assert there == [gallery.engine.search(queries, k, without=hidden) for k in (1, 3, 50)]


def test_an_approximate_search_measures_its_recall(url, unit):
    with made(url) as gallery:
        vectors = unit(2000)
        gallery.add([Template(f"p{i}", v, CONTRACT) for i, v in enumerate(vectors)])
    with open_gallery(url + "&index=hnsw", CONTRACT) as gallery:
        assert gallery.recall == Recall()
        for one in vectors[:40]:
            gallery.search(one[None], k=2)
        recall = gallery.recall
        assert (recall.searches, recall.compared, recall.wanted) == (40, 3, 6)
        assert recall.found >= 5  # of 2,000 vectors, 200 are visited
        assert 0 < recall.interval[0] < 1
    plan = sql(
        url,
        "EXPLAIN SELECT template FROM search ORDER BY (embedding::vector(16)) <#> "
        f"'{vectors[0].tolist()}' LIMIT 5",
    )
    assert "near" in str(plan)  # the index was made, and serves this query


def test_an_index_that_misses_people_is_not_used_any_more(url, unit, monkeypatch):
    with made(url) as gallery:
        vectors = unit(300)
        gallery.add([Template(f"p{i}", v, CONTRACT) for i, v in enumerate(vectors)])
    with open_gallery(url + "&index=hnsw", CONTRACT) as gallery:
        monkeypatch.setattr(gallery.engine, "_approximate", lambda query, k, hidden: [(1, 1, 0.5)])
        (hit,) = gallery.search(vectors[9][None])[0]
        assert hit.person == "p9"  # compared at once: the answer is the exact one
        (hit,) = gallery.search(vectors[8][None])[0]
        assert hit.person == "p8"
        assert not gallery.recall.good


def test_an_index_is_good_until_it_is_surely_not():
    recall = Recall(searches=100, compared=50, wanted=100, found=99)
    assert recall.interval == pytest.approx((0.9455, 0.9982), abs=1e-3)
    assert recall.good
    assert not Recall(compared=1, wanted=2, found=0).good


# ---------------------------------------------------------------- broken connections


def test_a_kill_never_loses_what_was_acknowledged(url):
    made(url).close()
    chance, promised = random.Random(1), {}
    for turn in range(int(os.environ.get("MIEN_KILLS", "6"))):
        lines = killed(ENROL, url, turn * 1_000_000, turn % 3, chance.uniform(0, 0.08))
        promised.update({int(number): int(seed) for number, seed in lines})
        with open_gallery(url, CONTRACT) as gallery:
            there = {t.id: (t.person, t.source) for t in gallery}
            assert {n: there[n] for n in promised} == {
                n: (f"p{seed % 7}", f"{seed}.jpg") for n, seed in promised.items()
            }
            assert (gallery.check(), gallery.journal.verify()) == ([], [])
            assert len(there) - len(promised) <= turn + 1  # at most the one that was under way


def test_a_kill_while_forgetting_is_finished_at_the_next_opening(url, server):
    made(url).close()
    chance, forgotten = random.Random(2), 0
    for turn in range(4):
        start = (turn + 1) * 1_000_000
        killed(FORGET, url, start, 1 + turn % 2, chance.uniform(0, 0.1))
        with open_gallery(url, CONTRACT) as gallery:
            known = {person.name for person in gallery.people()}
            assert sql(url, "SELECT scrub_due FROM about") == [(0,)]
            assert gallery.scrub().complete  # also removes what a broken change has left
        data = tables(server, url)
        for seed in range(start, start + 100):
            name = f"Quillfeather-{seed:08d}"
            assert (name in known) == (name.encode() in data)
            forgotten += seed % 3 == 0 and name not in known
    assert forgotten


def test_a_restart_in_mid_write_loses_nothing_and_the_open_gallery_goes_on(face):
    with running() as server:
        url = server.url("people")
        with made(url) as gallery:
            done, wrong = {}, []

            def write():
                for seed in range(100_000):
                    try:
                        [number] = gallery.add([face(f"p{seed % 7}", seed, f"{seed}.jpg")])
                        done[number] = seed
                    except GalleryError as error:
                        wrong.append(str(error))
                        return

            writer = threading.Thread(target=write)
            writer.start()
            while len(done) < 20:
                time.sleep(0.01)
            server.stop("immediate")
            writer.join()
            assert len(wrong) == 1
            assert "connection broke" in wrong[0] or "cannot be reached" in wrong[0]
            server.start()
            there = {t.id: t.source for t in gallery}
            assert {n: there[n] for n in done} == {n: f"{seed}.jpg" for n, seed in done.items()}
            assert len(there) <= len(done) + 1
            assert gallery.add([face("Eve", 1)])
            assert (gallery.check(), gallery.journal.verify()) == ([], [])


def test_writers_of_several_processes_keep_one_chain(url):
    made(url).close()
    count = "for seed in range(start, start + 20):\n gallery.add([face('p', seed)])\n"
    children = [child(count, url, 1000 * i) for i in range(4)]
    for process in children:
        process.communicate()
    assert [process.returncode for process in children] == [0] * 4
    with open_gallery(url, CONTRACT) as gallery:
        assert [t.id for t in gallery] == list(range(1, 81))
        assert gallery.journal.verify() == []
        assert gallery.journal.head().number == 81


def test_what_the_server_cannot_store_changes_nothing(url, face):
    with made(url) as gallery:
        with pytest.raises(GalleryError, match="cannot store this"):
            gallery.add([face("Ada", 1, "a\0b.jpg")])
        assert gallery.people() == []
        with pytest.raises(GalleryError, match="at most 2000"):
            gallery.add([Template("Ada", np.eye(1, 2001, dtype=np.float32)[0], CONTRACT)])
        assert gallery.add([face("Ada", 1)]) == [1]


def test_a_full_disk_and_a_lock_are_sentences():
    assert "disk of the server is full" in sentence(psycopg.errors.DiskFull(), "here")
    assert "locked by another program" in sentence(psycopg.errors.LockNotAvailable(), "here")


# ---------------------------------------------------------------- erasure and encryption


def tables(server, url):
    """The bytes of all files of a gallery, its indexes too; not those of the write-ahead log."""
    sql(url, "CHECKPOINT")
    found = sql(
        url,
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c "
        "LEFT JOIN pg_class main ON main.reltoastrelid = c.oid "
        "WHERE %s::regnamespace IN (c.relnamespace, main.relnamespace) AND c.relkind <> 'S'",
        parse(url).schema,
    )
    assert len(found) > 12
    return b"".join((server.data / path).read_bytes() for (path,) in found if path)


def test_a_forgotten_person_leaves_no_bytes_in_the_tables(url, server, face):
    with made(url) as gallery:
        gallery.add([face("Zoë Quillfeather", 10 + i, f"holiday/{i}.jpg") for i in range(5)])
        gallery.add([face("Ben Sorrow", 1, "b.jpg")])
        secrets = secrets_of(gallery, "Zoë Quillfeather")
        assert all(traces(tables(server, url), [secret]) for secret in secrets)
        receipt = gallery.forget("Zoë Quillfeather")
        assert (receipt.complete, receipt.templates) == (True, 5)
        data = tables(server, url)
        assert traces(data, secrets) == []
        assert traces(data, ["Ben Sorrow", face("", 1).vector])  # he is still there
        assert gallery.rename("Ben Sorrow", "Ben").complete
        assert traces(tables(server, url), ["Ben Sorrow"]) == []


def test_a_receipt_does_not_claim_what_another_reader_prevents(url, face, monkeypatch):
    monkeypatch.setattr(postgres_store, "SCRUB_WAIT", 0.1)
    with made(url) as gallery:
        gallery.add([face("Ada", 1), face("Ben", 2)])
        with psycopg.connect(parse(url).conninfo) as other:
            other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            other.execute(f"SELECT count(*) FROM {parse(url).schema}.people").fetchone()
            receipt = gallery.forget("Ada")
            assert (receipt.templates, receipt.complete) == (1, False)
            assert "Another program is reading" in receipt.reason
            assert not gallery.scrub().complete
        assert gallery.scrub().complete


def test_an_encrypted_gallery_shows_the_server_nothing(url, server, face):
    pytest.importorskip("cryptography")
    with made(url) as gallery:
        gallery.add([face("Zoë Quillfeather", 1, "holiday/zoë.jpg"), face("Ben", 2)])
        secrets = secrets_of(gallery, "Zoë Quillfeather")
        assert gallery.encrypt(KEY).complete
        gallery.add([face("Cy Quillfeather", 3, "holiday/cy.jpg")])
        secrets += secrets_of(gallery, "Cy Quillfeather")
        assert traces(tables(server, url), secrets) == []
        assert sql(url, "SELECT count(*) FROM search") == [(0,)]
    with pytest.raises(GalleryError, match="not that of gallery"):
        open_gallery(url, CONTRACT, key=bytes(32))
    with open_gallery(url, CONTRACT, key=KEY) as gallery:
        assert gallery.search(face("", 3).vector[None])[0][0].person == "Cy Quillfeather"
        gallery.rekey(bytes(range(1, 33)))
        assert gallery.check() == []


def test_a_sealed_text_that_was_changed_is_found(url, face):
    pytest.importorskip("cryptography")
    with made(url) as gallery:
        gallery.add([face("Ada", 1, "a.jpg")])
        gallery.encrypt(KEY)
        for spoilt in ("!", "AAAA"):
            sql(url, "UPDATE templates SET source = %s", spoilt)
            assert "cannot be decrypted" in gallery.check()[0]


def test_a_backup_is_a_file_of_the_same_people(url, tmp_path, face):
    with made(url) as gallery:
        gallery.add([face("Ada", 1, "a.jpg")])
        gallery.backup(tmp_path / "copy.mien")
        assert gallery.journal.verify() == []
    with open_gallery(tmp_path / "copy.mien", CONTRACT) as copy:
        assert copy.search(face("", 1).vector[None])[0][0].person == "Ada"
        assert copy.journal.verify() == []
