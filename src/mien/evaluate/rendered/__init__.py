"""Check rendered people with real models: detection, landmarks and identity.

A passed check means that the images are usable. It does not show how good a model is on people.
"""

from mien.evaluate.rendered.acceptance import Accepted, Finder, acceptance, finder, fits
from mien.evaluate.rendered.checks import Check, check_head
from mien.evaluate.rendered.identity import IdentitySeparation, compare_identities
from mien.evaluate.rendered.response import Response, landmark_error, responses

__all__ = [
    "Accepted",
    "Check",
    "Finder",
    "IdentitySeparation",
    "Response",
    "acceptance",
    "check_head",
    "compare_identities",
    "finder",
    "fits",
    "landmark_error",
    "responses",
]
