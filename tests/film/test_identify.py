import json

import numpy as np
import pytest

from mien.errors import FilmError, MienError
from mien.film import identify_film
from mien.film.annotate import with_faces, write_blurred, write_marked
from mien.film.identify import find_turn
from mien.film.segment_log import read_segments
from mien.gallery import Template, open_gallery
from mien.media import Film, open_film
from mien.media.json_log import JsonLog
from mien.report.film_files import film_row
from mien.types import Face


@pytest.fixture
def known(tmp_path, toy_pipeline, portrait):
    """The toy pipeline with a gallery of Ada and Bob."""
    with open_gallery(tmp_path / "family.mien", toy_pipeline.embedder.contract, create=True) as it:
        for name in ("Ada", "Bob"):
            face = toy_pipeline.main_face(portrait(name))
            it.add([Template(name, face.embedding, face.embedder)])
        toy_pipeline.use(it)
        yield toy_pipeline


def walk(scene, seconds=4.0, rate=20):
    """Ada walks right all the time; Cyd stands below from 1 s to 3 s, with half a second's gap."""
    pictures = []
    for i in range(round(seconds * rate)):
        time = i / rate
        places = {"Ada": (10 + 30 * time, 10)}
        if 1 <= time < 3:
            places["Cyd"] = (60, 100)
        pictures.append(scene(places))
    return pictures


def told(answer):
    """All that an answer says, without how long it took."""
    row = film_row(answer, "film")
    row.pop("times")
    row.pop("frames")
    return json.dumps(row)


def test_a_film_says_who_is_on_screen_and_when(known, film, scene):
    answer = identify_film(film(walk(scene)), known)
    assert [(p.person, len(p.tracks)) for p in answer.people] == [("Ada", 1), ("unknown-1", 1)]
    [ada, cyd] = answer.appearances
    assert (ada.person, ada.start, ada.end) == ("Ada", 0.0, pytest.approx(4.0, abs=0.06))
    assert (cyd.start, cyd.end) == (pytest.approx(1.0, abs=0.06), pytest.approx(3.0, abs=0.11))
    assert answer.complete
    assert answer.reason is None
    assert answer.counts["given"] == 40  # ten looks a second


def test_who_comes_back_is_the_same_person(known, film, scene):
    here, away = scene({"Cyd": (10, 10)}), scene({})
    back = scene({"Cyd": (200, 100)})
    answer = identify_film(film([here] * 20 + [away] * 40 + [back] * 20), known)
    [cyd] = answer.people
    assert cyd.person == "unknown-1"
    assert len(cyd.tracks) == 2
    assert len(answer.appearances) == 2
    assert answer.people[0].seconds == pytest.approx(2.0, abs=0.11)


@pytest.mark.parametrize(("quarters", "reason"), [(0, None), (1, "turned-90"), (2, "turned-180")])
def test_the_most_certain_orientation_counts_not_any_in_which_a_face_is_found(
    film, quarters, reason
):
    def detector(image):  # certain if the light comes from above, less so from the left
        rows, columns = image.mean((1, 2)), image.mean((0, 2))
        sure = rows[:9].mean() - rows[-9:].mean() > 50
        weak = columns[:9].mean() - columns[-9:].mean() > 50
        return [Face(np.zeros(4, np.float32), 0.99 if sure else 0.8)] if sure or weak else []

    lit = np.zeros((64, 64, 3), np.uint8)
    lit[:32] = 200
    assert find_turn(film([np.ascontiguousarray(np.rot90(lit, quarters))] * 20), detector) == reason


def test_nobody_is_on_screen_after_the_last_frame(known, film, scene):
    # 83 frames at 20 a second, of which ten a second are sampled: the last one at 4.1 s.
    answer = identify_film(film([scene({"Ada": (10, 10)})] * 83), known)
    [ada] = answer.appearances
    assert ada.end == pytest.approx(4.15, abs=0.002)
    assert film_row(answer, "film")["seconds"] == pytest.approx(4.15, abs=0.002)


def test_two_on_screen_together_are_two_people_however_alike(known, film, scene):
    # Two squares of one colour, the second in a look-alike colour that the toy detector parts.
    twins = scene({"Ada": (10, 10)})
    twins[100:148, 180:228] = [249, 30, 30]
    answer = identify_film(film([twins] * 40), known)
    assert len(answer.people) == 2
    names = sorted(person.person for person in answer.people)
    assert names == ["Ada", "unknown-1"]
    doubted = next(p for p in answer.people if p.person == "unknown-1").decision
    assert doubted.outcome == "review"
    assert "is on screen at the same time" in doubted.reason


