import json

import av
import numpy as np
import pytest
from tests.media.rtsp import RtspServer

from mien.errors import FilmError
from mien.film.presence import PresenceMonitor
from mien.gallery import Template, open_gallery
from mien.media import Live, open_source
from mien.service.event_log import EventLog, read_events
from mien.testing import TOY_DEVICE
from mien.track import FrameFaces, Segment, TrackBuilder
from mien.types import Face


@pytest.fixture
def known(tmp_path, toy_pipeline, portrait):
    """The toy pipeline with a gallery of Ada."""
    with open_gallery(tmp_path / "family.mien", toy_pipeline.embedder.contract, create=True) as it:
        face = toy_pipeline.main_face(portrait("Ada"))
        it.add([Template("Ada", face.embedding, face.embedder)])
        toy_pipeline.use(it)
        yield toy_pipeline


def visit(scene, rate=20):
    """Ada from 1 s to 4 s; Cyd from 2 s to 3 s, and again from 8 s to 9 s; 12 s in all."""
    pictures = []
    for i in range(12 * rate):
        time = i / rate
        places = {"Ada": (10, 10)} if 1 <= time < 4 else {}
        if 2 <= time < 3 or 8 <= time < 9:
            places["Cyd"] = (150, 100)
        pictures.append(scene(places))
    return pictures


def seen(pipeline, source, every=0.1):
    with open_source(source, every=every) as frames:
        return [(e.kind, e.person, round(e.time, 2)) for e in PresenceMonitor(pipeline)(frames)]


def test_people_who_come_and_go_are_told_with_their_times(known, film, scene):
    assert seen(known, film(visit(scene))) == [
        ("enter", "Ada", 1.0),
        ("enter", "unknown-1", 2.0),
        ("exit", "unknown-1", 3.0),
        ("exit", "Ada", 4.0),
        ("enter", "unknown-1", 8.0),  # known again
        ("exit", "unknown-1", 9.0),
    ]


def test_everybody_goes_when_the_frames_are_over(known, film, scene):
    events = seen(known, film(visit(scene)[: 20 * 3]))
    assert [event[0] for event in events].count("exit") == 2


def test_a_flicker_is_no_visit(known, film, scene):
    pictures = [scene({})] * 40
    pictures[10] = scene({"Ada": (10, 10)})
    assert seen(known, film(pictures), every=0) == []


def test_of_two_alike_on_screen_one_bears_the_name(known, film, scene):
    twins = scene({"Ada": (10, 10)})
    twins[100:148, 180:228] = [249, 30, 30]
    events = seen(known, film([twins] * 60))
    assert sorted(person for kind, person, _ in events if kind == "enter") == ["Ada", "unknown-1"]


def test_what_is_kept_in_mind_does_not_grow(known, film, scene):
    with open_source(film(visit(scene)), every=0.1) as frames:
        watching = PresenceMonitor(known)
        list(watching(frames))
    assert watching.present == []


def test_tracks_of_long_ago_are_forgotten_with_their_vectors():
    builder = TrackBuilder(fewest=1)
    for number in range(20):
        face = Face(np.float32([0, 0, 40, 40]), 1.0, time=float(number), track=number)
        frames = (FrameFaces(number, float(number), False, (face,)),)
        builder.take(Segment(2 * number, frames, ()))
    builder.forget(10.0, 5)
    assert [track.number for track in builder.tracks()] == [15, 16, 17, 18, 19]


def test_a_log_numbers_its_events_over_restarts(tmp_path):
    path = tmp_path / "door.jsonl"
    with EventLog(path) as log:
        assert [log.append({"kind": k})["seq"] for k in "ab"] == [1, 2]
    path.write_bytes(path.read_bytes() + b'{"seq": 3, "ki')  # killed while writing
    with EventLog(path) as log:
        assert log.append({"kind": "c"})["seq"] == 3
    assert [row["kind"] for row in read_events(path, after=1)] == ["b", "c"]
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_a_reader_does_not_see_half_an_event(tmp_path):
    path = tmp_path / "door.jsonl"
    path.write_text('{"seq": 1, "kind": "enter"}\n{"seq": 2, "ki')
    assert [row["seq"] for row in read_events(path)] == [1]


def test_what_is_no_log_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n")
    with pytest.raises(FilmError, match="not a log of events"):
        EventLog(path)
    with pytest.raises(FilmError, match="cannot be read"):
        list(read_events(tmp_path / "none.jsonl"))


class Bright:
    """Finds what is bright in one colour, also after lossy compression."""

    name, digest, device = "squares", "", TOY_DEVICE

    def __call__(self, image):
        faces = []
        for channel in range(3):
            rest = np.delete(image, channel, axis=2).max(axis=2)
            rows, columns = np.nonzero((image[..., channel] > 150) & (rest < 100))
            if len(rows) < 400:
                continue
            box = np.float32([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            inside = np.float32([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.7], [0.65, 0.7]])
            faces.append(Face(box, 0.9, box[:2] + inside * (box[2:] - box[:2])))
        return faces


def test_a_stream_gives_the_events_of_its_recording(known, scene, tmp_path):
    path = tmp_path / "film.ts"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg2video", rate=20)
        video.height, video.width, video.pix_fmt = 160, 260, "yuv420p"
        for picture in visit(scene):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(video.encode(None))
    known.detector = Bright()
    recorded = seen(known, path)
    server = RtspServer(path.read_bytes(), pace=0.004)
    # The server sends twelve seconds in one, so they have to wait.
    with Live(server.url, every=0.1, patience=0, delay=60) as live:
        told = [(e.kind, e.person, round(e.time, 2)) for e in PresenceMonitor(known)(live)]
    server.close()
    assert live.counts.dropped == 0
    assert len(recorded) == 6
    assert told == recorded
