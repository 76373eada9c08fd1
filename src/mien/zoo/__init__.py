"""Cards: which models exist, where their weights are, what their licences allow, how to open one.

Listing reads TOML and imports no model code. Weights are fetched when a model is opened, checked
by SHA-256, converted once and kept in the cache.
"""

from mien.zoo.card import Card, CardError, File, FileSet, Package, cards, read_card
from mien.zoo.licences import LedgerRow, ledger, ledger_json, ledger_markdown, ledger_text
from mien.zoo.loader import DETECTOR, EMBEDDER, find, load, require_commercial
from mien.zoo.sample import sample, samples
from mien.zoo.systems import System, find_system, systems
from mien.zoo.weights.cache import damage, folder, home, is_fetched, is_stored
from mien.zoo.weights.fetch import bundle, fetch

__all__ = [
    "DETECTOR",
    "EMBEDDER",
    "Card",
    "CardError",
    "File",
    "FileSet",
    "LedgerRow",
    "Package",
    "System",
    "bundle",
    "cards",
    "damage",
    "fetch",
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
    "load",
    "read_card",
    "require_commercial",
    "sample",
    "samples",
    "systems",
]
