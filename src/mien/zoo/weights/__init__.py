"""Weights on disk: fetch, verify, unpack, cache."""
