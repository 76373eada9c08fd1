"""Many images at the same time."""

import threading

import cv2
import pytest

from mien.photo import in_parallel

WAIT = 20  # s: a test that would hang fails instead


def test_results_come_in_the_order_of_the_items_whoever_ends_first():
    second_ended = threading.Event()

    def work(item):
        if item == 0:
            assert second_ended.wait(WAIT)
        elif item == 1:
            second_ended.set()
        return item * 10

    assert list(in_parallel(work, range(6), 2)) == [0, 10, 20, 30, 40, 50]


def test_two_items_are_under_way_at_the_same_time():
    meet = threading.Barrier(2, timeout=WAIT)
    assert list(in_parallel(lambda _: meet.wait() >= 0, range(4), 2)) == [True] * 4


def test_items_are_taken_only_when_there_is_room():
    taken, given = [], 0

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    for _ in in_parallel(lambda item: item, items(), 3):
        given += 1
        assert len(taken) - given <= 6
    assert given == 50


def test_items_are_taken_in_the_thread_of_the_caller():
    threads = []

    def items():
        for item in range(5):
            threads.append(threading.current_thread())
            yield item

    list(in_parallel(lambda item: item, items(), 2))
    assert set(threads) == {threading.current_thread()}


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_is_raised_at_its_place_and_ends_the_work(workers):
    done = []

    def work(item):
        if item == 2:
            raise ValueError("two")
        done.append(item)
        return item

    results = in_parallel(work, range(1000), workers)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert len(done) < 20
    assert list(results) == []


def test_what_has_not_begun_is_left_when_the_caller_stops():
    done = []
    results = in_parallel(lambda item: done.append(item), range(1000), 2)
    next(results)
    results.close()
    assert len(done) < 20


def test_opencv_uses_one_thread_meanwhile_and_as_many_as_before_afterwards():
    before = cv2.getNumThreads()
    assert set(in_parallel(lambda _: cv2.getNumThreads(), range(4), 2)) == {1}
    assert cv2.getNumThreads() == before


def test_no_items_give_no_results():
    assert list(in_parallel(lambda item: item, [], 2)) == []
