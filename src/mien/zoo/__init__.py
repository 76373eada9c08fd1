"""Cards: which models exist, where their weights are, what their licences allow, how to open one.

Listing reads TOML and imports no model code. Weights are fetched when a model is opened, checked
by SHA-256, converted once and kept in the cache.
"""

from mien.zoo.card import Card, CardError, File, Package, cards, read_card
from mien.zoo.opening import find, load, require_commercial
from mien.zoo.store import bundle, fetch

__all__ = [
    "Card",
    "CardError",
    "File",
    "Package",
    "bundle",
    "cards",
    "fetch",
    "find",
    "load",
    "read_card",
    "require_commercial",
]
