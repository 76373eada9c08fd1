"""Embedders map chips to unit vectors; vectors of one person are close to each other."""

from mien.embed.arcface import ArcFaceEmbedder
from mien.embed.dlib import DlibEmbedder

__all__ = ["ArcFaceEmbedder", "DlibEmbedder"]
