"""What things are called on the page, for people who know nothing of faces."""

# Outcome of a face or a picture -> the word on its badge.
OUTCOMES = {
    "match": "match",
    "review": "review",
    "unknown": "unknown",
    "found": "found",
    "none": "no face",
    "error": "error",
}
MEANINGS = {
    "match": "alike enough to give the name",
    "review": "a person should look",
    "unknown": "nobody that the gallery knows",
    "found": "a face, nobody was asked who",
    "none": "no face in the picture",
    "error": "the picture could not be read",
}

# Component of ISO/IEC 29794-5 -> words.
COMPONENTS = {
    "single_face_present": "one face only",
    "inter_eye_distance": "size",
    "head_size": "size of the head in the frame",
    "head_pose_yaw": "facing the camera",
    "head_pose_pitch": "level head",
    "head_pose_roll": "upright head",
    "leftward_crop_of_the_face_image": "room at the left",
    "rightward_crop_of_the_face_image": "room at the right",
    "margin_above_of_the_face_image": "room above",
    "margin_below_of_the_face_image": "room below",
    "sharpness": "sharpness",
    "under_exposure_prevention": "enough light",
    "over_exposure_prevention": "not too much light",
    "dynamic_range": "contrast",
    "luminance_mean": "brightness",
    "luminance_variance": "spread of brightness",
    "illumination_uniformity": "even light",
    "natural_colour": "natural colour",
}
# About portraits, or dependent on the colour of the skin: never called the weakest.
ASIDE = {"single_face_present", "head_size", "luminance_mean", "luminance_variance"}

# Action unit -> what the face does. Source: names of Ekman, Friesen and Hager, FACS, 2002.
UNITS = {
    "AU01": "inner brows raised",
    "AU02": "outer brows raised",
    "AU04": "brows lowered",
    "AU05": "upper lids raised",
    "AU06": "cheeks raised",
    "AU07": "lids tightened",
    "AU09": "nose wrinkled",
    "AU10": "upper lip raised",
    "AU12": "mouth corners pulled",
    "AU14": "dimples",
    "AU15": "mouth corners down",
    "AU17": "chin raised",
    "AU20": "lips stretched",
    "AU23": "lips tightened",
    "AU25": "lips parted",
    "AU26": "jaw dropped",
    "AU45": "eyes closed",
}

STEPS = {
    "detect": "find faces",
    "quality": "judge quality",
    "embed": "describe faces",
    "match": "compare with known people",
}


def component(name: str) -> str:
    """A quality component in plain words."""
    return COMPONENTS.get(name, name.replace("_", " "))


def step(name: str) -> str:
    """A step of the pipeline in plain words."""
    return STEPS.get(name, name)


def counted(count: int, thing: str, things: str | None = None) -> str:
    """`1,234 pictures`, `1 picture`."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def one_in(rate: float) -> str:
    """A small rate as `1 in 1,000`; a large one in percent."""
    return f"1 in {round(1 / rate):,}" if 0 < rate <= 0.34 else f"{rate:.0%}"


def percent(probability: float) -> str:
    """A probability in percent, never rounded up to certainty or down to impossibility."""
    if probability >= 0.9995:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.0005 else f"{probability * 100:.1f} %"


def time(seconds: float) -> str:
    """A stretch of time in the unit that suits it."""
    if seconds < 0.0995:
        return f"{seconds * 1e3:.2g} ms" if seconds < 0.00995 else f"{seconds * 1e3:.0f} ms"
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
