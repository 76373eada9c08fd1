"""The measured recall of an approximate index, and when it is no longer used."""

from dataclasses import dataclass

from mien.metrics.intervals import wilson

EVERY = 16  # one of so many searches is compared with an exact one; the first always is
LEAST = 0.99  # share of the nearest people; below it, searches are exact


@dataclass
class Recall:
    """The share of the nearest people that approximate searches found."""

    searches: int = 0
    compared: int = 0  # searches that were compared with exact ones
    wanted: int = 0  # people of the exact searches
    found: int = 0  # of them, those that the approximate searches found

    def due(self) -> bool:
        """Count a search; return whether it must be compared with an exact one."""
        self.searches += 1
        return self.searches % EVERY == 1

    def add(self, found: set[int], exact: set[int]) -> None:
        """Add a comparison of the people found by both searches."""
        self.compared += 1
        self.wanted += len(exact)
        self.found += len(found & exact)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share; (0, 1) before the first comparison.

        Source: Wilson (1927), of people as independent trials.
        """
        return wilson(self.found, self.wanted) if self.wanted else (0.0, 1.0)

    @property
    def good(self) -> bool:
        """Whether the index may still answer: the share can be LEAST or more."""
        return self.interval[1] >= LEAST
