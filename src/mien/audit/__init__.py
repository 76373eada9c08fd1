"""Shared parts of audits: subjects, scope, consent, isolation, chips and the count of queries."""

from mien.audit.chips import Cut, read_chips
from mien.audit.consent import read_consent, require_consent
from mien.audit.isolation import offline
from mien.audit.queries import CountedModel, counted
from mien.audit.subjects import ScoreMatcher, embedder_of, head_of, matcher_of, require_no_url
from mien.audit.vision_language import vlm_of

__all__ = [
    "CountedModel",
    "Cut",
    "ScoreMatcher",
    "counted",
    "embedder_of",
    "head_of",
    "matcher_of",
    "offline",
    "read_chips",
    "read_consent",
    "require_consent",
    "require_no_url",
    "vlm_of",
]
