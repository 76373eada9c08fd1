"""pandas and pyarrow, imported when a table is made and not before."""

from typing import Any

from mien.errors import extra


def pandas() -> Any:
    """The package pandas."""
    with extra("analyze", "A table"):
        import pandas
    return pandas


def pyarrow() -> Any:
    """The package pyarrow."""
    with extra("analyze", "A table"):
        import pyarrow
    return pyarrow


def parquet() -> Any:
    """The module pyarrow.parquet."""
    with extra("analyze", "A table"):
        import pyarrow.parquet
    return pyarrow.parquet


def require() -> None:
    """Tell at once, before hours of work, if what tables are made with is not installed."""
    pandas()
    pyarrow()
