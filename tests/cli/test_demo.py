import pytest
from typer.testing import CliRunner

from mien.cli.main import app
from mien.errors import MienError

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run of the whole demo, twice into the same folder: its own is no obstacle."""
    out = tmp_path_factory.mktemp("run") / "demo"
    results = [CliRunner(env={"COLUMNS": "80"}).invoke(app, ["demo", "--out", str(out)])]
    results.append(CliRunner(env={"COLUMNS": "80"}).invoke(app, ["demo", "--out", str(out)]))
    return out, results


def test_every_picture_is_answered_as_it_should_be(run):
    _, results = run
    for result in results:
        assert result.exit_code == 0, result.output
        assert "; 0 not as expected" in result.stdout


def test_the_table_fits_into_80_columns(run):
    lines = run[1][0].stdout.splitlines()
    table = lines[: lines.index("")]
    assert len(table) == 40
    assert max(map(len, table)) <= 80


def test_page_galleries_and_pictures_are_there(run):
    out, _ = run
    assert 200_000 < (out / "report.html").stat().st_size < 3_000_000
    assert len(list((out / "pictures").iterdir())) == 39
    assert {p.name for p in out.glob("*.mien")} == {
        "everybody.mien",
        "Grace Hopper.mien",
        "Eileen Collins.mien",
    }


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert isinstance(result.exception, MienError)
