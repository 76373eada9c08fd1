"""What was found, told to people: one HTML page with pictures; and to programs: plain rows."""

from mien.report.entries import Entry, entry
from mien.report.findings import write_findings
from mien.report.page import write_answers

__all__ = [
    "Entry",
    "entry",
    "write_answers",
    "write_findings",
]
