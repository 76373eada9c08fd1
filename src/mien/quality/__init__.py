"""Face image quality in the terms of ISO/IEC 29794-5, with advice for better images."""

from mien.quality.judge import judge

__all__ = ["judge"]
