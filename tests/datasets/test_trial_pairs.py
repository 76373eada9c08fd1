import pytest

from mien.datasets.trial_pairs import our_pairs, require_strangers
from mien.errors import MienError


@pytest.fixture
def folder(tmp_path, put):
    for name in ("Ada_0001.png", "Ada_0002.png", "Bo_0001.png", "x1.png", "x2.png"):
        put(tmp_path / "images" / name)
    return tmp_path


def listed(folder, text):
    path = folder / "pairs.csv"
    path.write_text(text)
    return our_pairs(path, folder / "images")


def test_people_come_from_the_names_or_from_columns(folder):
    pairs = listed(
        folder,
        "file_a,file_b,same,person_a,person_b,fold,group\n"
        "Ada_0001.png,Ada_0002.png,1,,,0,x\n"
        "x1.png,x2.png,0,Cleo,Dan,3,\n",
    )
    assert [(p.first.person, p.second.person, p.same, p.fold, p.group) for p in pairs] == [
        ("Ada", "Ada", True, 0, "x"),
        ("Cleo", "Dan", False, 3, ""),
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("Ada_0001.png,Bo_0001.png,1", r"line 2: Ada_0001.png \(Ada\) and Bo_0001.png \(Bo\)"),
        ("Ada_0001.png,Bo_0001.png,2", "must be 1 for one person"),
        ("Ada_0001.png,Ada_0009.png,1", r"1 images that do not exist .*Ada_0009"),
        ("Ada_0001.png,Ada_0001.png,1", "pair 1: .* is compared with itself"),
        ("Ada_0001.png,Bo_0001.png,0\nBo_0001.png,Ada_0001.png,0", "pairs 1 and 2 are the same"),
        ("Ada_0001.png,Bo_0001.png", "line 2 lacks 'same'"),
        ("Ada_0001.png,Bo_0001.png,0,1", "line 2 has more cells"),
        ("", "no rows below its heading"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder, rows, says):
    with pytest.raises(MienError, match=says):
        listed(folder, f"file_a,file_b,same\n{rows}\n")


def test_people_in_training_and_in_the_test_are_refused_by_name():
    require_strangers(["Ada"], ["Bo"], "the test")
    with pytest.raises(MienError, match=r"2 people .* \(Ada, Bo\)"):
        require_strangers(["Bo", "Ada", "Cy"], ["Ada", "Bo"], "the test")
