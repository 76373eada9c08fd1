"""Commands of `mien eval`."""
