"""Every card, old or new, passes these; a new model adds nothing here."""

import hashlib
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mien
from mien.datasets import CLIPS, LABELS
from mien.film.readings import head_column
from mien.testing import check, made_up_clip, noise
from mien.zoo import cards, fill_options, list_options, load, options_type
from mien.zoo.loader import entry_of

CARDS = cards()
ROOT = Path(mien.__file__).parent
HEADINGS = ("Input", "Output", "Trained on", "Result", "Reproduce", "Where it fails", "Do not use")
SPDX = {"MIT", "Apache-2.0", "CC0-1.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0"}
REPO_FILE, REPO_ALL = 5_000_000, 40_000_000  # bytes of weights that may be committed
each_card = pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)


@each_card
def test_the_facts_are_complete(card):
    assert re.fullmatch(r"[a-z0-9-]+", card.name)
    assert card.licence in SPDX or card.licence.startswith(("LicenseRef-", "CC-BY-NC"))
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in card.files)
    assert all(r["command"].startswith(("mien ", "python benchmarks/")) for r in card.results)
    assert card.paper.startswith("https://")


@each_card
def test_a_licence_that_says_non_commercial_is_never_sold_as_commercial(card):
    assert card.commercial is not True or not re.search("NC|NonCommercial|Unstated", card.licence)


@each_card
def test_addresses_name_a_release_or_commit_and_never_a_moving_branch(card):
    for file in card.files:
        assert not re.search(r"/(main|master|latest|HEAD)/", file.source)


@each_card
def test_an_archive_is_the_release_that_its_sources_name(card):
    if card.package:
        name, version = re.match(r"package:([^=]+)==([^!]+)!", card.files[0].source).groups()
        assert card.package.archive.lower().startswith(f"{name.lower()}-{version}")
        ending = ".whl" if card.package.only_binary else ".tar.gz"
        assert card.package.archive.endswith(ending)


@each_card
def test_weights_of_this_package_are_small_and_unharmed(card):
    for file in card.files:
        if file.source.startswith("repo:"):
            content = (ROOT / file.source.removeprefix("repo:")).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file.sha256
            assert len(content) == file.size <= REPO_FILE


def test_all_weights_of_this_package_together_are_small():
    own = {f for card in CARDS.values() for f in card.files if f.source.startswith("repo:")}
    assert sum(file.size for file in own) <= REPO_ALL


def test_no_two_cards_stand_for_the_same_weights():
    assert len({card.digest for card in CARDS.values()}) == len(CARDS)


@each_card
def test_what_a_card_names_can_be_imported(card):
    for name in filter(None, (card.entry, card.convert)):
        module, _, attribute = name.partition(":")
        assert callable(getattr(import_module(module), attribute))


@each_card
def test_the_entry_takes_the_files_and_options_of_its_card(card):
    weights = [Path(file.ready) for file in card.files]
    told = {"name": card.name, "digest": card.digest, "device": "cpu"}
    options = {} if card.kind in ("maker", "audit") else card.options
    inspect.signature(entry_of(card)).bind(*weights, **told, **options)


@each_card
def test_needs_and_settings_of_a_card_are_those_of_its_entry(card):
    if card.kind in ("clip-head", "maker", "audit"):
        needs = entry_of(card).needs
        assert card.needs == needs if card.kind == "maker" else set(card.needs) == needs
    if card.kind in ("maker", "audit"):
        assert fill_options(options_type(card), (), card.name, card.options)
        assert all(option.about for option in list_options(options_type(card), card.options))


@each_card
def test_the_layout_of_an_evaluation_is_one_that_is_read(card):
    if card.eval:
        assert card.eval.layout in (CLIPS if card.eval.protocol == "clips" else LABELS)


SYSTEMS = [card for card in CARDS.values() if card.entry.startswith("mien.systems.")]
READERS = [c for c in SYSTEMS if c.kind in ("chip-head", "clip-head") and c.files]


@pytest.mark.parametrize("card", READERS, ids=lambda card: card.name)
def test_a_head_keeps_its_contract_and_fills_exactly_the_columns_of_its_card(card):
    head = load(card.name)
    check(card.kind, head)
    if card.kind == "chip-head":
        readings = head(noise(4, head.crop.size))
    else:
        readings = head(made_up_clip(24, head))
    given = {}
    for reading in [one for r in readings for one in (r, *r.derived)]:
        for end, side in (("", reading.values), ("low", reading.low), ("high", reading.high)):
            for name, value in (side or {}).items():
                given[reading.task, name, end] = reading.unit, value
    columns = {(c.task or card.task, c.value, c.end): c for c in card.columns}
    assert set(given) <= set(columns)
    # A derived reading may leave a number out that is undecided; the head's own has all of them.
    assert {key for key in columns if key[0] == card.task} <= set(given)
    for key, (unit, value) in given.items():
        column = columns[key]
        assert column.unit == unit
        assert column.range is None or column.range[0] <= value <= column.range[1]


@pytest.mark.parametrize("card", READERS, ids=lambda card: card.name)
def test_the_column_of_a_chip_head_has_the_name_that_tables_give_it(card):
    for column in card.columns if card.kind == "chip-head" else ():
        end = {"": "", "low": "_lo", "high": "_hi"}[column.end]
        assert column.name == head_column(column.task or card.task, column.value) + end


@pytest.mark.parametrize("card", SYSTEMS, ids=lambda card: card.name)
def test_an_audit_keeps_its_contract(card):
    if card.kind == "audit":
        check("audit", load(card.name), **contract_of(card))


def contract_of(card):
    """What an audit's own test gives for the check: its function contract(); mostly nothing."""
    package = card.entry.partition(":")[0].rpartition(".")[0]
    tests = import_module(f"{package}.test_{package.rpartition('.')[2]}")
    return tests.contract() if hasattr(tests, "contract") else {}


@pytest.mark.parametrize(
    "folder", [p.parent for p in ROOT.glob("systems/*/card.toml")], ids=lambda p: p.name
)
def test_the_folder_of_a_system_is_complete(folder):
    page = (folder / "README.md").read_text("utf-8")
    assert [heading for heading in HEADINGS if heading not in page] == []
    assert (folder / f"test_{folder.name}.py").exists()


def test_opening_every_entry_never_loads_torch():
    entries = [card.entry.partition(":") for card in CARDS.values()]
    lines = [f"from {module} import {name}" for module, _, name in entries]
    code = "\n".join(["import sys", *lines, "assert 'torch' not in sys.modules"])
    subprocess.run([sys.executable, "-c", code], check=True)
