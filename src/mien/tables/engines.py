"""Deferred imports of pandas and pyarrow."""

from typing import Any

from mien.errors import extra


def pandas() -> Any:
    """Import the package pandas."""
    with extra("analyze", "A table"):
        import pandas
    return pandas


def pyarrow() -> Any:
    """Import the package pyarrow."""
    with extra("analyze", "A table"):
        import pyarrow
    return pyarrow


def parquet() -> Any:
    """Import the module pyarrow.parquet."""
    with extra("analyze", "A table"):
        import pyarrow.parquet
    return pyarrow.parquet


def require() -> None:
    """Raise an error before the analysis if the packages for tables are not installed."""
    pandas()
    pyarrow()
