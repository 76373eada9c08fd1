"""Galleries in Milvus: its copy is never trusted in another state, and loses nothing."""

import os
import random
import threading
import time

import numpy as np
import pytest
from tests import milvus
from tests.gallery.test_crashes import ENROL, child, killed

if why := milvus.missing():
    pytest.skip(why, allow_module_level=True)

from pymilvus import MilvusClient

from mien.errors import GalleryError
from mien.gallery import LegalBasis, Template, open_gallery
from mien.gallery.milvus import parse

CONTRACT = "toy-16:0f0f"


@pytest.fixture
def url(milvus, tmp_path):
    """The address of a gallery that only this test uses."""
    name = f"t{abs(hash(str(tmp_path))) % 10**9}"
    return milvus.url(name, tmp_path / "people.mien")


def there(milvus, url):
    """The rows that Milvus has of a gallery: template -> person."""
    client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    name = parse(url).name
    if not client.has_collection(name):
        return None
    rows = client.query(name, filter="id > 0", output_fields=["id", "person"])
    return {row["id"]: row["person"] for row in rows}


def filled(url, unit, count=300, **more):
    gallery = open_gallery(url, CONTRACT, create=True, personal=True, **more)
    gallery.add([Template(f"p{i // 2}", v, CONTRACT) for i, v in enumerate(unit(count))])
    return gallery


def test_answers_are_those_of_a_file_bit_by_bit(url, unit, tmp_path):
    with (
        filled(url, unit) as gallery,
        open_gallery(tmp_path / "file.mien", CONTRACT, create=True) as file,
    ):
        file.add([Template(f"p{i // 2}", v, CONTRACT) for i, v in enumerate(unit(300))])
        for k in (1, 5, 400):
            assert gallery.search(unit(20, seed=1), k) == file.search(unit(20, seed=1), k)


def test_milvus_has_the_vectors_of_present_people_only(milvus, url, unit):
    with filled(url, unit) as gallery:
        assert there(milvus, url) is None  # a copy is made when somebody searches
        gallery.search(unit(1))
        assert len(there(milvus, url)) == 300
        assert gallery.forget("p3", "p4").complete
        assert {7, 8, 9, 10}.isdisjoint(there(milvus, url))
        gallery.merge("p5", "p6")
        gallery.search(unit(1))
        rows = there(milvus, url)
        assert len(rows) == 296
        assert rows[11] == rows[13]


def test_what_another_program_changed_in_the_records_is_followed(milvus, url, unit, tmp_path):
    with filled(url, unit, 40) as gallery:
        gallery.search(unit(1))
        with open_gallery(tmp_path / "people.mien", CONTRACT) as records:  # without Milvus
            records.forget("p0")
            records.add([Template("new", unit(1, seed=77)[0], CONTRACT)])
        [best] = gallery.search(unit(1, seed=77))[0]
        assert best.person == "new"
        assert 1 not in there(milvus, url)
        with open_gallery(url, CONTRACT, read_only=True) as reader:
            records = open_gallery(tmp_path / "people.mien", CONTRACT)
            records.forget("new")
            records.close()
            assert reader.search(unit(1, seed=77))[0][0].person != "new"  # in memory


def test_a_search_hides_people_without_the_purpose(url, unit, sha):
    with filled(url, unit, 20) as gallery:
        gallery.govern(30)
        gallery.give("p2", LegalBasis("door", "v1", sha("v1"), ground="contract"))
        gallery.purpose = "door"
        assert [hit.person for hit in gallery.search(unit(1), 9)[0]] == ["p2"]


def test_many_equal_templates_are_all_compared(url, unit):
    with open_gallery(url, CONTRACT, create=True, personal=True) as gallery:
        same = unit(1)[0]
        gallery.add([Template(f"p{i}", same, CONTRACT) for i in range(700)])
        found = gallery.search(same[None], 3)[0]
        assert [hit.template for hit in found] == [1, 2, 3]


def answered(call):
    """Repeat a call until the client has connected again, which it delays after failures."""
    end = time.monotonic() + 60
    while True:
        try:
            return call()
        except GalleryError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def test_a_killed_server_loses_nothing_and_the_same_call_goes_on(tmp_path, unit, face):
    with milvus.running() as server:
        url = server.url("people", tmp_path / "people.mien")
        with filled(url, unit, 100) as gallery:
            gallery.search(unit(1))
            server.kill()
            [number] = gallery.add([face("late", 77)])  # the records acknowledge it
            with pytest.raises(GalleryError, match="acknowledged changes are safe"):
                gallery.search(unit(1))
            receipt = gallery.forget("p3")
            assert not receipt.complete
            assert "may remain in Milvus" in receipt.reason
            server.start()
            [best] = answered(lambda: gallery.search(face("", 77).vector[None])[0])
            assert (best.person, best.template) == ("late", number)
            assert gallery.scrub().complete
            assert {7, 8}.isdisjoint(there(server, url))
        server.kill()
        with pytest.raises(GalleryError, match="cannot be reached"):
            open_gallery(url, CONTRACT)
        server.start()
        with answered(lambda: open_gallery(url, CONTRACT)) as gallery:
            assert gallery.check() == []


def test_a_collection_of_another_gallery_is_left_alone(milvus, url, unit, tmp_path):
    filled(url, unit, 10).close()
    with open_gallery(url, CONTRACT) as gallery:
        gallery.search(unit(1))
    other = url.replace("people.mien", "other.mien")
    with pytest.raises(GalleryError, match="belongs to another gallery"):
        filled(other, unit, 4)
    assert len(there(milvus, url)) == 10


