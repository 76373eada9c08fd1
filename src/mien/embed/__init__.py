"""Embedders: chips in, unit vectors out. Nearness of vectors means sameness of person."""

from mien.embed.arcface import ArcFaceEmbedder
from mien.embed.dlib import DlibEmbedder

__all__ = ["ArcFaceEmbedder", "DlibEmbedder"]
