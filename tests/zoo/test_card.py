import hashlib
import subprocess
import sys

import pytest

from mien.zoo import CardColumn, CardError, Draw, Eval, cards, read_card

GOOD = """
name = "toy"
kind = "detector"
task = "detect"
entry = "mien.detect.toy:Toy"
licence = "MIT"
commercial = true
trained_on = "Nothing."
paper = "https://example.org"
options = { size = 640 }

[[files]]
source = "https://example.org/a/toy.onnx"
sha256 = "{sha}"
size = 1_000
"""
SHA = "ab" * 32
GOOD = GOOD.replace("{sha}", SHA)


@pytest.fixture
def read(tmp_path):
    def parse(text):
        path = tmp_path / "toy.toml"
        path.write_text(text, "utf-8")
        return read_card(path)

    return parse


def test_a_card_is_read_and_the_ready_name_is_the_last_part_of_the_source(read):
    card = read(GOOD)
    assert (card.name, card.commercial, card.options) == ("toy", True, {"size": 640})
    assert (card.files[0].ready, card.size) == ("toy.onnx", 1000)
    zipped = read(GOOD.replace("a/toy.onnx", "pack.zip!b/toy.onnx"))
    assert zipped.files[0].raw == "toy.onnx"


def test_the_digest_is_about_weights_and_converter_and_nothing_else(read):
    known = hashlib.sha256(f"{SHA}\n".encode()).hexdigest()[:12]
    assert read(GOOD).digest == known
    assert read(GOOD.replace("640", "320").replace("Nothing", "Much")).digest == known
    assert read(GOOD.replace("abab", "abac", 1)).digest != known
    assert read(GOOD.replace("paper", 'convert = "mien.zoo.toy:f"\npaper')).digest != known


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("task", "tusk", "unknown key 'tusk'"),
        ('task = "detect"', "", "lacks the key 'task'"),
        ("size = 1_000", "", r"\[\[files\]\] 1 lacks the key 'size'"),
        ("size = 1_000", "size = 1_000\nmd5 = 'x'", r"\[\[files\]\] 1 has the unknown key 'md5'"),
        ("size = 1_000", "size = 0", "'size' must be a number of bytes above 0"),
        ("size = 1_000", "size = true", "'size' must be of type int, got True"),
        ("size = 1_000", "size = '9'", "'size' must be of type int, got '9'"),
        (SHA, SHA[:-1], "'sha256' must be 64 hexadecimal"),
        (SHA, SHA.upper(), "'sha256' must be 64 hexadecimal"),
        ("commercial = true", "commercial = 'perhaps'", "'commercial' must be true, false or"),
        ("commercial = true", "commercial = 1", "'commercial' must be true, false or"),
        ('"MIT"', '"GPL 3"', "'licence' must be an SPDX name"),
        ('"detector"', '"finder"', "'kind' must be one of detector, landmarker"),
        ('"toy"', '"Toy 1"', "'name' must be lower-case"),
        ("mien.detect.toy:Toy", "os:system", "'entry' must be mien.module:Class"),
        ("paper", 'convert = "os:remove"\npaper', "'convert' must be mien.module:function"),
        ("https://example.org/a", "http://example.org/a", "'source' must be repo:"),
        ("https://example.org/a", "file:///a", "'source' must be repo:"),
        ("https://example.org/a/toy.onnx", "repo:../../secret", r"must not contain '\.\.'"),
        ("https://example.org/a/toy.onnx", "repo:/etc/passwd", "'source' must be repo:"),
        ("size = 1_000", "size = 1\nready = '../up'", "'ready' must be a plain file name"),
        ("https://example.org/a", "package:a==1!b", "goes with package: sources"),
        ("[[files]]", "[files]", "must be written as tables"),
        ("options = { size = 640 }", "options = 5", "'options' must be of type dict"),
        ("name =", "name :", "not readable TOML"),
        ("size = 1_000", "size = 1\n[[results]]\nmetric = 'x'", "fault is 'command'"),
    ],
)
def test_a_malformed_card_is_refused_with_its_file_and_key(read, old, new, says):
    assert old in GOOD
    with pytest.raises(CardError, match=rf"toy\.toml.*{says}"):
        read(GOOD.replace(old, new, 1))


HEAD = GOOD.replace('"detector"', '"clip-head"').replace(
    "options = { size = 640 }",
    """needs = ["chips"]
window = 2.0
hop = 1
rate = 8.0
columns = [{ name = "toy_a", unit = "share", about = "of a", value = "a", range = [0, 1] }]
draw = [{ column = "toy_a", label = "a", low = 0.0, high = 1.0, colour = "head" }]
eval = { protocol = "clips", layout = "clips", classes = ["a", "b"] }""",
)


