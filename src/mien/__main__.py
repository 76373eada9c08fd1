"""`python -m mien` is the same as `mien`."""

from mien.cli.main import main

main()
