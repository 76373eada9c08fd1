"""Sixteen action units of one face, from its pixels, with a third answer: undecided."""
