"""The runner of proofs: cached by key, resumed, printed and written part by part; on toys."""

import importlib
import json
import textwrap
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import mien.systems
from mien.errors import OptionError, TrainingError
from mien.train.criteria import Criterion, arms_table, criteria_table, gain, of, ratio
from mien.train.kept import code_key, digest_of, kept_arrays, recipe_key, rendered
from mien.train.proof_page import MARKS, check_page, own_page, write_page
from mien.train.proofs import parts_of, run_proof
from mien.zoo import System, read_card

PROOF = """
    from mien.train.criteria import Criterion, gain, of
    from mien.train.proofs import Part

    def load(data, out, on_step):
        return [float(word) for word in (data / "numbers.txt").read_text().split()]

    def run(factor, seed, numbers):
        with open({calls!r}, "a") as file:
            file.write(f"{{factor}} {{seed}}\\n")
        return {{"score": factor * (seed + 1) + sum(numbers or ())}}

    CRITERIA = (
        Criterion("mine wins", gain("mine", "score", "other"), least=0, seeds=3),
        Criterion("control at 0", of("control", "score"), most=0.5),
    )
    ARMS = {{"mine": 2, "other": 1, "control": 0}}
    SHOWN = {{"score": "Score"}}
    PARTS = (
        Part("drawn", "Toys", ARMS, run, SHOWN, CRITERIA, seeds=3, quick=lambda f: f * 100),
        Part("read", "Numbers", ARMS, run, SHOWN, load=load, needs="numbers", seeds=2),
    )
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A system in a folder of its own, with a proof of two parts."""
    import sys

    folder = tmp_path / "tree" / "systems" / "toy_proof"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "card.toml").write_text(
        textwrap.dedent("""
            name = "toy-proof"
            kind = "audit"
            task = "toy"
            entry = "mien.systems.toy_proof.audit:Toy"
            licence = "Apache-2.0"
            commercial = true
            trained_on = "nothing"
            paper = "https://example.org"
            needs = ["embedder"]
        """)
    )
    calls = str(tmp_path / "calls.txt")
    (folder / "proof.py").write_text(textwrap.dedent(PROOF.format(calls=calls)))
    (folder / "README.md").write_text(f"# toy\n\n{MARKS[0]}\n\n{MARKS[1]}\n\nend\n")
    monkeypatch.setattr(mien.systems, "__path__", [*mien.systems.__path__, str(folder.parent)])
    yield System(read_card(folder / "card.toml"), folder)
    for name in [name for name in sys.modules if name.startswith("mien.systems.toy_proof")]:
        del sys.modules[name]


@pytest.fixture
def calls(tmp_path):
    """Number of trainings so far."""
    return lambda: len((tmp_path / "calls.txt").read_text().splitlines())


def test_arms_seeds_and_criteria_become_tables(lab, tmp_path):
    steps = []
    proof = run_proof(lab, None, tmp_path / "out", lambda *step: steps.append(step))
    text = proof.texts["drawn"]
    assert "| Toys; 3 seeds, mean (95 % interval) | Score |" in text
    assert "| mine | 4.000 (-0.968 to 8.968) |" in text  # 2, 4, 6: spread 2, t 4.3027
    assert "| mine wins | 3 of 3 seeds (2.000 (-0.484 to 4.484)) | yes |" in text
    assert "| control at 0 | 0.000 (0.000 to 0.000) | yes |" in text
    assert proof.left_out == ["read"]
    assert steps[-1] == ("drawn: trainings", 9, 9)


def test_finished_trainings_are_read_again_and_others_run(lab, tmp_path, calls):
    out = tmp_path / "out"
    run_proof(lab, None, out)
    first = calls()
    again = run_proof(lab, None, out)
    assert (calls(), again.recomputed) == (first, [])
    (out / "drawn-mine-1.json").unlink()  # a run that was stopped before it
    (out / "drawn-mine-2.json").write_text('{"key"')  # a file that a full disk cut
    third = run_proof(lab, None, out)
    assert calls() == first + 2
    assert third.recomputed == ["drawn-mine-2.json"]
    assert third.texts == again.texts


