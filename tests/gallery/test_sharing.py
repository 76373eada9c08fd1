"""Several users of one gallery at once, on every engine."""

import threading

import pytest

from mien.errors import GalleryError
from mien.gallery import Template, open_gallery

CONTRACT = "toy-16:0f0f"


def names(hits):
    return [hit.person for hit in hits]


def test_one_user_sees_at_once_what_another_has_changed(reopen, face):
    one, two = reopen(), reopen()
    query = face("", 1).vector[None]
    one.add([face("Ada", 1), face("Ben", 2)])
    assert names(two.search(query, k=3)[0]) == ["Ada", "Ben"]
    two.rename("Ada", "Eve")
    assert names(one.search(query)[0]) == ["Eve"]
    one.add([face("Cy", 1)])
    two.forget("Eve")
    assert names(one.search(query, k=3)[0]) == ["Cy", "Ben"]
    one.merge("Cy", "Ben")
    (hit,) = two.search(query, k=3)[0]
    assert (hit.person, hit.template, len(two)) == ("Ben", 3, 2)


def test_the_stamp_changes_with_each_change_and_with_nothing_else(reopen, face, sha):
    one, two = reopen(), reopen()
    stamps = [one.stamp()]
    for change in (
        lambda: two.add([face("Ada", 1), face("Ben", 2)]),
        lambda: two.note("Ada", sha("x"), "no_face"),
        lambda: two.rename("Ada", "Eve"),
        lambda: two.merge("Eve", "Ben"),
        lambda: two.forget("Ben"),
    ):
        change()
        stamps.append(one.stamp())
        one.search(face("", 1).vector[None])
        one.people()
        assert one.stamp() == stamps[-1]
    assert len(set(stamps)) == 6


def test_threads_may_share_a_gallery(gallery, unit):
    vectors = unit(240)
    wrong = []

    def work(part):
        try:
            for i in part:
                (number,) = gallery.add([Template(f"p{i}", vectors[i], CONTRACT)])
                (hit,) = gallery.search(vectors[i][None])[0]
                if (hit.person, hit.template) != (f"p{i}", number):
                    wrong.append((i, hit))
                if i % 20 == 0:
                    gallery.forget(f"p{i}")
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(range(t, 240, 4),)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(gallery) == 240 - 12
    assert gallery.check() == []


def test_a_closed_gallery_says_so(gallery, face):
    gallery.close()
    with pytest.raises(GalleryError, match="open it again"):
        gallery.search(face("", 1).vector[None])
    gallery.close()  # twice does no harm


@pytest.mark.slow
def test_a_writer_gets_its_turn_between_busy_ones(tmp_path, face):
    """Others write without a pause; SQLite's own waiting, ten times a second, misses the gaps."""
    path, stop, done = tmp_path / "people.mien", threading.Event(), []
    open_gallery(path, CONTRACT, create=True).close()

    def busy(first):
        with open_gallery(path, CONTRACT) as gallery:
            seed = first
            while not stop.is_set():
                seed += 1
                gallery.add([face(f"p{seed}", seed)])

    threads = [threading.Thread(target=busy, args=(1000 * n,)) for n in range(1, 4)]
    for one in threads:
        one.start()
    try:
        with open_gallery(path, CONTRACT) as gallery:
            for seed in range(20):
                done += gallery.add([face(f"q{seed}", seed)])
    finally:
        stop.set()
        for one in threads:
            one.join()
    with open_gallery(path, CONTRACT) as gallery:
        assert len(done) == 20
        assert gallery.check() == []
