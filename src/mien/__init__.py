"""Faces: who is it, is it real, what does it show, how far can the answer be trusted."""