def test_changed_code_settings_or_data_give_no_old_figure(lab, tmp_path, calls):
    out, data = tmp_path / "out", tmp_path / "data"
    data.mkdir()
    (data / "numbers.txt").write_text("1 2")
    text = run_proof(lab, data, out, only=["read"]).texts["read"]
    assert "| control | 3.000" in text
    before = calls()
    (data / "numbers.txt").write_text("1 3")
    changed = run_proof(lab, data, out, only=["read"])
    assert "| control | 4.000" in changed.texts["read"]
    assert (calls() - before, len(changed.recomputed)) == (6, 6)
    page = lab.folder / "test_toy.py"
    page.write_text("")  # tests do not change what is measured
    assert run_proof(lab, data, out, only=["read"]).recomputed == []
    (lab.folder / "proof.py").write_text((lab.folder / "proof.py").read_text() + "\n# new\n")
    assert len(run_proof(lab, data, out, only=["read"]).recomputed) == 6


def test_a_quick_run_has_one_seed_and_its_own_figures(lab, tmp_path):
    text = run_proof(lab, None, tmp_path, quick=True).texts["drawn"]
    assert "| Toys; one run | Score |" in text
    assert "| mine | 200.000 |" in text
    assert "1 of 1 seeds" in text
    assert (tmp_path / "quick" / "drawn-mine-0.json").is_file()


def test_what_cannot_run_is_told(lab, tmp_path):
    with pytest.raises(OptionError, match="has no part 'photos'; it has drawn, read"):
        run_proof(lab, None, tmp_path, only=["photos"])
    with pytest.raises(TrainingError, match="needs numbers; name its folder with --data"):
        run_proof(lab, None, tmp_path, only=["read"])
    (lab.folder / "proof.py").unlink()
    with pytest.raises(TrainingError, match=r"toy-proof has no proof\.py"):
        parts_of(lab)


def test_processes_give_the_same_figures(tmp_path):
    pytest.importorskip("torch")
    from mien.zoo import find_system

    system = find_system("trust-faa")
    one = run_proof(
        system, None, tmp_path / "one", only=["temperature", "planted gaps"], quick=True
    )
    two = run_proof(
        system, None, tmp_path / "two", only=["temperature", "planted gaps"], quick=True, jobs=2
    )
    assert one.texts == two.texts


def test_parts_keep_their_place_in_a_page(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"# toy\n\n{MARKS[0]}\n\n{MARKS[1]}\n\nend\n")
    order = ["first", "second"]
    write_page(page, {"second": "| b |"}, order)
    write_page(page, {"first": "| a |"}, order)
    for _ in range(2):
        write_page(page, {"second": "| c |"}, order)
    assert page.read_text() == (
        f"# toy\n\n{MARKS[0]}\n\n<!-- part: first -->\n\n| a |\n\n"
        f"<!-- part: second -->\n\n| c |\n\n{MARKS[1]}\n\nend\n"
    )


