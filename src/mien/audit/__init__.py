"""What every audit needs: data cut for its subject, and a count of what the subject was asked."""

from mien.audit.chips import Cut, read_chips
from mien.audit.queries import counted

__all__ = ["Cut", "counted", "read_chips"]
