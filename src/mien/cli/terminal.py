"""Terminal output of all commands: results on stdout, everything else on stderr."""

import json
import math
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from mien.types import OnStep

SHORTEST = 24  # characters that a name keeps in a table, however narrow the terminal is
# Marks that turn the direction of writing. Source: Unicode Standard Annex 9, section 2.
DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NO_MATCH, NO_FACE, UNREAD = 3, 4, 5  # exit codes with --exit-code; 1 and 2 are errors of the run
STOPPED = 130  # exit code after Ctrl-C, as shells expect

console = Console(stderr=True)  # for messages and progress; stdout is for results
_answers = Console()


def complain(message: str) -> None:
    """Print one line on stderr, with the prefix "mien: "."""
    typer.echo(f"mien: {printable(message)}", err=True)


def printable(text: str) -> str:
    """Escape the codes that would act on the terminal.

    File names and names of people are untrusted: a name may clear the screen, set the
    clipboard, or turn the direction of writing.
    """
    return "".join(char if _harmless(char) else _escaped(char) for char in text)


def _harmless(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs") and char not in DIRECTIONS


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shortened(name: str, width: int) -> str:
    """Shorten a name to `width` characters in its middle, since its end states the type."""
    if len(name) <= width:
        return name
    tail = width * 2 // 5
    return f"{name[: width - tail - 1]}…{name[len(name) - tail :]}"


def print_json_line(row: Any) -> None:
    """Print one result as one line of JSON.

    NaN means "missing" and becomes null, since JSON has no NaN; arrays become lists, paths text.
    """
    plain = _plain(row)
    line = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # an old Windows console, or a file name that is not UTF-8
        line = json.dumps(plain, allow_nan=False)
    typer.echo(line)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return str(value) if isinstance(value, Path) else value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print a human-readable table. Long cells are folded, so that 80 columns suffice.

    Args:
        columns: headings; one that ends in ">" is set flush right, for numbers.
        rows: cells; None is shown as a dash, which is not the same as 0 or "no".
        title: a line above the table; "" for none.
    """
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    cells = [[printable(_cell(cell)) for cell in row] for row in rows]
    headings = [column.rstrip(">") for column in columns]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    # Names stay whole, so that they can be copied, as long as the other columns have room.
    room = max(_answers.width - sum(width + 2 for width in widths[1:]), SHORTEST)
    for number, column in enumerate(columns):
        justify: Any = "right" if column.endswith(">") else "left"
        table.add_column(headings[number], justify=justify, overflow="fold", no_wrap=number == 0)
    for first, *rest in cells:
        # Text: "[x]" in a name is no markup.
        table.add_row(*(Text(cell) for cell in (shortened(first, room), *rest)))
    _answers.print(table)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextmanager
def progress(*, in_bytes: bool = False) -> Iterator[OnStep]:
    """Show progress bars on stderr during the block; nothing if stderr is not a terminal.

    Yields the hook for `on_step` of library functions: one bar per artefact.
    """
    if not console.is_terminal:
        yield lambda name, done, total: None
        return
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def on_step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=None)
            # A total of 0 means unknown: the bar then pulses.
            bars.update(tasks[name], completed=done, total=total or None)

        yield on_step
