"""Tables as spreadsheets write them."""

import pytest

from mien.datasets.spreadsheets import read_rows, rows_of
from mien.errors import MienError

PLAIN = "a,b\n1,x\n"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        b"sep=;\na;b\n1;x\n",
        b'"sep=|"\r\na|b\r\n1|x\r\n',
        b"a|b\n1|x\n",
        b"a\tb\r1\tx\r",  # a former Macintosh
        b"\n a ; b \n 1 ; x ;\n;\n",
        b'"a","b"\n"1","x",,\n',
    ],
)
def test_separators_and_encodings(tmp_path, data):
    (tmp_path / "x.csv").write_bytes(data)
    assert rows_of(tmp_path / "x.csv", ("a", "b")) == [{"a": "1", "b": "x"}]


def test_letters_of_windows(tmp_path):
    (tmp_path / "x.csv").write_bytes("a,b\nMüller,€\n".encode("cp1252"))
    assert rows_of(tmp_path / "x.csv", ("a",)) == [{"a": "Müller", "b": "€"}]


def test_lines_are_those_of_the_file(tmp_path):
    (tmp_path / "x.csv").write_text('sep=,\na,b\n\n"1\n2",x\n3,y,z\n4\n')
    headings, rows = read_rows(tmp_path / "x.csv")
    assert headings == ["a", "b"]
    assert [(line, cells) for line, cells in rows] == [
        (5, ["1\n2", "x"]),
        (6, ["3", "y", "z"]),
        (7, ["4"]),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2,3\n", "line 2 has more cells"),
        ("a,b\n1,2\n3\n", "line 3 lacks 'b'"),
        ("a,c\n1,2\n", "needs the columns a, b; its first line names a, c"),
        ("a,a,b\n1,2,3\n", "two columns 'a'"),
        ('a,b\n"1,2\n3,4\n', "cannot be read as a CSV table"),
        ("a,b\n", "no rows"),
        ("", "names nothing"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, says):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(MienError, match=says):
        rows_of(tmp_path / "x.csv", ("a", "b"))


@pytest.mark.parametrize("data", [b"\xff\xfe\x00bad\x80", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00,a,b"])
def test_a_file_that_is_no_table_is_refused(tmp_path, data):
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(MienError, match="cannot be read as a CSV table"):
        rows_of(tmp_path / "x.csv", ("a",))


def test_a_missing_file(tmp_path):
    with pytest.raises(MienError, match="cannot be read"):
        rows_of(tmp_path / "missing.csv", ("a",))


def test_a_former_heading_counts_unless_the_new_one_is_there(tmp_path):
    (tmp_path / "x.csv").write_text("old,b\n1,2\n")
    assert rows_of(tmp_path / "x.csv", ("new",), renamed={"old": "new"}) == [{"new": "1", "b": "2"}]
    (tmp_path / "x.csv").write_text("old,new\n1,2\n")
    assert rows_of(tmp_path / "x.csv", ("new",), renamed={"old": "new"}) == [
        {"old": "1", "new": "2"}
    ]
