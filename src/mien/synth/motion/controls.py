"""Names of the controls of a face: action units, ARKit shapes, visemes, emotions.

Every head has the same 53 shapes, with ARKit's names and L and R as suffixes. Action units,
visemes and emotions are mixtures of these, so that one table works for all heads.

Source: the table of ICT-FaceKit's documentation, except AU10, which is mouthUpperUp here as in
most other tables (there it is mouthShrugUpper), AU23, AU25 and AU26, which it does not have.
"""

import difflib
import math
import warnings
from collections.abc import Mapping

from mien.errors import MienError

_PAIRED = [
    "browDown",
    "browInnerUp",
    "browOuterUp",
    "cheekPuff",
    "cheekSquint",
    "eyeBlink",
    "eyeLookDown",
    "eyeLookIn",
    "eyeLookOut",
    "eyeLookUp",
    "eyeSquint",
    "eyeWide",
    "mouthDimple",
    "mouthFrown",
    "mouthLowerDown",
    "mouthPress",
    "mouthSmile",
    "mouthStretch",
    "mouthUpperUp",
    "noseSneer",
]
_SINGLE = [
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthFunnel",
    "mouthLeft",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
]
SHAPES = tuple(sorted([f"{n}_{side}" for n in _PAIRED for side in "LR"] + _SINGLE))

# Action unit -> shapes at its full strength; paired ones represent both sides.
ACTIONS: dict[str, dict[str, float]] = {
    "AU1": {"browInnerUp": 1},
    "AU2": {"browOuterUp": 1},
    "AU4": {"browDown": 1},
    "AU5": {"eyeWide": 1},
    "AU6": {"cheekSquint": 1},
    "AU7": {"eyeSquint": 1},
    "AU9": {"noseSneer": 1},
    "AU10": {"mouthUpperUp": 1},
    "AU12": {"mouthSmile": 1},
    "AU14": {"mouthDimple": 1},
    "AU15": {"mouthFrown": 1},
    "AU16": {"mouthLowerDown": 1},
    "AU17": {"mouthShrugLower": 1},
    "AU18": {"mouthPucker": 1},
    "AU20": {"mouthStretch": 1},
    "AU22": {"mouthFunnel": 1},
    "AU23": {"mouthPress": 0.7, "mouthRollLower": 0.5, "mouthRollUpper": 0.5},
    "AU24": {"mouthPress": 1},
    "AU25": {"mouthLowerDown": 0.3, "mouthUpperUp": 0.2},
    "AU26": {"jawOpen": 0.4},
    "AU27": {"jawOpen": 1},
    "AU28": {"mouthRollLower": 1, "mouthRollUpper": 1},
    "AU29": {"jawForward": 1},
    "AU30L": {"jawLeft": 1},
    "AU30R": {"jawRight": 1},
    "AU33": {"cheekPuff": 1},
    "AU43": {"eyeBlink": 1},
    "AU45": {"eyeBlink": 1},
    "AU61": {"eyeLookOut_L": 1, "eyeLookIn_R": 1},
    "AU62": {"eyeLookIn_L": 1, "eyeLookOut_R": 1},
    "AU63": {"eyeLookUp": 1},
    "AU64": {"eyeLookDown": 1},
}
# Units of the head: rotation in degrees at full strength (yaw, pitch, roll).
HEAD_UNITS: dict[str, tuple[float, float, float]] = {
    "AU51": (30, 0, 0),  # to the subject's left, which is image right
    "AU52": (-30, 0, 0),
    "AU53": (0, 20, 0),
    "AU54": (0, -20, 0),
    "AU55": (0, 0, 20),  # tilts to the subject's left: clockwise in the image
    "AU56": (0, 0, -20),
}
HEAD_SHIFTS: dict[str, float] = {"AU57": 60.0, "AU58": -60.0}  # mm to the camera
EYE_TURN = 25.0  # degrees of gaze at full strength of AU61 to AU64

