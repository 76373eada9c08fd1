"""Readers of action units."""

from pathlib import Path

from mien.datasets.lines import whole
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError


def ckplus_units(table: Path) -> dict[str, dict[str, int]]:
    """Codes of CK+ as one table: subject, sequence, emotion, AU1, AU2 ... with 0 or 1.

    Args:
        table: such as ck48_aus.csv, whose sequences (S010_004) begin the names of the images.

    Returns:
        Sequence -> unit ("AU01") -> 0 or 1.

    Raises:
        MienError: a column is missing, a code is not 0 or 1, or a sequence has two rows.

    Source: Lucey et al., CVPRW 2010; the table is that of NetFACS.
    """
    found: dict[str, dict[str, int]] = {}
    for line, row in enumerate(rows_of(table, ("subject", "sequence", "AU1")), 2):
        where = f"{table}, line {line}"
        codes = {
            f"AU{int(name[2:]):02d}": whole(value, where)
            for name, value in row.items()
            if name[:2] == "AU" and name[2:].isdecimal()
        }
        wrong = next((unit for unit, value in codes.items() if value not in (0, 1)), None)
        if wrong:
            raise MienError(f"{where}: {wrong} is {codes[wrong]}, not 0 or 1.")
        if row["sequence"] in found:
            raise MienError(f"{where}: sequence {row['sequence']} has two rows.")
        found[row["sequence"]] = codes
    if not found:
        raise MienError(f"{table} has no rows; expected the action units of CK+.")
    return found
