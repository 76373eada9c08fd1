"""Parts of tables on disk, each complete or absent, from which a stopped run continues."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, StorageError
from mien.tables.columns import Column
from mien.tables.engines import pandas, parquet, pyarrow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TYPES = {"float": "float64", "single": "float32", "int": "int32", "text": "string"}
FACTS = b"mien"  # key of the metadata of mien in a file


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A block of rows, and the state that a run continues from."""

    rows: pa.Table
    state: dict[str, Any]


def schema(columns: Sequence[Column], facts: dict[str, Any] | None = None) -> pa.Schema:
    """Return the Parquet schema: units, signs and models per field, facts per file."""
    pa = pyarrow()
    fields = [
        pa.field(c.name, pa.type_for_alias(TYPES[c.kind]), metadata=c.as_text()) for c in columns
    ]
    metadata = (
        {FACTS: json.dumps(facts, ensure_ascii=False).encode()} if facts is not None else None
    )
    return pa.schema(fields, metadata=metadata)


def facts_of(found: pa.Schema, where: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the facts that `schema` stored.

    Raises:
        MienError: the file is not a table of mien.
    """
    raw = (found.metadata or {}).get(FACTS)
    if raw is None:
        raise MienError(
            f"'{where}' is a Parquet file, but not a table of mien; open it with "
            "pandas.read_parquet, or read tables of other tools with mien.tables.read_openface."
        )
    facts: dict[str, Any] = json.loads(raw)
    return facts


def columns_of(found: pa.Schema) -> dict[str, Column]:
    """Return the columns of a schema."""
    texts = {
        field.name: {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        for field in found
    }
    return {name: Column.of(name, facts) for name, facts in texts.items()}


def part_of(columns: Sequence[Column], values: dict[str, Any], state: dict[str, Any]) -> Part:
    """Create one part.

    Args:
        columns: of the part.
        values: column -> list or array, all of one length; None and NaN are missing.
        state: JSON state that a later run continues from.
    """
    pa = pyarrow()
    shape = schema(columns, state)
    arrays = [_array(values[c.name], pa.type_for_alias(TYPES[c.kind])) for c in columns]
    return Part(pa.Table.from_arrays(arrays, schema=shape), state)


def write_part(path: Path, part: Part) -> None:
    """Write one part.

    Raises:
        MienError: the disk is full or lost; earlier parts remain complete.
    """
    write_parquet(path, part.rows)


def joined(parts: Iterable[Part], columns: Sequence[Column]) -> pd.DataFrame:
    """Concatenate the rows of parts; without parts, return an empty table with types."""
    pa = pyarrow()
    rows = [part.rows for part in parts] or [schema(columns).empty_table()]
    return as_pandas(pa.concat_tables([one.replace_schema_metadata(None) for one in rows]))


def as_pandas(rows: pa.Table) -> pd.DataFrame:
    """Convert rows to a DataFrame; integers that may be missing remain integers."""
    pa, pd = pyarrow(), pandas()
    kinds = {pa.int32(): pd.Int32Dtype()}
    frame = rows.replace_schema_metadata(None).to_pandas(types_mapper=kinds.get, split_blocks=False)
    return frame


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    pa = pyarrow()
    if isinstance(values, np.ndarray):
        return pa.array(values, type=kind)
    return pa.array(values, type=kind, from_pandas=False)


def write_parquet(path: Path, rows: pa.Table) -> None:
    """Write a Parquet file that is complete or absent.

    Raises:
        MienError: no such folder, no permission, disk full.
    """
    pq = parquet()
    beside = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        pq.write_table(rows, beside, compression="zstd")
        os.replace(beside, path)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror or error}); earlier files are whole."
        ) from error
    finally:
        with suppress(OSError):  # it is renamed already on success
            beside.unlink()


def write_columns(path: Path, columns: Mapping[str, NDArray[Any]], about: str) -> None:
    """Write arrays of one length as a Parquet file with a sentence about it in its metadata.

    Raises:
        MienError: pyarrow is missing, no such folder, no permission, disk full.
    """
    pa = pyarrow()
    rows = pa.table({name: pa.array(values) for name, values in columns.items()})
    write_parquet(path, rows.replace_schema_metadata({"about": about}))


def read_part(path: Path) -> Part | None:
    """Read one part; None if it is incomplete."""
    pa, pq = pyarrow(), parquet()
    try:
        rows = pq.read_table(path)
        return Part(rows, facts_of(rows.schema, path))
    except (OSError, pa.ArrowInvalid, MienError, ValueError):
        return None
