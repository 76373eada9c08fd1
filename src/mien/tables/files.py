"""Tables as files: Parquet, or CSV with a JSON file for the metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mien.errors import MienError
from mien.media import write_bytes
from mien.tables.columns import Column
from mien.tables.engines import pandas, parquet, pyarrow
from mien.tables.formulas import harmless, is_formula
from mien.tables.parts import as_pandas, columns_of, facts_of, schema, write_parquet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from mien.tables.contents import TableData

    Loaded = tuple[pd.DataFrame, dict[str, Column], pd.DataFrame, pd.DataFrame, dict[str, Any]]

SUFFIXES: dict[str, Literal["parquet", "csv"]] = {".parquet": "parquet", ".csv": "csv"}
BESIDE = ("events", "recordings")  # tables that are stored beside the main one


def format_of(path: str | os.PathLike[str]) -> Literal["parquet", "csv"]:
    """Return the format of a path from its suffix.

    Raises:
        MienError: the suffix is not supported.
    """
    kind = SUFFIXES.get(Path(path).suffix.lower())
    if kind is None:
        raise MienError(
            f"Table path '{path}' is not supported: the file name must end in .parquet or .csv."
        )
    return kind


def beside(path: Path, what: str, suffix: str = "") -> Path:
    """Return the path of an additional file: film.parquet -> film.events.parquet."""
    return path.with_name(f"{path.stem}.{what}{suffix or path.suffix}")


def save(table: TableData, path: str | os.PathLike[str], kind: str) -> list[str]:
    """Write a table, its events and its recordings; see Table.save."""
    pa = pyarrow()
    path = Path(path)
    if not path.parent.is_dir():
        raise MienError(
            f"'{path}' cannot be written: folder '{path.parent}' does not exist; create it."
        )
    others = {what: getattr(table, what) for what in BESIDE}
    written = [path, *(beside(path, what) for what in BESIDE)]
    if kind == "parquet":
        shape = schema(list(table.columns.values()), table.facts)
        write_parquet(path, as_arrow(table.data, shape))
        for what, data in others.items():
            rows = pa.Table.from_pandas(data, preserve_index=False)
            write_parquet(beside(path, what), rows)
        return [str(one) for one in written]
    write_bytes(path, _csv(table.data))
    for what, data in others.items():
        write_bytes(beside(path, what), _csv(data))
    sidecar = path.with_suffix(".json")
    metadata = {
        "mien": table.facts,
        "columns": {name: column.as_text() for name, column in table.columns.items()},
    }
    write_bytes(sidecar, json.dumps(metadata, ensure_ascii=False, indent=1).encode())
    return [str(one) for one in (*written, sidecar)]


def save_each(
    table: TableData,
    path: str | os.PathLike[str],
    kind: str,
    convert: Callable[[TableData, str], tuple[pd.DataFrame, dict[str, Any]]],
) -> list[str]:
    """Write one CSV per input with the columns of another tool, and a JSON file beside it."""
    path, inputs = Path(path), list(dict.fromkeys(table.data["input"]))
    if len(inputs) > 1 and path.suffix:
        raise MienError(
            f"Format {kind} needs one file per input, and there are {len(inputs)} inputs: give a "
            "folder instead of a file name."
        )
    folder = path.parent if path.suffix else path
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name in inputs:
        target = path if path.suffix else _free(folder / f"{Path(name).stem}.csv", written)
        data, facts = convert(table, name)
        write_bytes(target, _csv(data))
        sidecar = target.with_suffix(".json")
        about = {"mien": table.facts, "input": name, **facts}
        write_bytes(sidecar, json.dumps(about, ensure_ascii=False, indent=1).encode())
        written += [target, sidecar]
    return [str(one) for one in written]


def _free(path: Path, taken: list[Path]) -> Path:
    """Return a name that no other input of this run has."""
    number, wish = 2, path
    while wish in taken:
        wish, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return wish


def _csv(data: pd.DataFrame) -> bytes:
    """CSV in UTF-8; text that a spreadsheet would run as a formula begins with an apostrophe."""
    text = StringIO()
    safe = data.copy(deep=False)
    for name in safe.columns[[not _is_number(kind) for kind in safe.dtypes]]:
        safe[name] = safe[name].map(lambda c: harmless(c) if isinstance(c, str) else c)
    safe.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode("utf-8", "replace")


def _is_number(kind: Any) -> bool:
    return getattr(kind, "kind", "O") in "biuf"


def as_arrow(data: pd.DataFrame, shape: pa.Schema) -> pa.Table:
    """Convert a DataFrame to a schema; None becomes null, and NaN remains NaN in numbers."""
    pa = pyarrow()
    arrays = []
    for field in shape:
        column = data[field.name]
        if pa.types.is_floating(field.type):
            arrays.append(pa.array(column.to_numpy(float, na_value=float("nan")), field.type))
        else:
            arrays.append(pa.array(column, field.type, from_pandas=True))
    return pa.Table.from_arrays(arrays, schema=shape)


def load(path: str | os.PathLike[str], only: Collection[str] | None = None) -> Loaded:
    """Read a table from `save`; see Table.read."""
    pa, pd, pq = pyarrow(), pandas(), parquet()
    path = Path(path)
    if not path.is_file():
        raise MienError(f"'{path}' does not exist; check the path.")
    if format_of(path) == "csv":
        return _load_csv(path)
    try:
        shape = pq.read_schema(path)
        columns, facts = columns_of(shape), facts_of(shape, path)
        kept = [n for n, c in columns.items() if only is None or c.group == "keys" or n in only]
        rows = pq.read_table(path, columns=kept)
    except (OSError, pa.ArrowInvalid) as error:
        raise MienError(f"'{path}' is not a complete Parquet file ({error}).") from error
    others = [
        pq.read_table(beside(path, what)).to_pandas()
        if beside(path, what).is_file()
        else pd.DataFrame()
        for what in BESIDE
    ]
    return as_pandas(rows), columns, others[0], others[1], facts


def _load_csv(path: Path) -> Loaded:
    pd = pandas()
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        raise MienError(
            f"'{path}' has no {sidecar.name} beside it, which describes its columns. For tables of "
            "other tools use mien.tables.read_openface, read_pyfeat or read_libreface."
        )
    metadata = json.loads(sidecar.read_text("utf-8"))
    if "columns" not in metadata:
        raise MienError(
            f"'{sidecar}' does not describe columns, so it does not belong to a table of mien."
        )
    columns = {name: Column.of(name, facts) for name, facts in metadata["columns"].items()}
    kinds = {
        name: {"int": "Int32", "text": "str", "single": "float32"}.get(column.kind, "float64")
        for name, column in columns.items()
    }
    data = _unescaped(pd.read_csv(path, dtype=kinds))
    others = [
        _unescaped(pd.read_csv(beside(path, what)))
        if _filled(beside(path, what))
        else pd.DataFrame()
        for what in BESIDE
    ]
    return data, columns, others[0], others[1], metadata["mien"]


def _unescaped(data: pd.DataFrame) -> pd.DataFrame:
    """Text as it was before `_csv` put an apostrophe before a formula."""
    for name in data.columns[[not _is_number(kind) for kind in data.dtypes]]:
        data[name] = data[name].map(
            lambda cell: (
                cell[1:]
                if isinstance(cell, str) and is_formula(cell[1:]) and cell[0] == "'"
                else cell
            )
        )
    return data


def _filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 1
