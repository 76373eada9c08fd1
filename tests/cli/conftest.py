"""Run commands as a user does, in this process, or in one that waits for its end."""

import subprocess
import sys
import time

import pytest

HELD = """
import sys, threading
from contextlib import contextmanager
from pathlib import Path
from mien.cli import terminal

sign, upto = Path(sys.argv[1]), int(sys.argv[2])

@contextmanager
def progress(**how):
    def on_step(name, done, total):
        if done >= upto and not sign.exists():
            sign.touch()
            threading.Event().wait()  # for the signal
    yield on_step

terminal.progress = progress
sys.argv = ["mien", *sys.argv[3:]]
from mien.cli.main import main
main()
"""


@pytest.fixture
def held(tmp_path):
    """Return held(upto, *words) -> a process that got so far and now waits for a signal.

    `upto` is what progress counts: seconds of film, pictures. The process cannot be over before
    the signal comes, however fast the machine is. `before` is code that it runs first.
    """

    def start(upto, *words, before=""):
        sign = tmp_path / f"held-{time.monotonic_ns()}"
        words = [sys.executable, "-c", before + HELD, sign, upto, *words]
        run = subprocess.Popen([str(word) for word in words], stdout=-1, stderr=-1, text=True)
        while not sign.exists():
            assert run.poll() is None, run.communicate()[1]
            time.sleep(0.02)
        return run

    return start


@pytest.fixture
def own_runs(tmp_path, monkeypatch):
    """A MIEN_HOME whose folder of runs no other test sees; weights are those of all."""
    from mien.zoo import home

    real, mine = home(), tmp_path / "home"
    (mine / "runs").mkdir(parents=True)
    for name in ("models", "work", "partial", "locks"):
        (real / name).mkdir(parents=True, exist_ok=True)
        (mine / name).symlink_to(real / name)
    monkeypatch.setenv("MIEN_HOME", str(mine))


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
