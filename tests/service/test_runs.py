"""Cancel in each stage of each use-case: nothing is lost, and the same call goes on."""

import os
import re
import threading

import numpy as np
import pytest
from tests.toy_faces import Masks, Moods, Squares, scene

from mien import service
from mien.albums import Groups
from mien.errors import CancelledError, GalleryError, MienError
from mien.film import Analyzer
from mien.gallery import Template, open_gallery
from mien.media import write_image
from mien.photo import Pipeline
from mien.service.galleries import searching
from mien.service.runs import Run, forget, resumable
from mien.service.schema import SCHEMA, identified_row
from mien.zoo import home


def cancelled_after(steps):
    """A run that is cancelled from its hook after so many steps."""
    cancel, seen = threading.Event(), []

    def on_step(name, done, total):
        seen.append((name, done, total))
        if len(seen) >= steps:
            cancel.set()

    return Run(on_step, cancel), seen


@pytest.fixture
def photos(tmp_path, scene):
    folder = tmp_path / "photos"
    for number, person in enumerate(["Ada", "Bob", "Cyd"] * 2):
        picture = scene({person: (10 + 20 * number, 10)})
        (folder / person).mkdir(parents=True, exist_ok=True)
        write_image(folder / person / f"{number}.png", picture)
    return folder


@pytest.fixture
def known(toy_pipeline, scene, tmp_path):
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as gallery:
        face = toy_pipeline.main_face(scene({"Ada": (10, 10)}))
        gallery.add([Template("Ada", face.embedding, face.embedder)])
        toy_pipeline.use(gallery)
        yield toy_pipeline


def test_identify_photos_stops_between_two_and_what_was_given_stands(photos, known):
    run, _ = cancelled_after(5)
    names = sorted(str(path) for path in photos.rglob("*.png"))
    given = []
    with pytest.raises(CancelledError, match="resumes the run"):
        given.extend(service.identify(names, known, run=run))
    found = service.identify(names, known)
    first = [one.source for one, _ in zip(found, range(2), strict=False)]
    assert first == names[:2]


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_a_cancelled_film_resumes_to_the_same_answer(film, scene, known, steps):
    path = str(film([scene({"Ada": (10 + i, 10)}) for i in range(80)]))
    [whole] = service.identify([path], known)
    run, seen = cancelled_after(steps)
    [part] = service.identify([path], known, run=run)
    assert part.film.reason == "interrupted"
    assert not part.complete
    assert part.segments.exists()
    again, resumed = cancelled_after(10**6)
    [rest] = service.identify([path], known, run=again)
    assert rest.complete
    assert not rest.segments.exists()  # deleted once the caller had it
    assert [p.person for p in rest.film.people] == [p.person for p in whole.film.people]
    assert rest.film.appearances[0].end == whole.film.appearances[0].end
    assert min(done for _, done, _ in resumed) >= max(done for _, done, _ in seen) - 1


@pytest.mark.parametrize("steps", [1, 30, 70])
def test_a_cancelled_table_resumes_to_the_same_rows(film, steps, monkeypatch, tmp_path):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))  # other tests run at the same time
    monkeypatch.setattr("mien.film.checkpoint.OFTEN", 0.0)
    path = str(film([scene((40 + i // 4, 40)) for i in range(80)], rate=25))
    kit = Analyzer(pipeline=Pipeline(detector=Squares(), heads=[Moods()]), landmarker=Masks())
    whole = service.analyze([path], kit)
    run, _ = cancelled_after(steps)
    part = service.analyze([path], kit, run=run)
    assert part.recordings["reason"].tolist() == ["interrupted"]
    assert len(part.data) < len(whole.data)
    rest = service.analyze([path], kit)
    assert rest.recordings["complete"].tolist() == [True]
    np.testing.assert_array_equal(rest.data["yaw"], whole.data["yaw"])
    assert not list((home() / "runs").glob("*.analyze"))


def test_a_cancelled_enrolment_keeps_what_is_enrolled(photos, toy_pipeline, tmp_path):
    items = service.items_in(photos)
    contract = toy_pipeline.embedder.contract
    with open_gallery(tmp_path / "new.mien", contract, create=True) as gallery:
        run, _ = cancelled_after(3)
        done = []
        with pytest.raises(CancelledError):
            done.extend(service.enroll(items, toy_pipeline, gallery, run=run))
        assert len(gallery) == 3
        rest = list(service.enroll(items, toy_pipeline, gallery))
        assert [one.outcome for one in rest] == ["already"] * 3 + ["enrolled"] * 3


def test_a_cancelled_grouping_keeps_what_was_embedded(photos, toy_pipeline, tmp_path):
    paths = sorted(photos.rglob("*.png"))
    made_by = (toy_pipeline.embedder.contract, "squares")
    with Groups(tmp_path / "g.groups", made_by=made_by, read_only=False) as groups:
        run, _ = cancelled_after(4)
        with pytest.raises(CancelledError):
            service.group_photos(paths, toy_pipeline, groups, run.step)
        assert sum(groups.known(path) for path in paths) == 4
        change, failed = service.group_photos(paths, toy_pipeline, groups)
        assert (change.groups, failed) == (3, {})


def test_watching_ends_when_it_is_cancelled_and_everybody_leaves(film, scene, known):
    from mien.service.watch import Source, watch_presence

    path = str(film([scene({"Ada": (10, 10)})] * 100))
    run, _ = cancelled_after(20)
    rows = list(watch_presence(Source(name=path), known, run=run))
    assert [row["kind"] for row in rows] == ["start", "end"] or rows[1]["person"] == "Ada"
    assert rows[-1]["kind"] == "end"


def test_two_runs_of_one_film_do_not_share_a_place():
    with resumable("identify", {"film": "a"}) as place:
        assert not place.exists()
        with (
            pytest.raises(MienError, match="Another process runs the same"),
            resumable("identify", {"film": "a"}),
        ):
            pass
        with resumable("identify", {"film": "b"}) as other:
            assert other != place


def test_a_place_that_nobody_resumed_is_deleted_after_a_week():
    with resumable("identify", {"film": "old"}) as place:
        place.write_text("{}")
    os.utime(place, (0, 0))
    with resumable("identify", {"film": "new"}):
        assert not place.exists()
    forget(place)  # what is gone may be forgotten again


def test_an_address_arrives_whole(toy_pipeline):
    with (
        pytest.raises(GalleryError, match=re.escape("postgresql://ada@db.example/people")),
        searching(toy_pipeline, "postgresql://ada@db.example/people"),
    ):
        pass


def test_rows_name_their_schema(photos, known, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"nothing")
    names = [str(next(photos.rglob("*.png"))), str(tmp_path / "bad.png")]
    rows = [identified_row(one) for one in service.identify(names, known)]
    assert [row["schema"] for row in rows] == [SCHEMA, SCHEMA]
    assert rows[1]["error"]
