import pytest

from mien.errors import UnknownModelError
from mien.zoo import CardError, cards, sample, samples
from mien.zoo.card import read_file_set

SET = """
name = "samples"
licence = "CC0-1.0"
[[files]]
source = "repo:a.png"
sha256 = "{}"
size = 1
"""


def test_a_sample_is_no_model():
    assert not samples().keys() & cards().keys()
    assert all(each.package.archive_size < 15e6 for each in samples().values())


def test_an_unknown_sample_is_told_with_those_that_there_are():
    with pytest.raises(UnknownModelError, match=r"'cat\.png'; there are .*chelsea\.png"):
        sample("cat.png")


def test_no_two_samples_have_one_name():
    names = [file.ready for each in samples().values() for file in each.files]
    assert len(names) == len(set(names)) == 8


@pytest.mark.parametrize(
    ("digest", "more", "says"),
    [("0" * 63, "", "'sha256' must be"), ("0" * 64, 'x = 1', "unknown key 'x'")],
)  # fmt: skip
def test_a_damaged_set_is_told(tmp_path, digest, more, says):
    path = tmp_path / "samples.toml"
    path.write_text(more + SET.format(digest), "utf-8")
    with pytest.raises(CardError, match=says):
        read_file_set(path)