def test_what_a_card_says_of_tables_drawing_evaluation_and_time_is_read(read):
    card = read(HEAD)
    assert (card.needs, card.window, card.hop, card.rate) == (("chips",), 2.0, 1, 8.0)
    assert card.columns[0] == CardColumn(
        name="toy_a", unit="share", about="of a", value="a", range=(0, 1)
    )
    assert card.draw[0] == Draw(column="toy_a", label="a", low=0.0, high=1.0, colour="head")
    assert card.eval == Eval(protocol="clips", layout="clips", classes=("a", "b"))
    assert card.origin is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('needs = ["chips"]', "needs = []", r"a clip head needs parts of a clip.*has none"),
        ('needs = ["chips"]', 'needs = ["smell"]', "'needs' has smell"),
        ('needs = ["chips"]', 'needs = ["chips", "chips"]', "names something twice"),
        ('needs = ["chips"]', 'needs = "chips"', "'needs' must be a list of words"),
        ("window = 2.0", "", "a clip head needs 'window', a number above 0, got None"),
        ("window = 2.0", "window = true", "a clip head needs 'window'"),
        ("hop = 1", "hop = 3", r"'hop' \(3 s\) must not be longer than 'window' \(2 s\)"),
        ("rate = 8.0", "rate = -1", "a clip head needs 'rate'"),
        ('"clip-head"', '"chip-head"', "'needs' is for clip heads, makers and audits"),
        ('name = "toy_a"', 'name = "Toy A"', "must be named in lower-case letters"),
        ("range = [0, 1]", "range = [1, 0]", "'range' of column 'toy_a' must be"),
        ("range = [0, 1]", "range = 3", r"\[\[columns\]\] 1: 'range' must be a list"),
        ('value = "a"', "value = 3", r"\[\[columns\]\] 1: 'value' must be of type str"),
        ('value = "a"', 'worth = "a"', r"\[\[columns\]\] 1 has the unknown key 'worth'"),
        ('value = "a"', 'value = "a", end = "top"', "'end' of column 'toy_a' must be low or high"),
        ('column = "toy_a"', 'column = "toy_b"', "'draw' names the column 'toy_b'"),
        ('colour = "head"', 'colour = "mauve"', "'colour' must be one of measure, head"),
        ("high = 1.0", "high = 0.0", "needs a label and low < high"),
        ('protocol = "clips"', 'protocol = "art"', "'protocol' of .eval. must be one of classes"),
        ('layout = "clips"', 'layout = ""', "needs a 'layout'"),
        ('layout = "clips"', 'layouts = "clips"', r"\[eval\] has the unknown key 'layouts'"),
        ('classes = ["a", "b"]', "limits = [5]", "'limits' of .eval. must be"),
        ('classes = ["a", "b"]', "bands = [2, 1]", "'bands' of .eval. must rise"),
        ('classes = ["a", "b"]', "classes = [1]", "'classes' of .eval. must be words"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_file_and_key(read, old, new, says):
    assert old in HEAD
    with pytest.raises(CardError, match=rf"toy\.toml.*{says}"):
        read(HEAD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("kind", "needs", "says"),
    [
        ("maker", ["image", "image-2", "sound"], None),
        ("maker", [], None),
        ("maker", ["photo"], "'needs' of a maker must be image, film, sound or mesh"),
        ("audit", ["chip-head", "embedder"], None),
        ("audit", [], "an audit needs kinds of models"),
        ("audit", ["faces"], "'needs' has faces"),
    ],
)
def test_what_makers_and_audits_may_need(read, kind, needs, says):
    text = GOOD.replace('"detector"', f'"{kind}"').replace(
        "options =", f"needs = {needs}\noptions ="
    )
    if says is None:
        assert read(text).needs == tuple(needs)
    else:
        with pytest.raises(CardError, match=says):
            read(text)


def test_two_files_of_one_name_would_overwrite_each_other(read):
    files = GOOD[GOOD.index("[[files]]") :]
    with pytest.raises(CardError, match=r"both be kept as 'toy\.onnx'"):
        read(GOOD + files)


def test_files_of_two_packages_in_one_card_are_refused(read):
    one = GOOD.replace("https://example.org/a/toy.onnx", "package:a==1!toy.onnx")
    two = GOOD[GOOD.index("[[files]]") :].replace("https://example.org/a/", "package:b==1!other/")
    with pytest.raises(CardError, match="must name one package"):
        read(one + two.replace("toy.onnx", "x.onnx"))


def test_cards_are_listed_by_task_in_order_of_names():
    assert list(cards()) == sorted(cards())
    assert {card.task for card in cards("embed").values()} == {"embed"}
    assert cards("no-such-task") == {}


def test_listing_imports_no_model_code():
    heavy = "onnx onnxruntime joblib lz4 cv2 scipy ai_edge_litert mien.detect mien.embed torch"
    code = f"import sys\nfrom mien.zoo import cards\ncards()\nfor n in {heavy.split()}: "
    subprocess.run([sys.executable, "-c", code + "assert n not in sys.modules, n"], check=True)