def test_a_page_without_marks_or_rights_is_refused(lab, tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text("# toy\n")
    with pytest.raises(TrainingError, match=r"lacks the lines <!-- proof"):
        check_page(page)
    page.write_text(f"{MARKS[0]}\n{MARKS[1]}\n")
    check_page(page)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(TrainingError, match="cannot be written; name another file with --write"):
        check_page(page)
    monkeypatch.undo()
    assert own_page(lab) is None  # not in a source tree
    (tmp_path / "tree" / "pyproject.toml").write_text("")
    assert own_page(lab) == lab.page


def test_criteria_by_hand():
    found = {"a": [{"x": 1.0}, {"x": 4.0}], "b": [{"x": 2.0}, {"x": 2.0}], "c": [{"x": 0.5}] * 2}
    assert of("a", "x")(found) == [1, 4]
    assert gain("a", "x", ("b", "c"))(found) == [-1, 2]
    assert gain("a", "x", ("b", "c"), low=True)(found) == [-0.5, -3.5]
    assert ratio("a", "x", "b")(found) == [0.5, 2]
    assert Criterion("", gain("a", "x", "b"), least=0, seeds=2).result(found)[1] is False
    assert Criterion("", gain("a", "x", "b"), least=0, seeds=1).result(found)[1] is True
    assert Criterion("", gain("a", "x", "b"), least=0).result(found)[1] is True  # mean 0.5
    table = criteria_table([Criterion("bar", of("a", "x"), most=2, digits=1)], found)
    assert table.endswith("| bar | 2.5 (-16.6 to 21.6) | **no** |")
    assert arms_table("t", {"y": "Y"}, {"a": [{"x": 1.0}]}).endswith("| a |  |")


def test_figures_of_several_units_have_their_own_digits():
    text = arms_table("t", {"x": "%", "y": "cosine"}, {"a": [{"x": 92.708, "y": 0.9861}]}, {"y": 3})
    assert text.endswith("| a | 92.7 | 0.986 |")


@dataclass
class Some:
    rows: np.ndarray
    name: str


def test_digests_tell_content_apart(tmp_path):
    one = np.arange(6, dtype=np.float32)
    values = [
        1, "1", 1.0, None, True, one, one.reshape(2, 3), one + 1, one.astype(np.float64), [1, 2],
        (1, 2), {"a": 1}, {"a": 2}, Some(one, "a"), Some(one, "b"), Some(one + 1, "a"),
        np.array(["a", "b"]), np.float32(1), b"1",
    ]  # fmt: skip
    digests = [digest_of(value) for value in values]
    assert len(set(digests)) == len(values)
    assert digest_of(Some(one.copy(), "a")) == digest_of(Some(one, "a"))
    (tmp_path / "a").write_text("x")
    first = digest_of(tmp_path / "a")
    (tmp_path / "a").write_text("y")
    assert digest_of(tmp_path / "a") != first
    with pytest.raises(TypeError, match="object has no digest"):
        digest_of(object())


def test_prepared_arrays_are_made_again_under_another_key(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": np.arange(3) + len(made)}

    place = tmp_path / "run" / "maps.npz"
    first = kept_arrays(place, "a", make)
    assert kept_arrays(place, "a", make)["x"].tolist() == first["x"].tolist() == [1, 2, 3]
    with pytest.warns(UserWarning, match="made by other code, settings or data"):
        assert kept_arrays(place, "b", make)["x"].tolist() == [2, 3, 4]
    np.savez(place, x=np.zeros(3))  # of an earlier version, without a key
    with pytest.warns(UserWarning, match="computed again"):
        assert kept_arrays(place, "b", make)["x"].tolist() == [3, 4, 5]
    place.write_bytes(place.read_bytes()[:40])
    with pytest.warns(UserWarning, match="damaged"):
        assert kept_arrays(place, "b", make)["x"].tolist() == [4, 5, 6]


def test_the_key_of_code_follows_its_files_and_not_its_tests(tmp_path, monkeypatch):
    package = tmp_path / "toy_of_keys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    first = code_key("toy_of_keys")
    (package / "test_a.py").write_text("1")
    assert code_key("toy_of_keys") == first
    (package / "a.py").write_text("1")
    assert code_key("toy_of_keys") != first


def test_a_result_has_its_arm_seed_and_key(lab, tmp_path):
    run_proof(lab, None, tmp_path, only=["drawn"])
    told = json.loads((tmp_path / "drawn-other-2.json").read_text())
    assert (told["arm"], told["seed"], told["figures"]) == ("other", 2, {"score": 3})
    assert len(told["key"]) == 32


def test_every_proof_has_parts_with_arms_and_a_place_in_its_page():
    from mien.zoo import systems

    seen = 0
    for system in systems().values():
        if not system.has("proof"):
            continue
        parts = parts_of(system)
        names = [part.name for part in parts]
        assert len(set(names)) == len(names) > 0, system.card.name
        assert all(part.arms and part.seeds >= 1 for part in parts), system.card.name
        check_page(system.page)
        seen += 1
    assert seen >= 10


def test_rendered_people_are_made_again_for_other_code_or_settings(tmp_path, monkeypatch):
    made, place = [], tmp_path / "run" / "people.npz"

    def recipe(count=2):
        made.append(count)
        return {"x": np.full(count, len(made))}

    assert rendered(recipe, place, "side 48")["x"].tolist() == [1, 1]
    assert rendered(recipe, place, "side 48")["x"].tolist() == [1, 1]
    with pytest.warns(UserWarning, match="other code, settings or data"):
        assert rendered(partial(recipe, 3), place, "side 64")["x"].tolist() == [2, 2, 2]
    monkeypatch.setattr("mien.train.kept.code_key", lambda package: f"newer {package}")
    with pytest.warns(UserWarning, match="other code, settings or data"):
        assert rendered(recipe, place, "side 64")["x"].tolist() == [3, 3]
    assert len(made) == 3


def test_the_file_of_a_recipe_is_part_of_its_key(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "toy_recipe.py"
    file.write_text("def people():\n    return {}\n")
    people = importlib.import_module("toy_recipe").people
    first = recipe_key(people)
    assert recipe_key(people) == recipe_key(partial(people)) == first
    file.write_text("SEED = 2\n" + file.read_text())
    assert recipe_key(people) != first