def test_an_index_states_its_recall_and_is_dropped_if_it_is_bad(url, unit, monkeypatch):
    with filled(url + "&index=hnsw", unit, 600) as gallery:
        assert gallery.recall.interval == (0.0, 1.0)
        gallery.search(unit(40, seed=3), 5)
        assert (gallery.recall.searches, gallery.recall.compared) == (40, 3)
        assert gallery.recall.wanted == 15
        monkeypatch.setattr(
            type(gallery.engine), "_approximate", lambda self, q, k, h: self._exact(-q, k, h)
        )
        exact = open_gallery(url, CONTRACT)
        gallery.search(unit(200, seed=4), 5)
        assert not gallery.recall.good
        assert gallery.search(unit(9, seed=5), 5) == exact.search(unit(9, seed=5), 5)
        exact.close()


def test_encryption_takes_the_vectors_out_of_milvus(milvus, url, unit):
    pytest.importorskip("cryptography")
    key = bytes(range(32))
    with filled(url, unit, 40) as gallery:
        before = gallery.search(unit(5, seed=1), 3)
        gallery.encrypt(key)
        assert there(milvus, url) is None
        assert gallery.search(unit(5, seed=1), 3) == before
    with open_gallery(url, CONTRACT, key=key) as gallery:
        assert gallery.search(unit(5, seed=1), 3) == before
        assert there(milvus, url) is None


def test_protected_templates_are_compared_protected(milvus, url, unit, monkeypatch):
    monkeypatch.setenv("MIEN_PROTECT_KEY", bytes(32).hex())
    with filled(url, unit, 40) as gallery:
        gallery.search(unit(1))
        gallery.protect(bytes(32))
        found = gallery.search(unit(5, seed=1), 2)
        assert all(hit.similarity > -1 for hits in found for hit in hits)
        client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
        [row] = client.query(parse(url).name, filter="id == 1", output_fields=["embedding"])
        assert abs(np.dot(row["embedding"], unit(1)[0])) < 0.9


def test_writers_and_readers_share_it(url, unit):
    filled(url, unit, 2).close()
    scripts = [
        child(
            "for seed in range(start, start + 8):\n"
            "    print(*gallery.add([face(f'p{seed}', seed)]), seed, flush=True)\n"
            "    assert gallery.search(face('', seed).vector[None])[0][0].person == f'p{seed}'\n"
            "gallery.close()\n",
            url,
            1000 * n,
        )
        for n in range(1, 4)
    ]
    answers = [one.communicate()[0].split() for one in scripts]
    assert [one.returncode for one in scripts] == [0, 0, 0]
    with open_gallery(url, CONTRACT) as gallery:
        assert len(gallery) == 26
        assert len({number for each in answers for number in each[::2]}) == 24


def test_threads_share_one_gallery(url, unit):
    with filled(url, unit, 60) as gallery:
        wrong = []

        def ask(seed):
            for vector in unit(60)[seed::4]:
                if gallery.search(vector[None])[0][0].similarity < 0.9999:
                    wrong.append(seed)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert wrong == []


@pytest.mark.slow
def test_a_kill_while_enrolling_and_searching_loses_nothing(url, unit):
    chance, promised = random.Random(5), {}
    script = ENROL.replace(
        "    print(number", "    gallery.search(face('', seed).vector[None])\n    print(number"
    )
    filled(url, unit, 2).close()
    for turn in range(int(os.environ.get("MIEN_KILLS", "5"))):
        lines = killed(script, url, turn * 1_000_000 + 1, turn % 3, chance.uniform(0, 0.2))
        promised |= {int(number): int(seed) for number, seed in lines}
        with open_gallery(url, CONTRACT) as gallery:
            assert gallery.check() == []
            numbers = {one.id: one.source for one in gallery}
            assert all(numbers[n] == f"{seed}.jpg" for n, seed in promised.items())
            for number, seed in list(promised.items())[-3:]:
                vector = np.random.default_rng(seed).standard_normal(16)
                query = (vector / np.linalg.norm(vector)).astype(np.float32)
                assert gallery.search(query[None])[0][0].template == number


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("milvus://localhost:1?gallery=Bad&records=x", "not possible in Milvus"),
        ("milvus://localhost:1?gallery=a", "add &records="),
        ("milvus://localhost:1?records=x&index=ivf", "index=ivf is not known"),
        ("milvus://localhost:1?records=x&colour=red", "'colour' is no part"),
        ("milvus://me:secret@localhost:1?records=x", "MIEN_MILVUS_TOKEN"),
        ("milvus:///tmp/lite?gallery=a", "ends in .db"),
        ("milvus://[abc?gallery=a", "cannot be read"),
    ],
)
def test_an_address_that_is_none_is_refused(url, message):
    with pytest.raises(GalleryError, match=message) as error:
        open_gallery(url, CONTRACT, create=True)
    assert "secret" not in str(error.value)


def test_milvus_lite_is_a_path(tmp_path, unit):
    with filled(f"milvus://{tmp_path}/lite.db?gallery=door", unit, 10) as gallery:
        assert gallery.search(unit(1))[0][0].person == "p0"
        assert (tmp_path / "lite-door.mien").exists()
