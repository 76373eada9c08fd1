"""Functions with the names and results of other libraries, for scripts that are not rewritten yet.

import mien.compat.face_recognition as face_recognition
from mien.compat.deepface import DeepFace

Where an answer of the other library would be untrue here, such as a fixed threshold or a stretched
confidence, a `CompatWarning` states so once, and ours is given instead.
"""

from mien.compat.scale import CompatWarning

__all__ = ["CompatWarning"]
