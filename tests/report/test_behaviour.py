import re

import numpy as np
import pytest
from tests import toys
from tests.toy_faces import Masks, Moods, Squares, Tone, scene

from mien.errors import MienError
from mien.film import Analyzer, analyze
from mien.film.annotate_table import write_annotated
from mien.media import open_film, read_image, write_image
from mien.media.overlays import Bar, Overlay, draw_overlays
from mien.photo import Pipeline
from mien.report.behaviour import write_behaviour
from mien.report.svg_series import panel, pieces, ridge, thinned

film = toys.film


@pytest.fixture
def kit():
    pipeline = Pipeline(detector=Squares(), heads=[Tone(), Moods()])
    return Analyzer(pipeline=pipeline, landmarker=Masks(), points="mesh")


def test_what_was_not_seen_is_a_gap_and_not_a_line():
    times, values = np.arange(10.0), np.array([1, 2, 3, np.nan, np.nan, np.nan, 4, 5, 6, 7.0])
    parts = pieces(times, values, 1.5)
    assert [(t[0], t[-1]) for t, _ in parts] == [(0, 2), (6, 9)]
    drawn = panel("yaw", "degree", times, [("yaw", values)], seconds=10.0)
    [line] = drawn.lines
    assert len(line.pieces) == 2
    assert line.pieces[0].split()[0].startswith("0.0,")
    assert line.last == "4.0"
    assert panel("yaw", "degree", times, [("yaw", values * np.nan)], seconds=10.0) is None
    assert len(ridge(times, values, seconds=10.0, top=5.0, height=26.0)) == 2


def test_a_head_that_is_read_less_often_is_one_line():
    times = np.arange(0, 2, 0.04)
    values = np.where(np.arange(50) % 5 == 0, 1.0, np.nan)
    [line] = panel("age", "year", times, [("age", values)], seconds=2.0).lines
    assert len(line.pieces) == 1


def test_thinning_keeps_the_highest_and_the_lowest():
    rng = np.random.default_rng(0)
    times, values = np.arange(20_000.0), rng.normal(size=20_000)
    values[12_345], values[777] = 50, -50
    t, v = thinned(times, values, 400)
    assert len(t) <= 402
    assert (v.max(), v.min()) == (50, -50)
    assert (np.diff(t) > 0).all()


def test_the_page_shows_charts_gaps_pictures_and_limits(kit, film, tmp_path):
    clip = film([scene((20, 20))] * 60 + [scene()] * 30)
    write_image(tmp_path / "one.png", scene((20, 20)))
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    table = analyze([clip, tmp_path / "one.png", tmp_path / "bad.mp4"], kit)
    write_behaviour(tmp_path / "page.html", table)
    page = (tmp_path / "page.html").read_text()
    assert "A score is not a fact about a person" in page
    assert page.count('<polyline class="curve') >= 8
    assert page.count('class="ridge"') >= 15
    assert re.search(r'class="gap" x="\d[^>]*><title>no-face, 0:03.0 to 0:0', page)
    assert "film.mkv" in page
    assert page.count("data:image/jpeg;base64") >= 3  # a portrait, a poster, the picture
    assert "moods-1@4" in page
    assert "http" not in page.replace("http://www.w3.org", "")  # asks no network
    with pytest.raises(MienError, match=r"must end in \.html"):
        write_behaviour(tmp_path / "page.txt", table)


def test_a_page_about_nobody_is_a_page(kit, film, tmp_path):
    write_behaviour(tmp_path / "page.html", analyze([film([scene()] * 5)], kit))
    assert "No face was found." in (tmp_path / "page.html").read_text()


def test_a_painted_film_has_all_frames_and_something_on_each_face(kit, film, tmp_path):
    clip = film([scene((40, 40), size=(240, 420), side=120)] * 10 + [scene(size=(240, 420))] * 5)
    table = analyze([clip], kit)
    write_annotated(table, clip, tmp_path / "out.mp4")
    with open_film(tmp_path / "out.mp4") as painted, open_film(clip) as plain:
        pairs = list(zip(painted.frames(), plain.frames(), strict=True))
    assert len(pairs) == 15
    change = [np.abs(a.image.astype(int) - b.image).mean() for a, b in pairs]
    assert min(change[:10]) > 3
    corner = [np.abs(a.image.astype(int) - b.image)[:40, :200].mean() for a, b in pairs]
    assert corner[-1] > 5 * max(corner[0], 0.2)  # the reason stands in the corner


def test_a_painted_picture_is_written(kit, tmp_path):
    write_image(tmp_path / "one.png", scene((40, 40), size=(300, 500), side=160))
    table = analyze([tmp_path / "one.png"], kit)
    write_annotated(table, tmp_path / "one.png", tmp_path / "out.png")
    assert (read_image(tmp_path / "out.png") != read_image(tmp_path / "one.png")).any()


def test_bars_never_lie_on_a_face_and_are_left_out_where_there_is_no_room():
    image = np.full((400, 600, 3), 128, np.uint8)
    bars = [Bar(f"AU{i:02d}", 0.5, "2.5") for i in range(7)]
    boxes = [np.float32([60, 60, 200, 220]), np.float32([330, 100, 470, 260])]
    drawn = draw_overlays(image, [Overlay(box, "Ada", bars=bars) for box in boxes])
    for left, top, right, bottom in (box.astype(int) for box in boxes):
        assert (drawn[top + 8 : bottom - 8, left + 8 : right - 8] == 128).all()
    assert (drawn != image).any()
    tight = draw_overlays(
        image[:170, :150], [Overlay(np.float32([2, 2, 148, 168]), "Ada", bars=bars)]
    )
    assert (tight == 128).all()
    assert (image == 128).all()  # a copy was drawn on
