import threading

import pytest

from mien.errors import WeightsError
from mien.zoo.weights import web

CONTENT = bytes(range(256)) * 4000  # about 1 MB, four blocks


@pytest.fixture
def part(tmp_path):
    return tmp_path / "x.part"


@pytest.fixture
def address(server):
    server.files["/x.onnx"] = CONTENT
    return f"{server.address}/x.onnx"


def test_a_file_arrives_and_the_progress_runs_from_nothing_to_all(address, part):
    seen = []
    web.download(address, part, len(CONTENT), lambda *step: seen.append(step))
    assert part.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))


def test_a_cut_connection_is_taken_up_where_it_broke(server, address, part):
    server.cuts += [300_000, 100_000]
    web.download(address, part, len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=300000-", "bytes=400000-"]


def test_what_came_before_giving_up_is_kept_and_resumed_later(server, address, part):
    server.cuts += [1000, 1000, 1000, 1000]
    with pytest.raises(WeightsError, match="the 4000 bytes received are kept"):
        web.download(address, part, len(CONTENT))
    web.download(address, part, len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=4000-"


def test_a_server_that_cannot_resume_sends_all_again(server, address, part):
    server.resumes = False
    part.write_bytes(b"something else")
    web.download(address, part, len(CONTENT))
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"\0" * (len(CONTENT) + 5), CONTENT + b"!"])
def test_a_part_that_is_too_long_is_thrown_away(address, part, left):
    part.write_bytes(left)
    web.download(address, part, len(CONTENT))
    assert part.read_bytes() == CONTENT


def test_a_part_that_is_whole_is_not_fetched_again(server, address, part):
    part.write_bytes(CONTENT)
    web.download(address, part, len(CONTENT))
    assert server.asked == []


def test_a_whole_part_of_unknown_size_is_fetched_again(address, part):
    part.write_bytes(CONTENT)  # the server answers 416: nothing behind the last byte
    web.download(address, part, None)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("told", [True, False])
def test_a_size_that_only_the_server_knows(server, address, part, told):
    server.length = told
    web.download(address, part, None)
    assert part.read_bytes() == CONTENT


def test_a_file_of_another_size_is_refused_before_it_is_fetched(address, part):
    with pytest.raises(WeightsError, match=f"offers {len(CONTENT)} bytes, but the card states 10"):
        web.download(address, part, 10)
    assert not part.exists()


def test_an_endless_answer_is_stopped_at_the_size_of_the_card(server, address, part):
    server.length = False
    with pytest.raises(WeightsError, match="more than the 1000 bytes"):
        web.download(address, part, 1000)
    assert not part.exists()


def test_a_server_that_is_busy_is_asked_again(server, address, part):
    server.failures += [503, 429]
    web.download(address, part, len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_a_missing_file_is_not_asked_for_again(server, part):
    with pytest.raises(WeightsError, match="answered 404"):
        web.download(f"{server.address}/y", part, 5)
    assert len(server.asked) == 1


def test_nobody_there(part):
    with pytest.raises(WeightsError, match=r"Cannot download .* --from-dir"):
        web.download("http://127.0.0.1:9/x", part, 5)


def test_a_silent_server_is_given_up(server, address, part, monkeypatch):
    monkeypatch.setattr(web, "TIMEOUT", 0.1)
    server.stall = threading.Event()
    with pytest.raises(WeightsError, match="no byte arrived"):
        web.download(address, part, len(CONTENT))


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://127.0.0.1.example.org/x",
        "http://127.0.0.1@example.org/x",
    ],
)
def test_addresses_that_are_not_https_are_refused(address, part):
    with pytest.raises(WeightsError, match="only fetched over HTTPS"):
        web.download(address, part, 5)


@pytest.mark.parametrize("target", ["http://example.org/x", "ftp://example.org/x"])
def test_a_redirect_away_from_https_is_refused(server, part, target):
    server.redirects["/x"] = target
    with pytest.raises(WeightsError, match="only fetched over HTTPS"):
        web.download(f"{server.address}/x", part, 5)


def test_a_redirect_on_this_machine_is_followed(server, address, part):
    server.redirects["/old"] = "/x.onnx"
    web.download(f"{server.address}/old", part, len(CONTENT))
    assert part.read_bytes() == CONTENT
