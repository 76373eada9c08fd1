"""Shared parts of audits: chips of the subject, and the count of its queries."""

from mien.audit.chips import Cut, read_chips
from mien.audit.queries import counted

__all__ = ["Cut", "counted", "read_chips"]
