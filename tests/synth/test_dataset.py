import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mien.errors import MienError
from mien.synth.data.dataset import Plan, draw
from mien.synth.data.recipes import RECIPES, find_recipe, plan
from mien.synth.data.samples import split_of

pytestmark = pytest.mark.slow

PLAN = Plan("expressions", 4, seed=1, size=48)


def tree(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("sets") / "whole"
    draw(PLAN, out)
    return out


def test_a_manifest_has_one_line_an_item_and_everything_it_names(whole):
    rows = [json.loads(line) for line in (whole / "manifest.jsonl").read_text().splitlines()]
    assert [row["number"] for row in rows] == [0, 1, 2, 3]
    for row in rows:
        assert row["synthetic"] is True
        assert all((whole / name).is_file() for name in row["files"].values())
        assert row["labels"]["emotion"] in ("neutral", "joy", "sadness", "surprise")
        assert len(row["parameters"]) == 16
    assert len({row["parameters"] for row in rows}) == 4
    assert len({row["identity_id"] for row in rows}) == 1  # eight items a person


def test_the_card_says_synthetic(whole):
    text = (whole / "README.md").read_text()
    assert "**Synthetic**" in text
    assert "not categories of" in text


def test_an_interrupted_run_goes_on_to_the_same_bytes(whole, tmp_path):
    def stop(name, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(PLAN, tmp_path / "x", on_step=stop)
    assert not (tmp_path / "x" / "manifest.jsonl").exists()
    draw(PLAN, tmp_path / "x")
    assert tree(tmp_path / "x") == tree(whole)


def test_two_workers_draw_the_same_bytes_and_a_killed_run_goes_on(whole, tmp_path):
    out = tmp_path / "x"
    code = f"from mien.synth.data.dataset import *; draw({PLAN!r}, Path({str(out)!r}))"
    run = subprocess.Popen([sys.executable, "-c", f"from pathlib import Path; {code}"])
    rows = out / "rows"
    while not (rows.is_dir() and any(rows.iterdir())):
        assert run.poll() is None
        time.sleep(0.1)
    run.send_signal(signal.SIGKILL)
    run.wait()
    (out / "items" / ".0123456789abcdef.part").write_bytes(b"half")  # as a kill leaves it
    draw(PLAN, out, workers=2)
    assert tree(out) == tree(whole)


def test_a_folder_with_something_else_is_left_alone(whole, tmp_path):
    (tmp_path / "mine.txt").write_text("dear diary")
    with pytest.raises(MienError, match="neither an empty folder"):
        draw(PLAN, tmp_path)
    with pytest.raises(MienError, match="holds another data set"):
        draw(Plan("expressions", 5, seed=1, size=48), whole)


def test_a_full_disk_is_told_and_nothing_half_done_counts(tmp_path, monkeypatch):
    left = [3]

    def full(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(*args, **kwargs)

    replace = os.replace
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(MienError, match="disk is full"):
        draw(PLAN, tmp_path / "x")
    monkeypatch.undo()
    assert not (tmp_path / "x" / "manifest.jsonl").exists()
    assert not list((tmp_path / "x").rglob("*.part"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_plans_the_same_item_twice(builtin, name):
    recipe = find_recipe(name)
    first, second = (plan(recipe, builtin, 3, 7, 64) for _ in range(2))
    assert first[0] == 3 // recipe.each
    assert first[1].digest() == second[1].digest()
    assert json.dumps(dict(first[1].labels)) == json.dumps(dict(second[1].labels))
    assert plan(recipe, builtin, 4, 7, 64)[1].digest() != first[1].digest()
    shown = first[1].scene, first[1].take, first[1].group
    assert sum(one is not None for one in shown) == 1


def test_unknown_recipes_and_mad_sizes_are_told():
    with pytest.raises(MienError, match=r"no recipe 'cats'.*identities"):
        Plan("cats", 1)
    with pytest.raises(MienError, match="items"):
        Plan("identities", 0)
    with pytest.raises(MienError, match="px"):
        Plan("identities", 1, size=4)


def test_splits_hold_whole_people_in_the_shares_that_are_told():
    splits = [split_of(person, 3, 200) for person in range(200)]
    assert splits == [split_of(person, 3, 200) for person in range(200)]
    assert splits.count("train") == 140
    assert splits.count("test") == 30
