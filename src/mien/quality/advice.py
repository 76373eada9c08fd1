"""Advice for better images, one sentence per quality component."""

from collections.abc import Callable

Measures = dict[str, float]

# For each component: the condition for advice, and the sentence. The thresholds concern
# recognition, not passports.
_RULES: dict[str, tuple[Callable[[float], bool], Callable[[float], str]]] = {
    # 36 px: below, the chip of 112 px that most embedders expect must be enlarged.
    "inter_eye_distance": (
        lambda px: px < 36,
        lambda px: (
            f"Come closer or take a larger image: the eyes are {px:.0f} px apart, "
            "and at least 36 are required."
        ),
    ),
    # 30 degrees: where the similarities of most embedders begin to fall.
    "head_pose_yaw": (
        lambda degrees: abs(degrees) > 30,
        lambda degrees: (
            f"Turn towards the camera: the face is turned {abs(degrees):.0f} degrees to image "
            f"{'right' if degrees > 0 else 'left'}."
        ),
    ),
    # Five points give a coarse pitch, so the limit is higher.
    "head_pose_pitch": (
        lambda degrees: abs(degrees) > 35,
        lambda degrees: (
            f"Hold the head level: the face is turned {'up' if degrees > 0 else 'down'} by about "
            f"{abs(degrees):.0f} degrees."
        ),
    ),
    # Alignment makes the chip upright, so roll only indicates a rotated image.
    "head_pose_roll": (
        lambda degrees: abs(degrees) > 45,
        lambda degrees: (
            f"Rotate the image: the head is tilted {abs(degrees):.0f} degrees "
            f"{'clockwise' if degrees > 0 else 'anticlockwise'}."
        ),
    ),
    "sharpness": (
        lambda share: share < 0.2,  # component below 22
        lambda share: (
            f"Hold still and focus on the face: it is blurred (sharpness {share:.2f}; "
            "sharp faces have 0.35 and more)."
        ),
    ),
    "under_exposure_prevention": (
        lambda share: share > 0.9,
        lambda share: f"Increase the light on the face: {share:.0%} of it is nearly black.",
    ),
    "over_exposure_prevention": (
        lambda share: share > 0.1,
        lambda share: f"Reduce the light on the face: {share:.0%} of it is overexposed.",
    ),
    "dynamic_range": (
        lambda bits: bits < 4.5,
        lambda bits: (
            f"Check for fog, a dirty lens or poor light: the face has {bits:.1f} bits of contrast, "
            "and at least 4.5 are required."
        ),
    ),
    # Ratio of the mean light of the cheeks; 2.5 is more than one stop of the camera.
    "illumination_uniformity": (
        lambda times: times > 2.5,
        lambda times: (
            f"Light both sides of the face evenly: one cheek gets {times:.1f} times the light of "
            "the other."
        ),
    ),
    "natural_colour": (
        lambda distance: distance > 12,  # component below 46
        lambda distance: (
            "Correct the colour of the light or the white balance: the cheeks do not have the "
            "colour of "
            "skin."
        ),
    ),
    # Where the outline of a mean face (ICT-FaceKit) would leave the image: 0.7 eye distances
    # beside the eyes, the hairline 0.6 and the chin 1.0 lengths from eyes to chin away.
    "leftward_crop_of_the_face_image": (
        lambda room: room < 0.7,
        lambda _: "Move the camera: the face is cut at the left side of the image.",
    ),
    "rightward_crop_of_the_face_image": (
        lambda room: room < 0.7,
        lambda _: "Move the camera: the face is cut at the right side of the image.",
    ),
    "margin_above_of_the_face_image": (
        lambda room: room < 0.6,
        lambda _: "Move the camera: the face is cut at the top of the image.",
    ),
    "margin_below_of_the_face_image": (
        lambda room: room < 1.0,
        lambda _: "Move the camera: the face is cut at the bottom of the image.",
    ),
}


def advise(components: Measures, measures: Measures, cheek_ratio: float | None) -> tuple[str, ...]:
    """Return advice, lowest component first.

    There is no advice for head_size and single_face_present, which concern portraits and not
    recognition, and none for luminance_mean and luminance_variance, which depend on skin
    colour.

    Args:
        components: name -> 0 to 100.
        measures: the same names -> native measure.
        cheek_ratio: mean light of the lighter cheek over that of the darker, if both are visible.

    Returns:
        Sentences; none if nothing needs correction.
    """
    if cheek_ratio is not None:
        measures = {**measures, "illumination_uniformity": cheek_ratio}
    worst_first = sorted(components, key=lambda name: (components[name], name))
    rules = ((_RULES[name], measures[name]) for name in worst_first if name in _RULES)
    return tuple(say(measure) for (bad, say), measure in rules if bad(measure))
