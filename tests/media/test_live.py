import time

import av
import numpy as np
import pytest
from tests.media.rtsp import RtspServer

from mien.errors import FilmError
from mien.media import Live, Replay, is_live, open_source


@pytest.fixture
def stream(tmp_path):
    """Three seconds of film as MPEG-TS, each frame brighter than the one before."""
    path = tmp_path / "film.ts"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.height, video.width, video.pix_fmt, video.gop_size = 64, 96, "yuv420p", 5
        for number in range(75):
            image = np.full((64, 96, 3), 30 + 2 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(video.encode(None))
    return path


@pytest.fixture
def serve(stream):
    servers = []

    def start(**how):
        servers.append(RtspServer(stream.read_bytes(), **how))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_cameras_and_streams_are_told_by_their_names():
    assert all(is_live(name) for name in ("0", "/dev/video1", "rtsp://door/1", "http://x/y.m3u8"))
    assert not any(is_live(name) for name in ("film.mp4", "./0.mp4"))


def test_a_stream_gives_the_frames_of_its_film(stream, serve):
    server = serve(pace=0.01)
    with open_source(server.url, every=0.2, patience=0) as live:
        assert isinstance(live, Live)
        seen = [(round(f.time, 3), float(f.image.mean())) for f in live]
    with open_source(stream, every=0.2) as film:
        assert isinstance(film, Replay)
        wanted = [(round(f.time, 3), float(f.image.mean())) for f in film]
    count = min(len(seen), len(wanted))
    assert count >= len(wanted) - 1  # the last frames may be lost with the connection
    assert seen[:count] == wanted[:count]
    assert live.reason == "lost"


def test_a_source_that_comes_back_goes_on_with_a_later_clock(serve):
    told = []
    server = serve(pace=0.002)
    with Live(server.url, every=0.2, patience=5, notify=told.append) as live:
        times = []
        for frame in live:
            times.append(frame.time)
            if server.clients > 1 and len(times) > 18:
                break
    assert times == sorted(times)
    assert live.counts.reconnects >= 1
    assert [("is lost" in line, "is back" in line) for line in told[:2]] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.slow
def test_a_stream_that_stalls_counts_as_gone(serve):
    told = []
    server = serve(stall_after=20, hang_up=False)
    begun = time.monotonic()
    with Live(server.url, patience=0, stall=1.0, notify=told.append) as live:
        frames = list(live)
    assert time.monotonic() - begun < 25  # the server would wait for 30 s
    assert live.reason == "lost"
    assert len(frames) < 75
    assert any("sent nothing" in line or "is lost" in line for line in told)


@pytest.mark.slow
def test_a_slow_viewer_gets_new_frames_and_the_others_are_counted(serve):
    server = serve(pace=0.02)
    with Live(server.url, patience=0) as live:
        frames = []
        for frame in live:
            frames.append(frame.time)
            while not live.counts.dropped:  # the viewer waits until it is too late for some
                time.sleep(0.01)
    assert len(frames) < 75
    assert frames == sorted(frames)


def test_a_stream_that_was_never_there_is_an_error_at_once():
    with pytest.raises(FilmError, match="cannot be reached"):
        Live("rtsp://127.0.0.1:9/none", stall=2)


def test_a_camera_that_is_not_there_is_named():
    with pytest.raises(FilmError, match=r"Camera 63.*/dev/video63 does not exist|not supported"):
        Live("63")


def test_an_error_in_reading_reaches_the_viewer(serve, monkeypatch):
    def broken(film, **how):
        raise RuntimeError("out of order")
        yield

    from mien.media.film import Film

    monkeypatch.setattr(Film, "frames", broken)
    with Live(serve().url, patience=0) as live, pytest.raises(RuntimeError, match="out of order"):
        list(live)
