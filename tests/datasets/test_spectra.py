import pytest

from mien.datasets import LABELS
from mien.errors import MienError
from mien.media import write_image
from mien.testing import noise

HEAD = "path,spectrum,subject,presenter,visit,type,role,group"
ROWS = (
    "a.png,vis,ada,ada,1,bonafide,enrol,eval",
    "b.png,nir,ada,ada,2,bonafide,probe,eval",
    "b.png,nir,ada,bob,2,print-laser,probe,eval",
    "b.png,nir,,bob,2,glasses,probe,dev",
)


def written(folder, *rows, head=HEAD):
    for name in ("a.png", "b.png"):
        write_image(folder / name, noise(1, 20)[0])
    (folder / "presentations.csv").write_text("\n".join((head, *rows)))
    return folder


def test_rows_are_read_with_who_is_shown(tmp_path):
    found = LABELS["presentations"](written(tmp_path, *ROWS))
    assert [one.person for one in found] == ["ada", "ada", "ada", ""]
    assert found[2].labels == {
        "spectrum": "nir", "type": "print-laser", "role": "probe", "group": "eval",
    }  # fmt: skip
    assert found[3].split == "dev"
    assert found[0].path == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.png,uv,ada,ada,1,bonafide,probe,eval", r"line 3: spectrum must be one of vis, nir"),
        ("a.png,nir,ada,ada,1,hologram,probe,eval", "type must be one of"),
        ("a.png,nir,ada,ada,3,replay,enrol,eval", "an attack cannot be enrolled"),
        ("a.png,nir,,ada,3,bonafide,probe,eval", "needs its subject"),
        ("a.png,nir,ada,ada,1,bonafide,probe,eval", "is enrolled and probed in visit '1'"),
        ("gone.png,nir,ada,ada,2,bonafide,probe,eval", r"do not exist \(.*gone\.png\)"),
    ],
)
def test_wrong_rows_are_refused_with_their_line(tmp_path, row, says):
    with pytest.raises(MienError, match=says):
        LABELS["presentations"](written(tmp_path, ROWS[0], row))


def test_files_that_are_no_such_list_are_refused(tmp_path):
    with pytest.raises(MienError, match=r"presentations\.csv cannot be read"):
        LABELS["presentations"](tmp_path)
    with pytest.raises(MienError, match="needs the columns path, spectrum"):
        LABELS["presentations"](written(tmp_path, "a.png,vis", head="path,spectrum"))
    (tmp_path / "presentations.csv").write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(MienError, match=r"needs the columns"):
        LABELS["presentations"](tmp_path)
    with pytest.raises(MienError, match="has no rows below its heading"):
        LABELS["presentations"](written(tmp_path))
