"""The `mien` command: parse, call one library function, print."""
