import pytest

from mien.datasets import ATTEMPTS, BONA_FIDE
from mien.errors import MienError


def test_nuaa_in_both_layouts(put, tmp_path):
    for folder in ("ClientRaw", "ImposterRaw"):
        put(tmp_path / folder / "0003" / "0003_00_00_02_17.jpg")
    one, two = sorted(ATTEMPTS["nuaa"](tmp_path), key=lambda a: a.species)
    assert (one.species, one.subject, one.person, one.domain) == (
        BONA_FIDE, "0003", "0003", "session 02",
    )  # fmt: skip
    assert (two.species, two.subject, two.person) == ("print", "print of 0003", "0003")


def test_other_names_and_empty_folders_are_refused(put, tmp_path):
    put(tmp_path / "live" / "me.jpg")
    with pytest.raises(MienError, match=r"me\.jpg is not in the layout of NUAA"):
        ATTEMPTS["nuaa"](tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(MienError):
        ATTEMPTS["nuaa"](tmp_path / "none")


def table(tmp_path, text):
    (tmp_path / "attempts.csv").write_text(text)
    return ATTEMPTS["attempts"](tmp_path)


def test_our_own_table_with_all_and_with_the_fewest_columns(put, tmp_path):
    put(tmp_path / "a.jpg")
    [one] = table(
        tmp_path,
        "path,species,subject,person,domain,group,use\na.jpg,mask,m1,Ada,door,dark,set\n",
    )
    assert (one.species, one.subject, one.person) == ("mask", "m1", "Ada")
    assert (one.domain, one.group, one.setting) == ("door", "dark", True)
    [bare] = table(tmp_path, "path,species,subject\na.jpg,bona-fide,Ada\n")
    assert (bare.person, bare.domain, bare.group, bare.setting) == ("", "", "", False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,species\na.jpg,mask\n", "subject"),
        ("path,species,subject\n", "no rows below its heading"),
        ("path,species,subject\na.jpg,,m1\n", "line 2"),
        ("path,species,subject\nb.jpg,mask,m1\n", "do not exist"),
        ("path,species,subject,use\na.jpg,mask,m1,train\n", "use must be set or test"),
    ],
)
def test_a_wrong_table_is_refused(put, tmp_path, text, says):
    put(tmp_path / "a.jpg")
    with pytest.raises(MienError, match=says):
        table(tmp_path, text)
