"""Run folders of trainings: opened by path, added by name, refused when something is wrong."""

import hashlib
from dataclasses import replace

import numpy as np
import onnx
import pytest

from mien.errors import UnknownModelError, WeightsError
from mien.testing import check
from mien.zoo import (
    CardError,
    File,
    add_run,
    added,
    cards,
    faults,
    fetch,
    find,
    load,
    read_card,
    read_run,
    remove_run,
    write_card,
)
from mien.zoo.card import own_cards


@pytest.fixture
def run(tmp_path):
    """Return run(weights) -> a run folder with these bytes, or those of a shipped head."""

    def make(weights=None, name="trained", **facts):
        card = own_cards()["expression-convcut"]
        [path] = fetch(card)
        content = weights or path.read_bytes()
        place = tmp_path / "runs" / name
        place.mkdir(parents=True)
        (place / "weights.onnx").write_bytes(content)
        file = File(source="beside:weights.onnx", sha256=hashlib.sha256(content).hexdigest(),
                    size=len(content))  # fmt: skip
        facts = {"name": "convcut-mine", "files": (file,), "default": False, **facts}
        write_card(replace(card, **facts), place / "card.toml")
        return place

    return make


@pytest.mark.parametrize("name", sorted(own_cards()))
def test_a_card_that_is_written_reads_the_same(tmp_path, name):
    card = own_cards()[name]
    write_card(card, tmp_path / "card.toml")
    files = tuple(replace(file, folder=tmp_path) for file in card.files)
    assert read_card(tmp_path / "card.toml") == replace(card, files=files)


def test_keys_that_are_no_plain_words_survive(tmp_path):
    points = {"half+depth": 0.5, 'a "b"': 1.0}
    card = replace(own_cards()["liveness-mmda"], options={"points": points})
    write_card(card, tmp_path / "card.toml")
    assert read_card(tmp_path / "card.toml").options == card.options


def test_text_with_quotes_lines_and_odd_characters_survives(tmp_path):
    odd = 'a "quoted" \\ path,\nanother line, \x7f, \u2028 and \N{GRINNING FACE}'
    card = replace(own_cards()["expression-convcut"], trained_on=odd)
    write_card(card, tmp_path / "card.toml")
    assert read_card(tmp_path / "card.toml").trained_on == odd


def test_a_run_folder_is_opened_by_its_path(run, monkeypatch):
    place = run()
    head = load(str(place))
    check("chip-head", head)
    assert (head.name, head.digest) == ("convcut-mine", read_run(place).digest)
    assert find(str(place)).columns == own_cards()["expression-convcut"].columns
    assert cards()["convcut-mine"].run == place
    monkeypatch.chdir(place.parent)
    assert load("trained").name == "convcut-mine"  # without a separator too


def test_a_model_is_added_by_name_and_removed(run):
    place = run()
    card = add_run(place, "smile-2")
    assert (card.name, card.digest) == ("smile-2", read_run(place).digest)
    (place / "weights.onnx").unlink()  # the copy stands on its own
    head = load("smile-2")
    assert (head.name, head.digest) == ("smile-2", card.digest)
    assert cards()["smile-2"] == card
    assert add_run(card.run, "smile-2") == card  # the same again changes nothing
    remove_run("smile-2")
    assert added() == ({}, ())
    with pytest.raises(UnknownModelError, match="No model 'smile-2' was added; there are: none"):
        remove_run("smile-2")
    with pytest.raises(UnknownModelError, match=r"No model '\.\.' was added"):
        remove_run("..")


@pytest.mark.parametrize(
    ("name", "says"),
    [("mtcnn", "is the name of another model"), ("Smile 2", "is no name"), ("../x", "is no name")],
)
def test_a_name_that_is_taken_or_none_is_refused(run, name, says):
    with pytest.raises(CardError, match=says):
        add_run(run(), name)
    assert added() == ({}, ())


def test_another_training_does_not_take_the_name_of_an_added_one(run):
    add_run(run(), "smile-2")
    other = own_cards()["expression"]
    [path] = fetch(other)
    place = run(path.read_bytes(), "other", entry=other.entry)
    with pytest.raises(CardError, match="mien models remove smile-2"):
        add_run(place, "smile-2")


def test_a_folder_without_a_card_is_no_model(tmp_path):
    with pytest.raises(CardError, match=r"has no card\.toml.*run its command again"):
        load(str(tmp_path))
    with pytest.raises(UnknownModelError, match="There is no folder"):
        load(str(tmp_path / "none"))


def test_weights_that_were_changed_are_not_loaded(run):
    place = run()
    weights = place / "weights.onnx"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for call in (lambda: load(str(place)), lambda: add_run(place)):
        with pytest.raises(WeightsError, match=r"has SHA-256 .* but card 'convcut-mine' expects"):
            call()
    weights.write_bytes(content[:-1])
    with pytest.raises(WeightsError, match=r"missing or damaged.*train it again"):
        load(str(place))
    weights.unlink()
    with pytest.raises(WeightsError, match="missing or damaged"):
        load(str(place))


def test_weights_of_another_system_do_not_fit(run, toy):
    [face] = fetch(own_cards()["age-fahr"])
    with pytest.raises(WeightsError, match=r"has input .*expected \[None, 3, 64, 64\]"):
        load(str(run(face.read_bytes(), "other")))
    lacking = toy(["n", 3, 64, 64], {"nothing": np.zeros((1, 7))}).read_bytes()
    with pytest.raises(WeightsError, match=r"do not fit their card.*KeyError"):
        load(str(run(lacking, "toy")))
    assert onnx.load_from_string(lacking).graph.output[0].name == "nothing"


def test_a_card_of_other_code_or_distant_files_is_refused(run):
    with pytest.raises(CardError, match="'entry' must be mien"):
        read_run(run(name="a", entry="os.path:join"))
    with pytest.raises(CardError, match="must name a system"):
        read_run(run(name="b", entry="mien.media.writing:write_bytes"))
    far = replace(own_cards()["expression-convcut"].files[0], source="https://example.org/w.onnx")
    with pytest.raises(CardError, match="are in it, written beside:NAME"):
        read_run(run(name="c", files=(far,)))
    place = run(name="d")
    (place / "card.toml").write_text("name = ")
    with pytest.raises(CardError, match="is not readable TOML"):
        read_run(place)


def test_an_added_card_that_is_damaged_is_a_fault_and_hides_no_other(run):
    card = add_run(run(), "smile-2")
    (card.run / "card.toml").write_bytes(b"\xff\xfe")
    [fault] = faults()
    assert (fault.name, "not readable TOML" in fault.reason) == ("smile-2", True)
    assert "mtcnn" in cards()
    with pytest.raises(UnknownModelError, match=r"'smile-2' of .* cannot be used"):
        find("smile-2")


def test_a_disk_that_cannot_be_written_leaves_nothing_behind(run, monkeypatch):
    place = run()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mien.zoo.runs.write_card", full)
    with pytest.raises(WeightsError, match="No space left on device"):
        add_run(place, "smile-2")
    assert added() == ({}, ())
    monkeypatch.undo()
