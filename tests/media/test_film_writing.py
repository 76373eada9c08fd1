import subprocess
import sys

import av
import numpy as np
import pytest

from mien.errors import FilmError
from mien.media import FilmWriter, hide_faces, open_film, read_sound
from mien.media.film_writing import partial

GREY = np.full((48, 64, 3), 120, np.uint8)


@pytest.mark.realdata
@pytest.mark.parametrize(
    "clip", ["face_recognition/short_hamilton_clip.mp4", "LipNet/bbaf2n.mpg"], ids=["aac", "mp2"]
)
def test_a_copy_keeps_the_times_and_the_sound(data, tmp_path, clip):
    source = data / "assets" / clip
    with open_film(source) as film, FilmWriter(tmp_path / "o.mp4", sound_of=source) as writer:
        times = []
        for frame in film.frames(end=2.0):
            writer.add(frame.image, frame.time)
            times.append(frame.time)
    with open_film(tmp_path / "o.mp4") as copy:
        assert [f.time for f in copy.frames()] == pytest.approx(times, abs=1e-3)
    was = np.concatenate([s for _, s in read_sound(source)])
    now = np.concatenate([s for _, s in read_sound(tmp_path / "o.mp4")])
    count = min(len(was), len(now))
    # In step: a shift of a few milliseconds would part them.
    assert np.corrcoef(was[1000:count], now[1000:count])[0, 1] > 0.95


def test_odd_sizes_are_written(tmp_path):
    with FilmWriter(tmp_path / "o.mp4") as writer:
        writer.add(np.full((47, 63, 3), 200, np.uint8), 0.0)
    with open_film(tmp_path / "o.mp4") as film:
        image = next(film.frames()).image
    assert image.shape == (48, 64, 3)
    assert image.min() > 190


def test_a_frame_of_another_size_is_fitted(tmp_path):
    with FilmWriter(tmp_path / "o.mp4") as writer:
        writer.add(GREY, 0.0)
        writer.add(np.full((96, 64, 3), 250, np.uint8), 0.1)
    with open_film(tmp_path / "o.mp4") as film:
        _, tall = [frame.image for frame in film.frames()]
    assert tall.shape == GREY.shape
    assert tall[24, 32].min() > 240
    assert tall[24, 4].max() < 20  # black beside it


def test_a_block_that_fails_leaves_a_film_marked_as_partial(tmp_path):
    def broken():
        with FilmWriter(tmp_path / "o.mp4") as writer:
            for number in range(30):
                writer.add(GREY, number / 25)
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        broken()
    assert [path.name for path in tmp_path.iterdir()] == ["o.partial.mp4"]
    with open_film(partial(tmp_path / "o.mp4")) as film:
        assert len(list(film.frames())) == 30


def test_a_film_without_frames_is_not_written(tmp_path):
    with FilmWriter(tmp_path / "o.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [("o.txt", "must end in"), ("no/where/o.mp4", "does not exist"), ("f.mp4", "folder")],
)
def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path, name, told):
    (tmp_path / "f.mp4").mkdir()
    with pytest.raises(FilmError, match=told):
        FilmWriter(tmp_path / name)


def test_time_must_go_on(tmp_path):
    with FilmWriter(tmp_path / "o.mp4") as writer:
        writer.add(GREY, 1.0)
        with pytest.raises(FilmError, match="is not after"):
            writer.add(GREY, 1.0)


FULL = """
import resource, signal, sys
import numpy as np
from mien.media import FilmWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
with FilmWriter(sys.argv[1]) as writer:
    for number in range(400):
        noise = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
        writer.add(noise, number / 25)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_full_disk_keeps_what_was_written(tmp_path):
    # A limit on file sizes fails as a full disk does: in the middle of a write.
    run = [sys.executable, "-c", FULL, str(tmp_path / "o.mp4")]
    done = subprocess.run(run, capture_output=True, text=True)
    assert "FilmError" in done.stderr
    assert "The part that is written is kept" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["o.partial.mp4"]
    with open_film(tmp_path / "o.partial.mp4") as film:
        assert len(list(film.frames())) > 10


def test_a_hidden_face_is_gone_and_the_rest_is_as_it_was():
    image = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    box = np.array([100, 60, 160, 140], np.float32)
    hidden = hide_faces(image, [box])
    inner = np.s_[70:130, 110:150]
    assert hidden[inner].std() < 0.3 * image[inner].std()
    outside = np.ones(image.shape[:2], bool)
    outside[30:170, 75:185] = False
    assert (hidden[outside] == image[outside]).all()


def test_a_face_at_the_edge_is_hidden_as_far_as_there_is_a_picture():
    image = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    hidden = hide_faces(image, [np.array([-30, -30, 30, 30], np.float32)])
    assert hidden[:20, :20].std() < 0.4 * image[:20, :20].std()
    assert (hide_faces(image, [np.array([200, 200, 260, 260], np.float32)]) == image).all()


def test_av_reads_what_was_written(tmp_path):
    with FilmWriter(tmp_path / "o.mkv") as writer:
        writer.add(GREY, 0.0)
    with av.open(str(tmp_path / "o.mkv")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
