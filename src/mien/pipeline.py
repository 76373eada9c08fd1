"""Deprecated: what was here is in mien.photo, mien.film and mien.service; see mien.deprecated."""

from mien.deprecated import moved

__getattr__ = moved(__name__)
