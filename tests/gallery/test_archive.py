"""Export and import: bit for bit, and nothing is believed that a file says about itself."""

import hashlib
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery import export_gallery, import_gallery, open_gallery

CONTRACT = "toy-16:0f0f"
MEMBERS = ["manifest.json", "vectors.npy", "templates.jsonl", "refusals.jsonl"]


@pytest.fixture
def full(reopen, face, sha):
    gallery = reopen("full")
    box = np.array([0.1, 2, 30.7, 41], dtype=np.float32)
    gallery.add([face("Zoë/木", 1, "a\u2028b.jpg", quality={"sharpness": 1 / 3}, box=box)])
    gallery.add([face("Ben", i, f"{i}.jpg") for i in range(2, 6)] + [face("Cy", 6)])
    gallery.forget("Cy")
    gallery.add([face("Zoë/木", 7)])
    gallery.note("Dee", sha("x"), "no_face", "x.jpg")
    return gallery


@pytest.fixture
def archive(full, tmp_path):
    path = tmp_path / "out.zip"
    assert export_gallery(full, path, plain=True) == 6
    return path


def told(gallery):
    """All that a gallery can tell, but for the numbers."""
    rows = []
    for t in gallery:
        box = None if t.box is None else t.box.tobytes()
        words = (t.person, t.source, t.source_digest, t.quality, t.added)
        rows.append((t.vector.tobytes(), box, words))
    return rows, gallery.refusals(), [(p.name, p.templates, p.added) for p in gallery.people()]


def rewrite(path, changes, compress=zipfile.ZIP_STORED, extra=()):
    """Write an archive again with some members changed and the manifest made to agree."""
    with zipfile.ZipFile(path) as old:
        data = {name: old.read(name) for name in old.namelist()}
    data.update(changes)
    with zipfile.ZipFile(path, "w", compress) as new:
        for name, content in [*data.items(), *extra]:
            if content is not None:
                new.writestr(name, content)


def resealed(path, **changes):
    """Change members and make hashes and sizes in the manifest fit, as a forger would."""
    with zipfile.ZipFile(path) as old:
        data = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(data["manifest.json"])
    for stem, content in changes.items():
        name = next(n for n in MEMBERS if n.startswith(stem))
        data[name] = content
        manifest["sha256"][name] = hashlib.sha256(content).hexdigest()
        manifest["bytes"][name] = len(content)
    rewrite(path, {**data, "manifest.json": json.dumps(manifest)})


def refuse(path, reopen, message, error=GalleryError):
    gallery = reopen("empty")
    with pytest.raises(error, match=message):
        import_gallery(path, gallery)
    assert (len(gallery), gallery.people()) == (0, [])


def test_a_round_trip_is_exact(full, archive, reopen, tmp_path):
    copy = reopen("copy")
    done = import_gallery(archive, copy)
    assert (done.templates, done.present, done.refusals) == (6, 0, 1)
    rows, refusals, people = told(copy)
    assert (rows, refusals, sorted(people)) == (*told(full)[:2], sorted(told(full)[2]))
    export_gallery(copy, tmp_path / "again.zip", plain=True)
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_anybody_can_read_an_export(full, archive):
    with zipfile.ZipFile(archive) as file:
        assert file.namelist() == MEMBERS
        vectors = np.load(io.BytesIO(file.read("vectors.npy")), allow_pickle=False)
        lines = [
            json.loads(line) for line in file.read("templates.jsonl").decode().split("\n")[:-1]
        ]
        assert json.loads(file.read("manifest.json"))["embedder"] == CONTRACT
    assert np.array_equal(vectors, np.stack([t.vector for t in full]))
    assert [line["person"] for line in lines] == [t.person for t in full]


def test_an_empty_gallery_can_be_exported(reopen, tmp_path):
    assert export_gallery(reopen("none"), tmp_path / "none.zip", plain=True) == 0
    done = import_gallery(tmp_path / "none.zip", reopen("copy"))
    assert (done.templates, len(reopen("copy"))) == (0, 0)


