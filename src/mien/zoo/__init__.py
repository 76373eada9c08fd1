"""Model cards: which models exist, where their weights are, what their licences allow, loading.

Listing reads TOML and imports no model code. Weights are fetched when a model is opened, checked
by SHA-256, converted once and cached.
"""

from typing import TYPE_CHECKING

from mien.deprecated import moved
from mien.zoo.card import Card, CardError, File, FileSet, Origin, Package, read_card
from mien.zoo.facts import CardColumn, Draw, Eval
from mien.zoo.licences import LedgerRow, ledger, ledger_json, ledger_markdown, ledger_text
from mien.zoo.loader import (
    DETECTOR,
    EMBEDDER,
    card_of_contract,
    find,
    load,
    options_type,
    require_commercial,
)
from mien.zoo.options import Option, fill_options, list_options
from mien.zoo.outside import Fault, outside
from mien.zoo.runs import add_run, added, read_run, remove_run
from mien.zoo.sample import sample, samples
from mien.zoo.systems import System, cards, faults, find_system, systems
from mien.zoo.weights.cache import damage, folder, home, is_fetched, is_stored
from mien.zoo.weights.fetch import bundle, fetch
from mien.zoo.write import write_card

__all__ = [
    "DETECTOR",
    "EMBEDDER",
    "Card",
    "CardColumn",
    "CardError",
    "Draw",
    "Eval",
    "Fault",
    "File",
    "FileSet",
    "LedgerRow",
    "Option",
    "Origin",
    "Package",
    "System",
    "add_run",
    "added",
    "bundle",
    "card_of_contract",
    "cards",
    "damage",
    "faults",
    "fetch",
    "fill_options",
    "find",
    "find_system",
    "folder",
    "home",
    "is_fetched",
    "is_stored",
    "ledger",
    "ledger_json",
    "ledger_markdown",
    "ledger_text",
    "list_options",
    "load",
    "options_type",
    "outside",
    "read_card",
    "read_run",
    "remove_run",
    "require_commercial",
    "sample",
    "samples",
    "systems",
    "write_card",
]

if not TYPE_CHECKING:  # a type checker shall not take every name for granted
    __getattr__ = moved(__name__)
