import hashlib
import subprocess
import sys

import pytest

from mien.zoo import CardError, cards, read_card

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
        ("size = 1_000", "size = 1\n[[results]]\nmetric = 'x'", "wrong about 'command'"),
    ],
)
def test_a_malformed_card_is_refused_with_its_file_and_key(read, old, new, says):
    assert old in GOOD
    with pytest.raises(CardError, match=rf"toy\.toml.*{says}"):
        read(GOOD.replace(old, new, 1))


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