def test_an_export_that_cannot_be_written_leaves_the_old_one(full, archive, tmp_path):
    before = archive.read_bytes()
    with pytest.raises(GalleryError, match="could not be exported"):
        export_gallery(full, tmp_path / "nowhere" / "out.zip", plain=True)
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(GalleryError, match="could not be exported"):
        export_gallery(full, tmp_path / "folder.zip", plain=True)
    assert archive.read_bytes() == before
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".export")]


def test_names_that_both_know_are_refused_unless_merging_was_chosen(archive, reopen, face):
    other = reopen("other")
    other.add([face("Ben", 2, "2.jpg"), face("Ben", 90), face("Eve", 91)])
    with pytest.raises(GalleryError, match="both have 'Ben'; nothing was added"):
        import_gallery(archive, other)
    assert len(other) == 3
    done = import_gallery(archive, other, conflicts="merge")
    assert (done.templates, done.present) == (5, 1)
    assert {p.name: p.templates for p in other.people()} == {
        "Ben": 5,
        "Eve": 1,
        "Zoë/木": 2,
        "Dee": 0,
    }
    again = import_gallery(archive, other, conflicts="merge")
    assert (again.templates, again.present, len(other)) == (0, 6, 8)


def test_an_export_of_another_embedder_is_refused(archive, tmp_path):
    with (
        open_gallery(tmp_path / "b.mien", "other", create=True) as gallery,
        pytest.raises(GalleryMismatchError, match="'toy-16:0f0f'"),
    ):
        import_gallery(archive, gallery)


@pytest.mark.parametrize("content", [b"", b"notes", b"PK\x03\x04" + b"\0" * 50])
def test_a_file_that_is_no_export_is_refused(tmp_path, reopen, content):
    (tmp_path / "x.zip").write_bytes(content)
    refuse(tmp_path / "x.zip", reopen, "cannot be read as an exported gallery")
    refuse(tmp_path / "missing.zip", reopen, "cannot be read as an exported gallery")


def test_a_flipped_byte_anywhere_in_a_member_is_found(archive, reopen):
    sound = archive.read_bytes()
    for at in range(100, len(sound) - 300, 97):
        archive.write_bytes(sound[:at] + bytes([sound[at] ^ 4]) + sound[at + 1 :])
        gallery = reopen("empty")
        try:
            import_gallery(archive, gallery)
        except GalleryError:
            assert len(gallery) == 0
        else:  # a byte that says nothing, such as a time in a zip header
            with zipfile.ZipFile(archive) as file:
                data = [file.read(name) for name in MEMBERS]
            archive.write_bytes(sound)
            with zipfile.ZipFile(archive) as file:
                assert data == [file.read(name) for name in MEMBERS]
            gallery.forget(*(p.name for p in gallery.people()))


def test_a_truncated_file_is_refused(archive, reopen):
    sound = archive.read_bytes()
    for length in range(0, len(sound), 211):
        archive.write_bytes(sound[:length])
        refuse(archive, reopen, "cannot be read as|not an intact export")


@pytest.mark.parametrize(
    ("changes", "extra", "message"),
    [
        ({}, [("../../evil.txt", b"x")], r"it contains \['../../evil.txt'"),
        ({}, [("/etc/passwd", b"x")], "it contains"),
        ({"refusals.jsonl": None}, [], "it contains"),
        ({"templates.jsonl": b"{}\n"}, [], "manifest is incomplete"),
        ({"manifest.json": b"[]"}, [], "manifest cannot be read"),
        ({"manifest.json": b"\xff{"}, [], "manifest cannot be read"),
        ({"manifest.json": b" " * 200_000}, [], "manifest is too long"),
    ],
)
def test_other_members_than_those_described_are_refused(archive, reopen, changes, extra, message):
    rewrite(archive, changes, extra=extra)
    refuse(archive, reopen, message)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_member_that_comes_twice_is_refused(archive, reopen):
    rewrite(archive, {}, extra=[("vectors.npy", b"x")])
    refuse(archive, reopen, "it contains")


