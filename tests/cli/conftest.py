"""Run commands as a user does, in this process."""

import sys

import pytest


@pytest.fixture
def mien(monkeypatch, capsys):
    """Return mien(*words) -> exit code, stdout, stderr."""

    def run(*words):
        from mien.cli.main import main

        monkeypatch.setattr(sys, "argv", ["mien", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return run