VISEMES: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress": 0.5, "mouthRollLower": 0.3, "mouthRollUpper": 0.3},
    "FF": {"mouthRollLower": 0.6, "mouthUpperUp": 0.3},
    "TH": {"jawOpen": 0.15, "mouthLowerDown": 0.1},
    "DD": {"jawOpen": 0.15, "mouthLowerDown": 0.2},
    "kk": {"jawOpen": 0.2},
    "CH": {"mouthFunnel": 0.55, "mouthPucker": 0.2, "jawOpen": 0.12},
    "SS": {"mouthStretch": 0.35, "mouthLowerDown": 0.25},
    "nn": {"jawOpen": 0.12},
    "RR": {"mouthFunnel": 0.3, "mouthPucker": 0.25},
    "aa": {"jawOpen": 0.65},
    "E": {"jawOpen": 0.35, "mouthStretch": 0.35},
    "ih": {"jawOpen": 0.2, "mouthStretch": 0.3, "mouthSmile": 0.25},
    "oh": {"jawOpen": 0.45, "mouthFunnel": 0.5},
    "ou": {"mouthPucker": 0.75, "jawOpen": 0.18},
}
_SPOKEN = {
    "PP": "P B M",
    "FF": "F V",
    "TH": "TH DH",
    "DD": "T D",
    "kk": "K G HH NG",
    "CH": "CH JH SH ZH",
    "SS": "S Z",
    "nn": "N L",
    "RR": "R ER",
    "aa": "AA AH AX AY AW",
    "E": "EH AE EY",
    "ih": "IH IY Y",
    "oh": "AO OW OY",
    "ou": "UW UH W",
    "sil": "SIL",
}
PHONEMES = {phoneme: viseme for viseme, many in _SPOKEN.items() for phoneme in many.split()}

# Source: EMFACS, as combinations of action units.
EMOTIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "joy": {"AU6": 0.8, "AU12": 1},
    "sadness": {"AU1": 1, "AU4": 0.5, "AU15": 1},
    "surprise": {"AU1": 1, "AU2": 1, "AU5": 0.8, "AU26": 1},
    "fear": {"AU1": 1, "AU2": 0.6, "AU4": 0.6, "AU5": 1, "AU7": 0.4, "AU20": 0.8, "AU26": 0.7},
    "anger": {"AU4": 1, "AU5": 0.5, "AU7": 0.7, "AU23": 1},
    "disgust": {"AU9": 1, "AU15": 0.6, "AU16": 0.5},
    "contempt": {"AU12_L": 0.7, "AU14_L": 0.9},
}
# Valence and arousal in [-1, 1] of each at full strength. Source: places in Russell's circumplex.
CIRCUMPLEX = {
    "neutral": (0.0, 0.0),
    "joy": (0.8, 0.5),
    "sadness": (-0.7, -0.4),
    "surprise": (0.2, 0.8),
    "fear": (-0.6, 0.8),
    "anger": (-0.7, 0.7),
    "disgust": (-0.7, 0.3),
    "contempt": (-0.5, 0.2),
}


def resolve(weights: Mapping[str, float]) -> dict[str, float]:
    """Convert weights of any controls to weights of the 53 shapes.

    Args:
        weights: action units ("AU12", one side: "AU12_L"), shapes ("jawOpen", "mouthSmile_L",
            "mouthSmile" for both sides) and visemes ("viseme:PP"), each in [0, 1]. Head units
            (AU51 to AU58) are left out here; see `head_turn`.

    Returns:
        Shape -> weight in [0, 1]; for several controls that move one shape the sum, at most 1.

    Raises:
        MienError: an unknown name (the message names similar ones), or a weight that is NaN.
    """
    out: dict[str, float] = {}
    for name, weight in weights.items():
        amount = _clipped(name, weight)
        for shape, share in _mixture(name).items():
            out[shape] = min(1.0, out.get(shape, 0.0) + amount * share)
    return {shape: value for shape, value in out.items() if value}


def head_turn(weights: Mapping[str, float]) -> tuple[float, float, float, float]:
    """Effect of head units: yaw, pitch, roll in degrees, and mm towards the camera."""
    turn, ahead = [0.0, 0.0, 0.0], 0.0
    for name in weights:
        if name in HEAD_UNITS:
            amount = _clipped(name, weights[name])
            turn = [a + amount * b for a, b in zip(turn, HEAD_UNITS[name], strict=True)]
        ahead += HEAD_SHIFTS[name] * _clipped(name, weights[name]) if name in HEAD_SHIFTS else 0
    return turn[0], turn[1], turn[2], ahead


