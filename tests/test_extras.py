"""Without its extra, a command ends with one sentence that names it; what needs none just works."""

import subprocess
import sys

import pytest

from mien.errors import MissingExtraError, extra

# As if the packages of every extra were not installed.
BARE = """
import sys
OPTIONAL = {"pandas", "pyarrow", "matplotlib", "h5py", "torch", "onnx", "pillow_heif"}
OPTIONAL |= {"ai_edge_litert", "cryptography", "keyring", "numba", "psycopg", "pymilvus", "ray"}
OPTIONAL |= {"fastapi", "uvicorn", "python_multipart"}
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in OPTIONAL:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nowhere())
"""


def bare(code, *words):
    script = f"{BARE}\nsys.argv = ['mien', *sys.argv[1:]]\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True
    )


def test_a_missing_package_becomes_a_sentence_with_its_extra():
    says = r"^A table needs nosuch, which is not installed; run: pip install 'mien\[tables\]'$"
    with pytest.raises(MissingExtraError, match=says), extra("tables", "A table"):
        import nosuch  # noqa: F401


def test_a_missing_module_of_ours_stays_a_bug():
    with pytest.raises(ModuleNotFoundError, match=r"mien\.nosuch"), extra("tables", "A table"):
        import mien.nosuch  # noqa: F401


def test_a_heic_picture_without_its_extra_is_one_unreadable_picture_among_others(tmp_path):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    done = bare(
        "from mien.errors import ImageError\nfrom mien.media import read_image\n"
        "try: read_image(sys.argv[1])\nexcept ImageError as error: print(error)",
        tmp_path / "IMG_1.HEIC",
    )
    assert "IMG_1.HEIC, a HEIC image, needs pillow_heif, which is not installed" in done.stdout, (
        done.stderr
    )
    assert done.stdout.endswith("'mien[heic]', or save the image as JPEG.\n")


def test_a_network_that_runs_on_litert_names_its_extra():
    done = bare(
        "from pathlib import Path\nfrom mien.runtime import LiteSession\n"
        "LiteSession(Path('mesh.tflite'), (1, 8, 8, 3))"
    )
    says = "The graph mesh.tflite needs ai_edge_litert, which is not installed; run: pip install"
    assert f"{says} 'mien[analyze]'" in done.stderr


def test_a_signed_receipt_names_its_extra(tmp_path):
    done = bare(
        "from pathlib import Path\nfrom mien.gallery.receipts import make_key\n"
        "make_key(Path(sys.argv[1]))",
        tmp_path / "key.pem",
    )
    assert "A signed receipt needs cryptography, which is not installed" in done.stderr
    assert "'mien[secure]'" in done.stderr
    assert not (tmp_path / "key.pem").exists()


def test_a_gallery_on_a_server_names_its_extra():
    done = bare("from mien.gallery import is_there\nis_there('postgresql://host/db')")
    assert "A gallery in PostgreSQL needs psycopg, which is not installed" in done.stderr
    assert "'mien[pgvector]'" in done.stderr
    done = bare("from mien.photo.cluster import Cluster\nCluster('local', {}, print)")
    assert "Work on a Ray cluster needs ray, which is not installed" in done.stderr
    done = bare("from mien.gallery import is_there\nis_there('milvus://host?records=x')")
    assert "A gallery in Milvus needs pymilvus, which is not installed" in done.stderr


def test_converters_and_the_main_job_are_imported_without_extras():
    done = bare(
        "import mien.service, mien.photo, mien.film, mien.albums, mien.gallery.sqlite\n"
        "import mien.zoo.convert.dlib, mien.zoo.convert.mtcnn, mien.zoo.convert.mobilefacenet"
    )
    assert done.returncode == 0, done.stderr


def test_everything_but_the_tables_themselves_is_imported_without_extras():
    done = bare(
        "import mien.film.annotate_table, mien.film.live, mien.report.behaviour, mien.tables\n"
        "assert mien.tables.Column('yaw', 'degree', 'poses').unit == 'degree'"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["analyze", "film.mp4", "-o", "t.parquet"], "analyze"),
        (["baseline", "fit", "film.mp4", "-o", "b.json"], "analyze"),
        (["calibrate", "people", "--out", "c.json", "--plot", "c.png"], "plots"),
        (["train", "age-fahr"], "train"),
        (["serve"], "server"),
        (["serve", "keys", "list"], "server"),
    ],
    ids=["analyze", "baseline", "calibrate", "train", "serve", "keys"],
)
def test_a_command_that_lacks_its_extra_says_so_at_once(tmp_path, monkeypatch, words, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people/Ada").mkdir(parents=True)
    (tmp_path / "film.mp4").touch()
    done = bare("from mien.cli.main import main; main()", *words)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"pip install 'mien[{name}]'" in done.stderr


def test_the_extras_of_doctor_are_those_of_the_package():
    import tomllib
    from pathlib import Path

    from mien.cli.doctor import EXTRAS, extras

    text = (Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8")
    known = set(tomllib.loads(text)["project"]["optional-dependencies"])
    ours = {"docs", "bench", "test", "page", "fuzz"}
    assert known - set(EXTRAS) == {"tables", *ours}  # an alias, and for us
    assert all(name in extras() for name in EXTRAS)  # installed or not