def test_nobody_is_followed_across_a_cut(known, film, scene):
    # Two shots: a ramp to the right, and one to the left, noisy so that nothing else is a square.
    ramp = np.linspace(20, 150, 260)[None, :, None]
    noise = np.random.default_rng(0).uniform(0, 60, (160, 260, 3))
    shots = []
    for ground in (ramp, ramp[:, ::-1]):
        image = (ground + noise).astype(np.uint8)
        image[40:88, 100:148] = scene({"Ada": (100, 40)})[40:88, 100:148]
        shots.append(image)
    answer = identify_film(film([shots[0]] * 20 + [shots[1]] * 20), known)
    assert answer.cuts == (pytest.approx(1.0, abs=0.06),)
    assert [track.decision.person for track in answer.tracks] == ["Ada", "Ada"]
    assert len(answer.people) == 1


def test_the_largest_face_is_listed_moment_by_moment(known, film, scene):
    small, large = scene({"Ada": (10, 10)}), scene({"Bob": (90, 20)}, side=90)
    both = np.maximum(small, large)
    answer = identify_film(film([small] * 20 + [both] * 20), known)
    spans = [(one.person, one.start, one.end) for one in answer.prominent]
    assert spans == [
        ("Ada", 0.0, pytest.approx(1.0, abs=0.06)),
        ("Bob", pytest.approx(1.0, abs=0.06), pytest.approx(2.0, abs=0.06)),
    ]


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_answer(known, film, scene, tmp_path):
    path, journal = film(walk(scene)), tmp_path / "film.looks"
    whole = told(identify_film(path, known))
    detector, calls = known.detector, []

    class Stopped:
        name, digest, device = detector.name, detector.digest, detector.device

        def __call__(self, image):
            calls.append(1)
            if len(calls) == 23:
                raise KeyboardInterrupt
            return detector(image)

    known.detector = Stopped()
    part = identify_film(path, known, journal=journal)
    assert (part.complete, part.reason) == (False, "interrupted")
    assert 1.5 <= part.seconds <= 2.5
    rest = identify_film(path, known, journal=journal)
    assert told(rest) == whole
    assert len(calls) == 23 + 40 - 20  # four half seconds were saved and not looked at again


def test_half_a_line_of_a_killed_run_is_forgotten(known, film, scene, tmp_path):
    path, journal = film(walk(scene)), tmp_path / "film.looks"
    whole = told(identify_film(path, known, journal=journal))
    data = journal.read_bytes()
    journal.write_bytes(data[: int(0.6 * len(data))])
    assert told(identify_film(path, known, journal=journal)) == whole


def test_a_journal_belongs_to_one_film_and_its_settings(known, film, scene, tmp_path):
    path, journal = film(walk(scene)), tmp_path / "film.looks"
    identify_film(path, known, journal=journal)
    with pytest.raises(FilmError, match="other sources or other settings"):
        identify_film(path, known, journal=journal, every=0.2)


def test_a_journal_is_for_its_owner_alone(known, film, scene, tmp_path):
    journal = tmp_path / "film.looks"
    identify_film(film(walk(scene, 1)), known, journal=journal)
    assert journal.stat().st_mode & 0o077 == 0


def test_a_full_disk_keeps_what_was_seen(known, film, scene, tmp_path, monkeypatch):
    written = []

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            written.append(data)
            if len(written) > 3:
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def __getattr__(self, name):
            return getattr(self.file, name)

    check = JsonLog._check

    def checked(self, settings):
        start = check(self, settings)
        self._file = Full(self._file)
        return start

    monkeypatch.setattr(JsonLog, "_check", checked)
    answer = identify_film(film(walk(scene)), known, journal=tmp_path / "film.looks")
    assert (answer.complete, answer.reason) == (False, "full")
    assert answer.people[0].person == "Ada"
    assert len(list(read_segments(tmp_path / "film.looks"))) == 3


def test_a_film_without_faces_has_no_people(known, film, scene):
    answer = identify_film(film([scene({})] * 20), known)
    assert (answer.people, answer.appearances, answer.tracks) == ((), (), ())
    assert answer.complete


def test_a_film_of_one_frame_shows_nobody_for_long_enough(known, film, scene):
    answer = identify_film(film([scene({"Ada": (10, 10)})]), known)
    assert answer.complete
    assert answer.counts["decoded"] == 1


def test_a_flicker_of_the_detector_is_nobody(known, film, scene):
    pictures = walk(scene, 2)
    pictures[10] = scene({"Ada": (25, 10), "Bob": (200, 100)})
    answer = identify_film(film(pictures), known, every=0)
    assert "Bob" not in [person.person for person in answer.people]


def test_without_an_embedder_faces_are_followed_but_not_joined(known, film, scene):
    known.embedder = known.gallery = None
    here, away = scene({"Cyd": (10, 10)}), scene({})
    answer = identify_film(film([here] * 20 + [away] * 40 + [here] * 20), known)
    assert [p.person for p in answer.people] == ["unknown-1", "unknown-2"]
    assert all(person.decision is None for person in answer.people)


