"""Audit whether a head processes each face of a batch independently."""
