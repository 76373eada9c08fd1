"""Tables that people write: what spreadsheets export, in any of their separators and encodings."""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mien.errors import MienError

SEPARATORS = ",;\t|"
DECLARED = "sep="  # the first line that Excel writes and reads to name the separator
BOMS = {  # the longer one first, since that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
CHUNK = 1 << 20  # bytes at a time while the encoding is found


class Row(NamedTuple):
    """One line below the headings."""

    line: int  # of the file, from 1; the last one, if a cell has a line break
    cells: list[str]  # without spaces around them; no more than there are headings, or not empty


def read_rows(path: Path) -> tuple[list[str], Iterator[Row]]:
    """Read a table: comma, semicolon, tab or bar; UTF-8, UTF-16, UTF-32 or Windows' own encoding.

    Empty lines are left out.

    Returns:
        The headings as they are written, and the lines below.

    Raises:
        MienError: the file cannot be read, a heading is there twice, or a quotation mark is not
            closed; the last while the lines are read.
    """
    rows = (row for row in _rows(path) if any(row.cells))
    headings = next(rows, Row(1, [])).cells
    if not "".join(headings).isprintable():
        raise MienError(f"{path} cannot be read as a CSV table (its first line is not text).")
    twice = next((name for name in headings if name and headings.count(name) > 1), None)
    if twice:
        raise MienError(f"{path} has two columns '{twice}'; rename or remove one of them.")
    width = len(headings)
    return headings, (
        Row(line, cells if any(cells[width:]) else cells[:width]) for line, cells in rows
    )


def need(path: Path, columns: Sequence[str], headings: Sequence[str]) -> None:
    """Refuse a table without these columns.

    Raises:
        MienError: names the columns, and the headings that were found.
    """
    if not {*columns} <= {*headings}:
        raise MienError(
            f"{path} needs the columns {', '.join(columns)}; its first line names "
            f"{', '.join(filter(None, headings)) or 'nothing'}."
        )


def rows_of(
    path: Path, columns: Sequence[str], *, renamed: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Return the rows of a table, which must have these columns.

    Args:
        path: the file.
        columns: headings that it must have.
        renamed: former headings that are still read, and their names now.

    Raises:
        MienError: it cannot be read, or a line lacks a column.
    """
    headings, found = read_rows(path)
    names = [(renamed or {}).get(name, name) for name in headings]
    names = headings if len({*names}) < len(names) else names  # both are there: the new one counts
    need(path, columns, names)
    rows = []
    for line, cells in found:
        row = dict(zip(names, cells, strict=False))
        lacks = [column for column in columns if column not in row]
        if lacks or len(cells) > len(names):
            what = f"lacks '{lacks[0]}'" if lacks else "has more cells than the first line"
            raise MienError(
                f"{path}, line {line} {what}; a table has one heading line with "
                f"{', '.join(columns)}, and as many cells in each line."
            )
        rows.append(row)
    if not rows:
        raise MienError(f"{path} has no rows below its heading; give a table with data.")
    return rows


def _rows(path: Path) -> Iterator[Row]:
    """All lines that are no declaration of a separator."""
    try:
        encoding = _encoding(path)
        gaps = "replace" if encoding == "cp1252" else "strict"  # five of its bytes are no letter
        with path.open(encoding=encoding, errors=gaps, newline="") as file:
            first = next((line for line in file if line.strip()), "").strip().strip('"')
            declared = first.lower().startswith(DECLARED) and len(first) == len(DECLARED) + 1
            separator = first[-1] if declared else max(SEPARATORS, key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
            for number, cells in enumerate(reader):
                if number or not declared:
                    yield Row(reader.line_num, [cell.strip() for cell in cells])
    except OSError as error:
        raise MienError(f"{path} cannot be read ({error.strerror}).") from error
    except (UnicodeError, csv.Error) as error:
        raise MienError(f"{path} cannot be read as a CSV table ({error}).") from None


def _encoding(path: Path) -> str:
    """The encoding by its mark, else by trial: UTF-8, or what spreadsheets write without it."""
    with path.open("rb") as file:
        head = file.read(4)
        for mark, name in BOMS.items():
            if head.startswith(mark):
                return name
        if b"\0" in head and len(head) == 4:  # letters of Latin scripts in two bytes
            return "utf-16-le" if head[1] == 0 else "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(head)
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"