@pytest.mark.parametrize("every", [-1, 61, float("nan")])
def test_looks_that_cannot_be_are_refused(known, film, scene, every):
    with pytest.raises(MienError, match="not valid"):
        identify_film(film([scene({})]), known, every=every)


def test_boxes_move_evenly_between_looks(known, film, scene, tmp_path):
    path, journal = film(walk(scene)), tmp_path / "film.looks"
    identify_film(path, known, journal=journal, every=0.5)
    with open_film(path) as opened:
        for frame, faces in with_faces(opened.frames(), read_segments(journal)):
            ada = min(faces, key=lambda face: face.box[1], default=None)
            if frame.time <= 3.5:
                assert ada.box[0] == pytest.approx(10 + 30 * frame.time, abs=1.0)


@pytest.mark.parametrize("every", [0.1, 0.5, 2.0])
def test_no_box_is_left_where_no_face_is(known, film, scene, tmp_path, every):
    # Ada leaves between two sampled frames, comes back elsewhere, and a cut takes her away between
    # two. Each box must lie on a square in its own frame.
    pictures = [scene({"Ada": (10 + 2 * k, 10)}) for k in range(27)] + [scene({})] * 9
    pictures += [scene({"Ada": (150, 60)}, side=90)] * 23 + [scene({"Cyd": (5, 5)}, side=110)] * 21
    path, journal = film(pictures), tmp_path / "film.segments"
    identify_film(path, known, journal=journal, every=every)
    boxes = 0
    with open_film(path) as opened:
        for frame, faces in with_faces(opened.frames(), read_segments(journal)):
            for face in faces:
                left, top, right, bottom = face.box.round().astype(int)
                inside = frame.image[top + 8 : bottom - 8, left + 8 : right - 8].reshape(-1, 3)
                assert inside.max() == 250, (frame.time, face.box)
                assert (np.ptp(inside, axis=1) == 220).mean() > 0.8, (frame.time, face.box)
                boxes += 1
    assert boxes >= (68 if every == 0.1 else 5)  # of 71 frames with a face


def test_a_blurred_film_hides_who_was_asked_for_in_every_frame(known, film, scene, tmp_path):
    path, journal = film(walk(scene)), tmp_path / "film.looks"
    answer = identify_film(path, known, journal=journal, every=0)
    out = tmp_path / "blurred.mp4"

    def unknown(person):
        return person is None or person.person != "Ada"

    write_blurred(path, read_segments(journal), answer, out, unknown)
    with open_film(path) as was, open_film(out) as now:
        for before, after in zip(was.frames(), now.frames(), strict=True):
            x = round(10 + 30 * before.time)
            ada = np.s_[12:50, x + 2 : x + 40]
            assert abs(before.image[ada].astype(int) - after.image[ada]).mean() < 12
            if 1 <= before.time < 3:  # its mean colour goes into that of the black around it
                assert after.image[80:104, 60:84, 2].mean() < 0.8 * 250


def test_a_marked_film_has_the_frames_of_the_film(known, film, scene, tmp_path):
    path, journal = film(walk(scene)), tmp_path / "film.looks"
    answer = identify_film(path, known, journal=journal)
    write_marked(path, read_segments(journal), answer, tmp_path / "marked.mp4")
    with open_film(tmp_path / "marked.mp4") as marked:
        images = [frame.image for frame in marked.frames()]
    assert len(images) == 80
    green = images[40][..., 1].astype(int) - images[40][..., 0]
    assert (green > 60).sum() > 50  # the box of a match


def test_a_track_that_passes_on_to_somebody_else_is_parted(known, film, scene, tmp_path):
    # No cut and no jump: Ada's place is taken by Bob from one frame to the next.
    pictures = [scene({"Ada": (60, 40)})] * 30 + [scene({"Bob": (60, 40)})] * 30
    path, journal = film(pictures), tmp_path / "film.looks"
    answer = identify_film(path, known, journal=journal)
    assert [(one.person, one.start) for one in answer.appearances] == [
        ("Ada", 0.0),
        ("Bob", pytest.approx(1.5, abs=0.5)),
    ]
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:6]))
    assert told(identify_film(path, known, journal=journal)) == told(answer)


def test_a_source_that_stalls_leaves_what_was_seen(known, film, scene, monkeypatch):
    path = film(walk(scene))
    read = Film.frames

    def stalling(self, **how):
        for frame in read(self, **how):
            if frame.time > 2.2:
                raise FilmError("It sent nothing for 20 s.")
            yield frame

    monkeypatch.setattr(Film, "frames", stalling)
    answer = identify_film(path, known)
    assert (answer.complete, answer.reason) == (False, "lost")
    assert 1.5 <= answer.seconds <= 2.2
    assert answer.people[0].person == "Ada"
