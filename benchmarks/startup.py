"""Measure the cost of a start: processor seconds of fresh processes, and bytes of the core.

Processor time, not wall-clock time, so that a busy machine has little effect; still,
compare with the row of bare Python from the same run.

Example: python benchmarks/startup.py
"""

import argparse
import importlib.metadata as metadata
import os
import resource
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from peers import spread

import mien
from mien.zoo import sample

SAMPLES = ("astronaut.png", "grace_hopper.jpg")
MIEN = str(Path(sys.executable).parent / "mien")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "import mien": [sys.executable, "-c", "import mien"],
    "mien --version": [MIEN, "--version"],
    "mien --help": [MIEN, "--help"],
    "mien verify A B": [MIEN, "verify", *(str(sample(name)) for name in SAMPLES)],
}
LIMITS = {"import mien": 0.25, "mien --help": 0.5, "mien verify A B": 1.2}  # processor s, promised


def cpu_seconds(command: list[str]) -> float:
    """Processor time, user and system, of one fresh process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def installed(extra: str = "") -> dict[str, int]:
    """Bytes on disk of mien and of all its requirements, by distribution.

    Args:
        extra: of mien, whose packages count as well; none: the core alone.
    """
    package = Path(mien.__file__).parent  # an editable installation lists no files of ours
    sizes = {"mien": sum(path.stat().st_size for path in package.rglob("*") if shipped(path))}
    wanted, seen = [("mien", extra)], set()
    while wanted:
        name, chosen = wanted.pop()
        seen.add((name, chosen))
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": chosen}):
                continue
            found = requirement.name.lower().replace("_", "-")
            more = {(found, ""), *((found, each) for each in requirement.extras)}
            wanted += more - seen
            if found not in sizes:
                listed = metadata.files(found) or ()
                places = {Path(str(file.locate())) for file in listed}
                sizes[found] = sum(place.stat().st_size for place in places if place.is_file())
    return sizes


def extras(core: dict[str, int]) -> dict[str, dict[str, int] | None]:
    """Bytes that each extra adds to the core; None where it is not installed."""
    found: dict[str, dict[str, int] | None] = {}
    for name in metadata.metadata("mien").get_all("Provides-Extra") or ():
        try:
            whole = installed(name)
        except metadata.PackageNotFoundError:
            found[name] = None
            continue
        found[name] = {other: size for other, size in whole.items() if other not in core}
    return found


def shipped(path: Path) -> bool:
    """Whether a file of the source tree goes into the wheel."""
    return path.is_file() and "__pycache__" not in path.parts and not path.match("test_*.py")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    for command in COMMANDS.values():
        cpu_seconds(command)  # writes byte code, and loads the files into the disk cache
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(args.repeats):
        for name, command in COMMANDS.items():
            times[name].append(cpu_seconds(command))
    print(f"Processor seconds, {args.repeats} fresh processes by turns, {os.cpu_count()} cores")
    for name, each in times.items():
        limit = f"promised < {LIMITS[name]:g}" if name in LIMITS else ""
        print(f"{name:16} {spread(each, '.2f'):>20}   {limit}")
    sizes = installed()
    print(f"\nInstalled core: {sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} distributions")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:12]:
        print(f"{name:26} {size / 1e6:8.1f} MB")
    print("\nWhat an extra adds")
    for extra, added in extras(sizes).items():
        size_text = (
            "not installed"
            if added is None
            else f"{sum(added.values()) / 1e6:8.0f} MB in {len(added)}"
        )
        print(f"{extra:26} {size_text}")


if __name__ == "__main__":
    main()
