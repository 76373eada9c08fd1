"""Planted questions: their answer is known, so that they measure how far a reviewer agrees.

They are made of what people confirmed: two faces of one confirmed group, or faces of two groups
that were confirmed as two people. An answer to one changes nothing.
"""

import json
import random

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mien.albums import Groups
from mien.albums.groups import Member
from mien.metrics import wilson
from mien.server.access import Caller, Reviewer
from mien.server.groups import groups_of

router = APIRouter(prefix="/v1/review", tags=["review"])
EVERY = 10  # answers of a reviewer between two planted questions
TRIES = 20  # pairs that are drawn before there is none left to ask


class Agreement(BaseModel):
    """How often the answers of this key to planted questions were the known ones."""

    asked: int
    agreed: int
    low: float | None = Field(description="95 % interval of the share (Wilson); None: none asked")
    high: float | None


@router.get("/agreement")
def agreement(caller: Reviewer) -> Agreement:
    """Show how often this key agreed with planted questions, whose answers are known.

    One in ten questions is planted, once the album has confirmed groups. Skipped ones do not count.
    """
    asked, agreed = caller.state.store.one(
        "SELECT count(*), coalesce(sum(CASE WHEN answer = planted THEN 1 ELSE 0 END), 0) "
        "FROM questions WHERE tenant = ? AND by = ? AND planted IS NOT NULL "
        "AND answer IN ('yes', 'no')",
        *(caller.tenant, caller.key.id),
    )
    low, high = wilson(agreed, asked) if asked else (None, None)
    return Agreement(asked=asked, agreed=agreed, low=low, high=high)


def plant(caller: Caller, album: str, gallery: str) -> bool:
    """Add a planted question to an album if it is time for one; return whether it was added."""
    store = caller.state.store
    [since] = store.one(
        "SELECT count(*) FROM questions WHERE tenant = ? AND by = ? AND answer IS NOT NULL "
        "AND planted IS NULL AND at > coalesce((SELECT max(at) FROM questions WHERE tenant = ? "
        "AND by = ? AND planted IS NOT NULL), 0)",
        *(caller.tenant, caller.key.id, caller.tenant, caller.key.id),
    )
    waiting = store.one(
        "SELECT 1 FROM questions WHERE album = ? AND planted IS NOT NULL AND answer IS NULL", album
    )
    if since < EVERY or waiting:
        return False
    with groups_of(caller, album, read_only=True) as groups:
        drawn = draw(groups, random.Random(f"{album} {caller.key.id} {since} {open_at(caller)}"))
    if drawn is None:
        return False
    first, second = drawn
    calibration = caller.state.pipelines.searching(caller.gallery(gallery)).calibrated()
    score = float(calibration.pair_scores(first.vector[None], second.vector[None])[0])
    threshold = calibration.at_fmr(1e-4).score
    same = first.group == second.group
    done = store.run(
        "INSERT INTO questions "
        "(tenant, album, kind, first, second, score, threshold, planted, shown) "
        "VALUES (?, ?, 'same', ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        *(caller.tenant, album, first.group, second.group, score, threshold),
        *("yes" if same else "no", json.dumps([[first.id], [second.id]])),
    )
    return bool(done)


def open_at(caller: Caller) -> int:
    """Return how many planted questions this tenant has had, so that others are drawn."""
    query = "SELECT count(*) FROM questions WHERE tenant = ? AND planted IS NOT NULL"
    return int(caller.state.store.one(query, caller.tenant)[0])


def draw(groups: Groups, chance: random.Random) -> tuple[Member, Member] | None:
    """Return two faces of confirmed groups, of one person or of two; None if there are none."""
    by_group: dict[int, list[Member]] = {}
    for member in groups.members():
        if member.confirmed and member.group is not None:
            by_group.setdefault(member.group, []).append(member)
    numbers = sorted(by_group)
    for _ in range(TRIES if numbers else 0):
        one = chance.choice(numbers)
        if chance.random() < 0.5 and len(by_group[one]) > 1:
            pair = chance.sample(by_group[one], 2)
            return pair[0], pair[1]
        other = chance.choice(numbers)
        if other != one:
            low, high = sorted((one, other))
            return chance.choice(by_group[low]), chance.choice(by_group[high])
    return None
