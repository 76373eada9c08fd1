"""How usable a face is for recognition, in the terms of ISO/IEC 29794-5, and what to mend."""

from mien.quality.judge import judge

__all__ = ["judge"]
