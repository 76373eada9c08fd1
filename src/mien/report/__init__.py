"""Reports: HTML pages for people, and rows of JSON for programs."""

from mien.report.entries import Entry, entry
from mien.report.findings import write_findings
from mien.report.page import write_answers

__all__ = [
    "Entry",
    "entry",
    "write_answers",
    "write_findings",
]
