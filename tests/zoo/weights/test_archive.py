import io
import tarfile
import zipfile

import pytest

from mien.errors import WeightsError
from mien.zoo.weights import archive

WEIGHTS = b"weights" * 100


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "w"


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in members:
            pack.writestr(name, content)
    return path


def tarred(path, members):
    with tarfile.open(path, "w:gz") as pack:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                pack.addfile(info)
            else:
                info.size = len(content)
                pack.addfile(info, io.BytesIO(content))
    return path


def test_a_zip_gives_the_member_that_was_asked_for(tmp_path, out):
    pack = zipped(tmp_path / "p.whl", [("a/w.bin", WEIGHTS), ("w.bin", b"another")])
    archive.take(pack, {"a/w.bin": (out, len(WEIGHTS))})
    assert out.read_bytes() == WEIGHTS


def test_an_sdist_gives_members_of_its_top_folder(tmp_path, out):
    pack = tarred(tmp_path / "p-1.tar.gz", [("p-1/a/w.bin", WEIGHTS), ("p-1/b", b"")])
    archive.take(pack, {"a/w.bin": (out, len(WEIGHTS))})
    assert out.read_bytes() == WEIGHTS


def test_names_that_climb_out_are_never_written(tmp_path, out):
    climbing = [(f"../{n}", b"evil") for n in ("w", "x")] + [("/evil", b"evil"), ("w", WEIGHTS)]
    archive.take(zipped(tmp_path / "p.zip", climbing), {"w": (out, len(WEIGHTS))})
    inside = [("p/" + name, content) for name, content in climbing]
    archive.take(tarred(tmp_path / "p.tar.gz", inside), {"w": (out, len(WEIGHTS))})
    assert out.read_bytes() == WEIGHTS
    assert {p.name for p in tmp_path.rglob("*")} == {"out", "w", "p.zip", "p.tar.gz"}


def test_a_link_in_the_place_of_weights_is_refused(tmp_path, out):
    pack = tarred(tmp_path / "p.tar.gz", [("p/w", "/etc/passwd")])
    with pytest.raises(WeightsError, match="is a link or folder"):
        archive.take(pack, {"w": (out, 10)})
    assert not out.exists()


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_member_of_another_size_is_not_unpacked(tmp_path, out, pack):
    # A bomb tells its size in the table of contents; it is believed and refused.
    made = pack(tmp_path / "p.tar.gz" if pack is tarred else tmp_path / "p.zip", [("p/w", WEIGHTS)])
    wanted = "w" if pack is tarred else "p/w"
    with pytest.raises(WeightsError, match="has 700 bytes, but its card states 10"):
        archive.take(made, {wanted: (out, 10)})
    assert not out.exists()


def test_a_missing_member_is_named(tmp_path, out):
    pack = zipped(tmp_path / "p.zip", [("w", WEIGHTS)])
    with pytest.raises(WeightsError, match=r"p\.zip does not contain 'v'"):
        archive.take(pack, {"v": (out, 10), "w": (out, len(WEIGHTS))})


@pytest.mark.parametrize("name", ["p.zip", "p.tar.gz"])
@pytest.mark.parametrize("keep", [0, 10, -400])
def test_a_torn_archive_is_told_from_a_wrong_one(tmp_path, out, name, keep):
    noise = bytes(i * i * 7 % 251 for i in range(5000))
    make = tarred if name.endswith("gz") else zipped
    whole = make(tmp_path / name, [("p/w", noise)])
    whole.write_bytes(whole.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="is not a complete archive"):
        archive.take(whole, {"w": (out, 5000), "p/w": (out, 5000)})
