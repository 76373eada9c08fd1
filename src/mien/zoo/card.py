"""Cards: one TOML file a model, read and checked here. Reading cards imports no model code."""

import hashlib
import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from mien.errors import MienError

KINDS = ("detector", "landmarker", "embedder", "chip-head", "clip-head", "maker", "audit")
NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
SHA256 = r"[0-9a-f]{64}"
ENTRY = r"mien(\.[a-z_][a-z0-9_]*)+:[A-Za-z_]\w*"  # only our own code
LICENCE = r"(LicenseRef-)?[A-Za-z0-9][A-Za-z0-9.+-]*( (AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*"
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"  # becomes a file of the cache
SOURCE = (
    r"repo:(?!/)[\w./+-]+"
    r"|package:[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+![\w./+-]+"
    r"|(https://|http://(127\.0\.0\.1|localhost)(:\d+)?/)[^\s!?#]+(![\w./+ -]+)?"
)
COMMERCIAL = 'true, false or "unknown"'
RESULT = {"protocol", "metric", "value", "command"}  # required; "low" and "high" may follow

Record = TypeVar("Record")
Check = tuple[str, str, str, str]  # key, value, pattern, what it should be


class CardError(MienError, ValueError):
    """A card.toml is not what a card must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of weights: where it comes from and how it is recognised."""

    source: str  # repo:PATH, package:NAME==VERSION!MEMBER, https://... or https://...zip!MEMBER
    sha256: str  # of the file as fetched (of the member, if it comes out of an archive)
    size: int  # bytes, as fetched
    ready: str = ""  # its name in the cache, after conversion; default: the source's last part

    def __post_init__(self) -> None:
        if not self.ready:
            object.__setattr__(self, "ready", self.raw)

    @property
    def raw(self) -> str:
        """Name of the file as fetched: the last part of its source."""
        return re.split(r"[/!]", self.source)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """How to ask pip, so that every Python on every system is given the same archive."""

    archive: str  # file name of the wheel or sdist
    archive_sha256: str
    archive_size: int  # bytes
    python_version: str | None = None  # wheel tags, for wheels that are not pure Python
    platform: str | None = None
    implementation: str | None = None
    abi: str | None = None
    only_binary: bool = True  # true: a wheel; false: an sdist


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSet:
    """Files that belong together: what they are, where they come from, how they are recognised."""

    name: str
    licence: str  # SPDX, of the files, not of the code
    files: tuple[File, ...]  # in the order in which the entry takes them; systems may have none
    # "package.module:function", called with source and target path. What it writes is part of
    # what the digest stands for, so a converter that writes something else gets a new name.
    convert: str | None = None
    package: Package | None = None  # only for package: sources

    @property
    def digest(self) -> str:
        """Which files these are, as 12 hexadecimal characters: all hashes and the converter.

        A card without weights is known by its name.
        """
        hashes = [file.sha256 for file in self.files] or [self.name]
        # Galleries hold digests, so the converter counts under the name it was first known by.
        converter = (self.convert or "").replace("mien.zoo.convert.", "mien.zoo.convert_")
        parts = [*hashes, converter]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    @property
    def ours(self) -> bool:
        """Whether its files lie in this package, ready for use."""
        return not self.convert and all(file.source.startswith("repo:") for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all its files, as fetched."""
        return sum(file.size for file in self.fetched)

    @property
    def fetched(self) -> tuple[File, ...]:
        """One of the files of each source: a converter may cut what was fetched into several."""
        return tuple({file.source: file for file in self.files}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Card(FileSet):
    """The facts about one model. Field names are the keys of its TOML file."""

    kind: str  # which contract it keeps, one of KINDS
    task: str  # the question it answers: "detect", "embed", "smile"
    entry: str  # "package.module:Class"
    commercial: bool | Literal["unknown"]  # whether that licence allows commercial use
    trained_on: str  # a sentence
    paper: str  # https://
    needs: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)  # defaults for the class
    results: tuple[dict[str, Any], ...] = ()
    default: bool = False  # a head that answers where nobody named one


def cards(task: str | None = None) -> dict[str, Card]:
    """Every card, or those of one task, by name. Imports no model code."""
    found: dict[str, Card] = {}
    for path in card_paths():
        card = _known(path, path.stat().st_mtime_ns)
        if card.name in found:
            raise CardError(f"{path} is a second card named '{card.name}'; names are never reused.")
        found[card.name] = card
    return {name: card for name, card in sorted(found.items()) if task in (None, card.task)}


@lru_cache(maxsize=256)
def _known(path: Path, written: int) -> Card:
    """A card as it was written then; reading all of them takes 50 ms, and every model asks."""
    return read_card(path)


def card_paths() -> list[Path]:
    """The card files of the package: weights of others, and our own systems."""
    root = Path(str(resources("mien")))
    return sorted([*root.glob("zoo/cards/*.toml"), *root.glob("systems/*/card.toml")])


def read_card(path: Path) -> Card:
    """Read one card and check every field of it.

    Raises:
        CardError: naming the file, the key and what is wrong with it.
    """
    table = _parsed(path)
    table["results"] = tuple(_tables(table, "results", path))
    table["needs"] = tuple(table.get("needs", ()))
    card = _record(Card, table, str(path))
    problem = next((p for p in (_facts(card), _weights(card), _results(card)) if p), None)
    if problem:
        raise CardError(f"{path}: {problem}.")
    return card


def read_file_set(path: Path) -> FileSet:
    """Read files that are no model: a card without the facts about one.

    Raises:
        CardError: naming the file, the key and what is wrong with it.
    """
    found = _record(FileSet, _parsed(path), str(path))
    problem = _first_wrong(_names(found)) or _weights(found)
    if problem:
        raise CardError(f"{path}: {problem}.")
    return found


def _parsed(path: Path) -> dict[str, Any]:
    """The table of a card, with the records of its files."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"{path} is not readable TOML ({error}); correct that line.") from None
    table["files"] = tuple(
        _record(File, item, f"{path}, [[files]] {number}")
        for number, item in enumerate(_tables(table, "files", path), 1)
    )
    if "package" in table:
        table["package"] = _record(Package, table["package"], f"{path}, [package]")
    return table


def _tables(table: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise CardError(f"{path}: '{key}' must be written as tables, [[{key}]].")
    return value


def _record(kind: type[Record], table: Any, where: str) -> Record:
    """Make a record of a table; every key must be known and every needed key there."""
    if not isinstance(table, dict):
        raise CardError(f"{where} must be a table.")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(table.keys() - known.keys())
    needed = [n for n, f in known.items() if f.default is f.default_factory is MISSING]
    missing = [name for name in needed if name not in table]
    if unknown:
        raise CardError(
            f"{where} has the unknown key '{unknown[0]}'; a card may have {', '.join(known)}."
        )
    if missing:
        raise CardError(f"{where} lacks the key '{missing[0]}'; add it.")
    for name, value in table.items():
        wanted = _wanted(str(known[name].type))
        if wanted and (not isinstance(value, wanted) or (wanted is int and value is True)):
            raise CardError(f"{where}: '{name}' must be of type {wanted.__name__}, got {value!r}.")
    return kind(**table)


def _wanted(annotation: str) -> type | None:
    """The TOML type behind an annotation, or None if it is checked elsewhere."""
    plain = {"str": str, "int": int, "bool": bool, "str | None": str, "dict[str, Any]": dict}
    name = annotation.removeprefix("<class '").removesuffix("'>")
    return plain.get(name.replace("typing.", ""))


def _names(files: FileSet) -> list[Check]:
    return [
        ("name", files.name, NAME, "lower-case words joined by hyphens"),
        ("convert", files.convert or "mien.x:y", ENTRY, "mien.module:function"),
        ("licence", files.licence, LICENCE, "an SPDX name, or LicenseRef-... where none fits"),
    ]


def _facts(card: Card) -> str | None:
    """What is wrong with the facts of a card, or None."""
    return _first_wrong(
        [
            *_names(card),
            ("task", card.task, NAME, "lower-case words joined by hyphens"),
            ("kind", card.kind, "|".join(KINDS), f"one of {', '.join(KINDS)}"),
            ("entry", card.entry, ENTRY, "mien.module:Class"),
            ("paper", card.paper, r"https://\S+", "an https:// address"),
            ("trained_on", card.trained_on, r"(?s)\S.*\S", "a sentence"),
            ("commercial", repr(card.commercial), "True|False|'unknown'", COMMERCIAL),
        ]
    )


def _weights(card: FileSet) -> str | None:
    """What is wrong with the files of a card, or None."""
    if not card.files:  # a method that learns from its user's data, or from none
        ours = isinstance(card, Card) and card.entry.startswith("mien.systems.")
        return None if ours and not card.package else "it needs at least one [[files]]"
    checks: list[Check] = []
    for file in card.files:
        checks += [
            ("source", file.source, SOURCE, "repo:, package:NAME==VERSION!MEMBER or https://"),
            ("sha256", file.sha256, SHA256, "64 hexadecimal characters in lower case"),
            ("size", str(file.size), "[1-9][0-9]*", "a number of bytes above 0"),
            ("ready", file.ready, FILE_NAME, "a plain file name"),
        ]
    packaged = {file.source.partition("!")[0] for file in card.files if _packaged(file)}
    if card.package:
        package = card.package
        checks += [
            ("archive_sha256", package.archive_sha256, SHA256, "64 hexadecimal characters"),
            ("archive_size", str(package.archive_size), "[1-9][0-9]*", "a number of bytes above 0"),
            ("archive", package.archive, FILE_NAME, "the file name of a wheel or sdist"),
        ]
    wrong = _first_wrong(checks)
    ready = [file.ready for file in card.files]
    if not wrong and len(set(ready)) < len(ready):
        wrong = f"two files would both be kept as '{max(ready, key=ready.count)}'"
    if not wrong and any(".." in file.source.split("/") for file in card.files):
        wrong = "a source must not contain '..'"
    if not wrong and len(packaged) > 1:
        wrong = "all its package: sources must name one package and version"
    if not wrong and bool(packaged) != bool(card.package):
        wrong = "[package] goes with package: sources and only with them"
    return wrong


def _packaged(file: File) -> bool:
    return file.source.startswith("package:")


def _first_wrong(checks: list[Check]) -> str | None:
    wrong = (check for check in checks if not re.fullmatch(check[2], check[1]))
    return next((f"'{key}' must be {should}, got '{got}'" for key, got, _, should in wrong), None)


def _results(card: Card) -> str | None:
    """What is wrong with the results of a card, or None."""
    for result in card.results:
        odd = sorted(result.keys() - RESULT - {"low", "high"}) or sorted(RESULT - result.keys())
        if odd:
            return f"a [[results]] has {', '.join(sorted(result))}, which is wrong about '{odd[0]}'"
    return None
