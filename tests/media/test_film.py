from fractions import Fraction

import av
import av.filter
import numpy as np
import pytest

from mien.errors import FilmError
from mien.media import FilmWriter, Limits, is_film, open_film, read_sound
from mien.media.film import STUBBORN

STAMPS = [0.0, 0.02, 0.1, 0.35, 0.36, 0.9, 1.5, 1.533, 2.0, 2.25]  # a rate that varies


def plain(number, height=48, width=64):
    """A picture whose grey value tells its number."""
    return np.full((height, width, 3), 20 + 20 * number, np.uint8)


@pytest.fixture
def film(tmp_path):
    """Return make(stamps, name) -> a film of plain pictures at these times."""

    def make(stamps=STAMPS, name="film.mp4"):
        with FilmWriter(tmp_path / name) as writer:
            for number, stamp in enumerate(stamps):
                writer.add(plain(number), stamp)
        return tmp_path / name

    return make


def raw(path, pictures, *, aspect=None, kind="mpeg4", rate=25):
    """Write a film by hand, with what FilmWriter does not write."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(kind, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def test_times_of_a_film_with_varying_rate_are_those_of_its_stamps(film):
    with open_film(film()) as opened:
        frames = list(opened.frames())
    errors = [abs(frame.time - stamp) for frame, stamp in zip(frames, STAMPS, strict=True)]
    assert max(errors) < 1e-4
    greys = [float(frame.image.mean()) for frame in frames]
    assert np.allclose(greys, [plain(i).mean() for i in range(len(STAMPS))], atol=3)
    assert [frame.number for frame in frames] == list(range(len(STAMPS)))


def test_sampling_gives_the_first_frame_of_each_step_and_counts_the_others(film):
    with open_film(film()) as opened:
        times = [frame.time for frame in opened.frames(every=0.5)]
        counts = opened.counts
    assert np.allclose(times, [0.0, 0.9, 1.5, 2.0], atol=1e-4)
    assert (counts.decoded, counts.given, counts.sampled_out) == (10, 4, 6)


def test_a_start_and_an_end_give_the_frames_between(film):
    with open_film(film()) as opened:
        times = [frame.time for frame in opened.frames(start=0.36, end=1.533)]
        assert np.allclose(times, [0.36, 0.9, 1.5], atol=1e-4)
        assert len(list(opened.frames())) == len(STAMPS)  # and again from the start


@pytest.mark.realdata
def test_a_start_is_kept_where_the_format_lands_behind_it(data):
    with open_film(data / "assets/LipNet/bbaf2n.mpg") as opened:
        assert next(opened.frames(start=1.0)).time == pytest.approx(1.0, abs=0.04)


@pytest.mark.realdata
def test_sound_that_begins_first_is_where_a_player_starts(data):
    # The header of this clip starts the sound at 0.008 s and the pictures at 0.852 s.
    with open_film(data / "assets/face_recognition/short_hamilton_clip.mp4") as opened:
        assert next(opened.frames()).time == pytest.approx(0.844, abs=1e-3)
    start, samples = next(
        iter(read_sound(data / "assets/face_recognition/short_hamilton_clip.mp4"))
    )
    assert (start, len(samples)) == (pytest.approx(0, abs=1e-3), 16_000)


def test_pixels_that_are_not_square_become_so(tmp_path):
    path = raw(tmp_path / "wide.mkv", [plain(3)] * 3, aspect=(2, 1))
    with open_film(path) as opened:
        assert next(opened.frames()).image.shape == (48, 128, 3)


@pytest.mark.parametrize(("degrees", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (-90, (0, -1))])
def test_a_phone_film_stands_upright(tmp_path, degrees, corner):
    # FFmpeg's flag counts anticlockwise; a phone held upright writes -90.
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:24, :24] = 255  # top left
    path = raw(tmp_path / "phone.mp4", [picture] * 3)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(with_matrix(path.read_bytes(), degrees))
    with open_film(turned) as opened:
        image = next(opened.frames()).image
    spots = {(y, x): int(image[y, x].mean()) for y in (0, -1) for x in (0, -1)}
    assert max(spots, key=lambda spot: spots[spot]) == corner
    assert image.shape == ((64, 96, 3) if degrees == 180 else (96, 64, 3))


def with_matrix(data, degrees):
    """The same MP4 with a rotation in its track header (ISO/IEC 14496-12, 8.3.2)."""
    one = 1 << 16
    cosine, sine = {90: (0, -1), 180: (-1, 0), -90: (0, 1)}[degrees]
    matrix = [cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30]
    place = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version 0: up to the matrix
    packed = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    return data[:place] + packed + data[place + 36 :]


def test_interlaced_frames_are_made_whole(tmp_path):
    # A white bar that is further right in every other line, as it moved between the fields.
    pictures = []
    for number in range(8):
        picture = np.zeros((64, 96, 3), np.uint8)
        picture[0::2, 10 + 4 * number : 20 + 4 * number] = 255
        picture[1::2, 18 + 4 * number : 28 + 4 * number] = 255
        pictures.append(picture)
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.bit_rate = 8_000_000
        flag = av.filter.Graph()
        flag.link_nodes(
            flag.add_buffer(width=96, height=64, format="yuv420p", time_base=Fraction(1, 25)),
            flag.add("setfield", "mode=tff"),
            flag.add("buffersink"),
        ).configure()
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            flag.vpush(frame)
            container.mux(stream.encode(flag.vpull()))
        container.mux(stream.encode(None))
    with open_film(path) as opened:
        frames = list(opened.frames())

    def comb(image):  # how much neighbouring lines differ
        return float(np.abs(np.diff(image[..., 1].astype(int), axis=0)).mean())

    assert [round(frame.time, 2) for frame in frames] == [i * 0.04 for i in range(8)]
    assert comb(frames[4].image) < 0.5 * comb(pictures[4])


def test_every_common_codec_is_read(tmp_path):
    for kind, suffix in [("mpeg4", ".avi"), ("mpeg2video", ".mpg"), ("ffv1", ".mkv")]:
        path = raw(tmp_path / f"film{suffix}", [plain(i) for i in range(5)], kind=kind)
        with open_film(path) as opened:
            assert len(list(opened.frames())) == 5, kind


def test_a_damaged_stretch_is_stepped_over_and_counted(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(60)]
    path = raw(tmp_path / "film.mkv", pictures)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 9000] = bytes(9000)
    path.write_bytes(data)
    with open_film(path) as opened:
        times = [frame.time for frame in opened.frames()]
        assert opened.reason == "damaged"
        assert opened.counts.damaged >= 1
    assert 40 < len(times) < 60
    assert times[-1] > 2.2  # what comes after the damage is read


def test_a_film_that_was_cut_short_says_so(tmp_path):
    pictures = [np.random.default_rng(i).integers(0, 255, (48, 64, 3), np.uint8) for i in range(99)]
    path = raw(tmp_path / "film.mkv", pictures)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_film(path) as opened:
        frames = list(opened.frames())
        assert opened.reason == "ended-early"
    assert 20 < len(frames) < 80


def test_stamps_that_repeat_or_go_back_are_counted_and_skipped(film):
    with open_film(film()) as opened:
        from mien.media.film import _Sampling

        chosen = _Sampling(0.0, None, 0.0)
        kept = [
            stamp for stamp in (0.0, 0.1, 0.1, 0.05, 0.2) if chosen(stamp, False, opened.counts)
        ]
    assert (kept, opened.counts.repeated) == ([0.0, 0.1, 0.2], 2)


def test_a_film_of_one_frame_is_a_film(film):
    with open_film(film([0.0])) as opened:
        assert len(list(opened.frames())) == 1
        assert opened.reason is None


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "is empty"), (b"no film at all" * 99, "not a film"), (None, "does not exist")],
)
def test_what_is_no_film_is_refused_in_a_sentence(tmp_path, content, told):
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FilmError, match=told):
        open_film(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(FilmError, match="folder"):
        open_film(tmp_path)


def test_sound_alone_is_refused_as_a_film(tmp_path):
    with pytest.raises(FilmError, match="no video stream, only audio"):
        open_film(tone(tmp_path / "tone.wav"))


def test_a_film_larger_than_the_limits_is_refused(film):
    with pytest.raises(ValueError, match="more than the 100 permitted"):
        open_film(film(), limits=Limits(max_pixels=100))


def test_the_first_frame_of_a_shot_is_given_and_marked(film):
    seen = []

    def glance(small):
        seen.append(small.shape)
        return len(seen) in (3, 5)  # the frames at 0.1 and 0.36

    with open_film(film()) as opened:
        given = [(frame.time, frame.cut) for frame in opened.frames(every=0.5, glance=glance)]
    cuts = [time for time, cut in given if cut]
    assert cuts == [pytest.approx(0.1, abs=1e-3), pytest.approx(0.36, abs=1e-3)]
    assert len(given) == 4 + 2  # each start of a shot is given, beside one frame per half second
    assert seen == [(36, 64, 3)] * len(STAMPS)


def test_films_are_told_by_their_suffix():
    assert is_film("a/B.MP4")
    assert not is_film("a/b.jpg")


def tone(path, seconds=2.5, rate=44_100):
    """A sound of 440 Hz at half loudness."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        wave = np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate) * 16_384
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_sound_comes_in_blocks_on_the_clock_of_the_film(tmp_path):
    blocks = list(read_sound(tone(tmp_path / "tone.wav"), rate=16_000))
    assert [start for start, _ in blocks] == pytest.approx([0, 1, 2], abs=1e-3)
    assert [len(samples) for _, samples in blocks][:2] == [16_000, 16_000]
    loud = np.concatenate([samples for _, samples in blocks])
    assert loud.dtype == np.float32
    assert np.sqrt((loud[1000:-1000] ** 2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_a_film_without_sound_says_so(film):
    with pytest.raises(FilmError, match="no sound"):
        next(iter(read_sound(film())))


def test_a_gap_in_the_sound_is_filled_with_silence():
    from mien.media.sound import _blocks

    ones = np.ones(100, np.float32)
    blocks = list(_blocks(iter([(0.0, ones), (0.5, ones)]), rate=1000, size=300))
    whole = np.concatenate([samples for _, samples in blocks])
    assert [round(start, 3) for start, _ in blocks] == [0.0, 0.3]
    assert whole[:100].all()
    assert not whole[100:500].any()
    assert whole[500:].all()


def test_reading_gives_up_on_a_file_that_only_fails(film, monkeypatch):
    class Broken:
        def demux(self, stream):
            raise av.error.InvalidDataError(1, "bad")

    with open_film(film()) as opened:
        container, opened._container = opened._container, Broken()
        Broken.streams = container.streams
        assert list(opened._packets()) == []
        assert opened.counts.damaged == STUBBORN
        opened._container = container


def test_a_film_that_begins_within_a_group_of_pictures_is_damaged(tmp_path):
    path = tmp_path / "x.ts"
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 160, "yuv420p"
        noise = np.random.default_rng(0).integers(0, 255, (160, 160, 3), np.uint8)
        for shift in range(40):
            picture = np.roll(noise, shift, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    with open_film(path) as film:
        list(film.frames())
        assert film.reason is None
    path.write_bytes(data[len(data) // 188 // 5 * 188 :])  # whole packets of the stream
    with open_film(path) as film:
        list(film.frames())
        assert film.counts.decoded < film.counts.packets
        assert film.counts.damaged > 0
        assert film.reason == "damaged"
