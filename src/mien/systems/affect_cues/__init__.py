"""Audit of the cues that change the answers of an affect head; README.md is its card."""
