"""How real models take rendered people: are they found, read and told apart as people are?

Passing says that the pictures are usable, never how good a model is on people.
"""

from mien.evaluate.rendered.acceptance import Accepted, Finder, acceptance, finder, fits
from mien.evaluate.rendered.checks import Check, check_head
from mien.evaluate.rendered.identity import Apart, tell_apart
from mien.evaluate.rendered.response import Response, landmark_error, responses

__all__ = [
    "Accepted",
    "Apart",
    "Check",
    "Finder",
    "Response",
    "acceptance",
    "check_head",
    "finder",
    "fits",
    "landmark_error",
    "responses",
    "tell_apart",
]