def gaze(shapes: Mapping[str, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Yaw and pitch in degrees of the right and of the left eye, relative to the head."""
    up = {s: shapes.get(f"eyeLookUp_{s}", 0) - shapes.get(f"eyeLookDown_{s}", 0) for s in "RL"}
    right = shapes.get("eyeLookIn_R", 0) - shapes.get("eyeLookOut_R", 0)
    left = shapes.get("eyeLookOut_L", 0) - shapes.get("eyeLookIn_L", 0)
    return (EYE_TURN * right, EYE_TURN * up["R"]), (EYE_TURN * left, EYE_TURN * up["L"])


def gaze_weights(yaw: float, pitch: float) -> dict[str, float]:
    """Shapes for a gaze of both eyes at yaw and pitch, degrees relative to the head."""
    across, up = yaw / EYE_TURN, pitch / EYE_TURN
    wanted = {
        "eyeLookOut_L": across,
        "eyeLookIn_R": across,
        "eyeLookIn_L": -across,
        "eyeLookOut_R": -across,
        "eyeLookUp_L": up,
        "eyeLookUp_R": up,
        "eyeLookDown_L": -up,
        "eyeLookDown_R": -up,
    }
    return {name: value for name, value in wanted.items() if value > 0}


def arkit52(shapes: Mapping[str, float]) -> dict[str, float]:
    """Weights under the 52 names of ARKit, in which some pairs are one."""
    out: dict[str, float] = {}
    for name in SHAPES:
        short = name[:-2] if name[:-2] in ("browInnerUp", "cheekPuff") else name
        sides = {"L": "Left", "R": "Right"}
        long = short[:-2] + sides[short[-1]] if short[-2] == "_" else short
        out[long] = max(out.get(long, 0.0), float(shapes.get(name, 0.0)))
    return {**out, "tongueOut": 0.0}


def emotion(name: str, strength: float = 1.0) -> dict[str, float]:
    """Action units of an emotion, EMFACS, at a strength in [0, 1]."""
    if name not in EMOTIONS:
        raise _unknown("emotion", name, list(EMOTIONS))
    return {unit: strength * weight for unit, weight in EMOTIONS[name].items()}


def viseme_of(phoneme: str) -> str:
    """The viseme of an ARPAbet phoneme, with or without its stress number."""
    name = phoneme.upper().rstrip("012")
    if name not in PHONEMES:
        raise _unknown("phoneme", phoneme, list(PHONEMES))
    return PHONEMES[name]


def _mixture(name: str) -> dict[str, float]:
    if name in HEAD_UNITS or name in HEAD_SHIFTS:
        return {}
    if name.startswith("viseme:"):
        if name[7:] not in VISEMES:
            raise _unknown("viseme", name[7:], list(VISEMES))
        return _both_sides(VISEMES[name[7:]])
    stem, _, side = name.partition("_")
    if stem in ACTIONS and side in ("", "L", "R"):
        parts = _both_sides(ACTIONS[stem])
        return {
            s: w
            for s, w in parts.items()
            if not side or s[-2:] not in ("_L", "_R") or s[-1] == side
        }
    if name in SHAPES or name in _PAIRED:
        return _both_sides({name: 1.0})
    known = [*ACTIONS, *HEAD_UNITS, *HEAD_SHIFTS, *SHAPES, *_PAIRED]
    raise _unknown("action unit or shape", name, known)


def _both_sides(shapes: Mapping[str, float]) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, weight in shapes.items():
        for full in [f"{name}_L", f"{name}_R"] if name in _PAIRED else [name]:
            out[full] = weight
    return out


def _clipped(name: str, weight: float) -> float:
    if not math.isfinite(weight):
        raise MienError(f"The weight of {name} is {weight}; it must be a number in [0, 1].")
    if not 0 <= weight <= 1:
        warnings.warn(f"The weight {weight:g} of {name} was clipped to [0, 1].", stacklevel=3)
    return min(1.0, max(0.0, float(weight)))


def _unknown(what: str, name: str, known: list[str]) -> MienError:
    near = difflib.get_close_matches(name, known, 4, 0.4) or known[:4]
    return MienError(f"There is no {what} '{name}'; similar names: {', '.join(near)}.")