def test_a_bomb_is_refused_before_it_is_unpacked(archive, reopen):
    rewrite(archive, {"templates.jsonl": b"0" * 50_000_000}, compress=zipfile.ZIP_DEFLATED)
    assert archive.stat().st_size < 100_000
    refuse(archive, reopen, "would grow more than 100 times")


def test_an_archive_that_was_packed_again_is_read(archive, reopen):
    rewrite(archive, {}, compress=zipfile.ZIP_DEFLATED)
    assert import_gallery(archive, reopen("again")).templates > 0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", 2, "has version 2, but this version of mien reads version 1"),
        ("format", "x", "manifest is incomplete"),
        ("templates", 7, "vectors are not those"),
        ("templates", -1, "not an intact export"),
        ("templates", True, "manifest is incomplete"),
        ("dimension", 8, "vectors are not those"),
        ("dimension", 1 << 60, "vectors are not those"),
        ("refusals", 0, "counts differ"),
        ("embedder", None, "manifest is incomplete"),
        ("bytes", {}, "manifest is incomplete"),
        ("sha256", {}, "manifest is incomplete"),
    ],
)
def test_a_manifest_that_lies_is_refused(archive, reopen, key, value, message):
    with zipfile.ZipFile(archive) as file:
        manifest = json.loads(file.read("manifest.json"))
    rewrite(archive, {"manifest.json": json.dumps({**manifest, key: value})})
    refuse(archive, reopen, message)


def npy(array, **how):
    file = io.BytesIO()
    np.save(file, array, **how)
    return file.getvalue()


def test_forged_members_are_refused_although_their_hashes_fit(archive, reopen, unit, full):
    sound = archive.read_bytes()
    vectors = np.stack([t.vector for t in full])
    with zipfile.ZipFile(archive) as file:
        first, *rest = file.read("templates.jsonl").splitlines()
    row = json.loads(first)
    forged = {
        "pickle": {"vectors": npy(np.array([print] * 6), allow_pickle=True)},
        "bare pickle": {"vectors": pickle.dumps(vectors)},
        "double": {"vectors": npy(vectors.astype(np.float64))},
        "column order": {"vectors": npy(np.asfortranarray(vectors))},
        "not unit": {"vectors": npy(vectors * np.float32(2))},
        "not a number": {"vectors": npy(vectors * np.float32("nan"))},
        "nested": {"templates": b"[" * 100_000},
        "no object": {"templates": b"\n".join([b"7", *rest])},
        "too few": {"templates": b"\n".join(rest)},
    }
    for key, value in {
        "person": "a\nb",
        "added": "yesterday",
        "source": 7,
        "source_digest": "../../x",
        "quality": {"sharpness": None},
        "box": [1, 2, 3],
    }.items():
        line = json.dumps({**row, key: value}).encode()
        forged[f"{key} {value!r}"] = {"templates": b"\n".join([line, *rest])}
    for what, changes in forged.items():
        archive.write_bytes(sound)
        resealed(archive, **changes)
        with pytest.raises(GalleryError):
            import_gallery(archive, reopen("empty"))
        assert reopen("empty").people() == [], what


def test_a_change_during_an_export_is_noticed(full, tmp_path):
    class Busy:
        """The gallery, but somebody renames a person while it is read."""

        def __getattr__(self, name):
            return getattr(full, name)

        def whole(self, act):
            return self

        def __len__(self):
            return len(full)

        def __iter__(self):
            for number, row in enumerate(full):
                if number == 2:
                    full.rename("Ben", "Benjamin")
                yield row

    with pytest.raises(GalleryError, match="was changed during the export"):
        export_gallery(Busy(), tmp_path / "out.zip", plain=True)
    assert not (tmp_path / "out.zip").exists()
