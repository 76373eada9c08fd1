"""What a person can do to get a better picture, in plain words."""

from collections.abc import Callable

Measures = dict[str, float]

# For each component: is it bad enough to speak of, and what to say. The thresholds are about
# recognition, not about passports, and are stated here so that they can be argued with.
_RULES: dict[str, tuple[Callable[[float], bool], Callable[[float], str]]] = {
    # 36 px: below, a chip of 112 px as most embedders want it has to be enlarged.
    "inter_eye_distance": (
        lambda px: px < 36,
        lambda px: (
            f"Come closer or take a larger picture: the eyes are {px:.0f} px apart, "
            "and 36 are wanted."
        ),
    ),
    # 30 degrees: where the match scores of most embedders begin to fall.
    "head_pose_yaw": (
        lambda degrees: abs(degrees) > 30,
        lambda degrees: (
            f"Turn towards the camera: the face is turned {abs(degrees):.0f} degrees to image "
            f"{'right' if degrees > 0 else 'left'}."
        ),
    ),
    # Five points tell the pitch only coarsely, so it takes more to speak.
    "head_pose_pitch": (
        lambda degrees: abs(degrees) > 35,
        lambda degrees: (
            f"Hold the head level: the face looks {'up' if degrees > 0 else 'down'} by about "
            f"{abs(degrees):.0f} degrees."
        ),
    ),
    # Alignment turns the chip upright, so a tilt only tells that the picture may be lying.
    "head_pose_roll": (
        lambda degrees: abs(degrees) > 45,
        lambda degrees: (
            f"Turn the picture: the head is tilted {abs(degrees):.0f} degrees "
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
        lambda share: f"Bring more light to the face: {share:.0%} of it is nearly black.",
    ),
    "over_exposure_prevention": (
        lambda share: share > 0.1,
        lambda share: f"Take light away from the face: {share:.0%} of it is burnt out.",
    ),
    "dynamic_range": (
        lambda bits: bits < 4.5,
        lambda bits: (
            f"Look for fog, a dirty lens or poor light: the face has {bits:.1f} bits of contrast, "
            "and 4.5 are wanted."
        ),
    ),
    # Of the ratio of the cheeks' mean light; 2.5 is a good stop of the camera.
    "illumination_uniformity": (
        lambda times: times > 2.5,
        lambda times: (
            f"Light both sides of the face alike: one cheek gets {times:.1f} times the light of "
            "the other."
        ),
    ),
    "natural_colour": (
        lambda distance: distance > 12,  # component below 46
        lambda distance: (
            "Mend the colour of the light or the white balance: the cheeks are not the colour of "
            "skin."
        ),
    ),
    # Where the outline of a mean face (ICT-FaceKit) would leave the picture: 0.7 eye distances
    # beside the eyes, the hairline 0.6 and the chin 1.0 lengths from eyes to chin away.
    "leftward_crop_of_the_face_image": (
        lambda room: room < 0.7,
        lambda _: "Move the camera: the face is cut at the left side of the picture.",
    ),
    "rightward_crop_of_the_face_image": (
        lambda room: room < 0.7,
        lambda _: "Move the camera: the face is cut at the right side of the picture.",
    ),
    "margin_above_of_the_face_image": (
        lambda room: room < 0.6,
        lambda _: "Move the camera: the face is cut at the top of the picture.",
    ),
    "margin_below_of_the_face_image": (
        lambda room: room < 1.0,
        lambda _: "Move the camera: the face is cut at the bottom of the picture.",
    ),
}


def advise(components: Measures, measures: Measures, cheek_ratio: float | None) -> tuple[str, ...]:
    """Say what to mend, lowest component first.

    Nothing is said of head_size and single_face_present, which are about portraits and not about
    whether a face can be recognised, and nothing of luminance_mean and luminance_variance, which
    depend on the colour of the skin.

    Args:
        components: name -> 0 to 100.
        measures: the same names -> native measure.
        cheek_ratio: mean light of the lighter cheek over that of the darker, if both are seen.

    Returns:
        Sentences; none if nothing needs mending.
    """
    if cheek_ratio is not None:
        measures = {**measures, "illumination_uniformity": cheek_ratio}
    worst_first = sorted(components, key=lambda name: (components[name], name))
    rules = ((_RULES[name], measures[name]) for name in worst_first if name in _RULES)
    return tuple(say(measure) for (bad, say), measure in rules if bad(measure))
