import numpy as np
import pytest
import typer
from tests.toys import AllButBlack, MeanColours
from typer.testing import CliRunner

from mien.cli.calibrate import calibrate
from mien.decision import read_calibration
from mien.errors import MienError
from mien.media import write_image
from mien.photo import Pipeline


@pytest.fixture
def folder(tmp_path):
    """Sixty people, each of one colour, two pictures each that differ a little."""
    random = np.random.default_rng(0)
    for number in range(60):
        colour = random.integers(20, 236, 3)
        for picture in range(2):
            shade = (colour + random.integers(-15, 16, 3)).astype(np.uint8)
            path = tmp_path / "people" / f"p{number:02d}" / f"{picture}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.full((32, 32, 3), shade, np.uint8))
    write_image(tmp_path / "people" / "p00" / "black.png", np.zeros((32, 32, 3), np.uint8))
    return tmp_path / "people"


@pytest.fixture
def run(monkeypatch):
    """Run the command with toy models; an error of ours is raised."""
    toy = Pipeline(detector=AllButBlack(), embedder=MeanColours())
    monkeypatch.setattr("mien.cli.calibrate.opened", lambda *names, **chosen: toy)
    app = typer.Typer()
    app.command()(calibrate)

    def once(*words):
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)

    return once


def test_a_folder_of_people_becomes_a_file_that_opens(run, folder, tmp_path):
    out, plot = tmp_path / "mine.json", tmp_path / "mine.png"
    words = ("--check", "4", "--out", out, "--plot", plot, "--suspects", 2)
    result = run(folder, *words, "--detector", "finder", "--embedder", "colours")
    assert result.exit_code == 0
    made = read_calibration(out)
    assert (made.name, made.contract, made.detector) == ("mine", "colours/1/3", "finder")
    assert made.check is not None
    assert made.people + made.check.people == 60
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert "too few to measure a rate" in result.stderr  # nine of sixty are held out
    assert f"{made.strictest.threshold:.4f}" in result.stdout
    assert "check for wrong labels" in result.stdout


def test_with_enough_people_the_check_is_told(run, folder, tmp_path):
    result = run(folder, "--check", "2-4", "--out", tmp_path / "mine.json")
    assert "FMR target" in result.stdout
    assert len(read_calibration(tmp_path / "mine.json").check.rates) > 2


def test_a_picture_without_a_face_is_told_and_counted(run, folder, tmp_path):
    result = run(folder, "--out", tmp_path / "mine.json")
    assert "left out: " in result.stderr
    assert "finder finds no face" in result.stderr
    assert "120 images; 1 more failed (no face)" in read_calibration(tmp_path / "mine.json").data


def test_nothing_in_the_file_names_a_folder_of_this_machine(run, folder, tmp_path):
    run(folder, "--out", tmp_path / "mine.json", "--vectors", tmp_path / "vectors.npz")
    assert str(tmp_path) not in (tmp_path / "mine.json").read_text()
    assert read_calibration(tmp_path / "mine.json").command.startswith(
        "mien calibrate people --out"
    )


@pytest.mark.parametrize(
    ("folds", "says"),
    [
        (("--folds", "0-9"), "in folds 0, 1, 2, 3, 4"),
        (("--folds", "x"), "names no folds"),
        (("--check", "3-1"), "do not all exist"),
        (("--folds", "0-4", "--check", "4"), "both in the sample and in its check"),
    ],
)
def test_folds_that_cannot_be_are_refused(run, folder, tmp_path, folds, says):
    with pytest.raises(MienError, match=says):
        run(folder, *folds, "--out", tmp_path / "mine.json")
    assert not (tmp_path / "mine.json").exists()


@pytest.mark.parametrize("option", ["--out", "--plot", "--vectors"])
def test_a_file_that_could_not_be_written_is_refused_before_the_work(run, tmp_path, option):
    places = {"--out": tmp_path / "mine.json", option: tmp_path / "nowhere" / "file"}
    words = [word for pair in places.items() for word in pair]
    (tmp_path / "people").mkdir()
    with pytest.raises(MienError, match="does not exist; create it"):
        run(tmp_path / "people", *words)
