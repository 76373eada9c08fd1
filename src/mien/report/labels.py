"""Labels of the reports, for readers without knowledge of face recognition."""

# Outcome of a face or an image -> the text of its badge.
OUTCOMES = {
    "match": "match",
    "review": "review",
    "unknown": "unknown",
    "found": "found",
    "none": "no face",
    "error": "error",
}
MEANINGS = {
    "match": "score is above the threshold",
    "review": "a person must check the result",
    "unknown": "no person of the gallery is similar enough",
    "found": "face without identification",
    "none": "no face was found in the image",
    "error": "the image could not be read",
}

# Component of ISO/IEC 29794-5 -> label.
COMPONENTS = {
    "single_face_present": "one face only",
    "inter_eye_distance": "size",
    "head_size": "size of the head in the frame",
    "head_pose_yaw": "face turned to the camera",
    "head_pose_pitch": "level head",
    "head_pose_roll": "upright head",
    "leftward_crop_of_the_face_image": "room at the left",
    "rightward_crop_of_the_face_image": "room at the right",
    "margin_above_of_the_face_image": "room above",
    "margin_below_of_the_face_image": "room below",
    "sharpness": "sharpness",
    "under_exposure_prevention": "sufficient light",
    "over_exposure_prevention": "no excess of light",
    "dynamic_range": "contrast",
    "luminance_mean": "brightness",
    "luminance_variance": "spread of brightness",
    "illumination_uniformity": "even light",
    "natural_colour": "natural colour",
}
# Rules of portraits, or dependent on skin colour: excluded from "weakest".
ASIDE = {"single_face_present", "head_size", "luminance_mean", "luminance_variance"}

# Action unit -> movement of the face. Source: names of Ekman, Friesen and Hager, FACS, 2002.
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
    "quality": "assess quality",
    "embed": "compute embeddings",
    "match": "search the gallery",
}


def component(name: str) -> str:
    """Return the label of a quality component."""
    return COMPONENTS.get(name, name.replace("_", " "))


def step(name: str) -> str:
    """Return the label of a step of the pipeline."""
    return STEPS.get(name, name)


def counted(count: int, thing: str, things: str | None = None) -> str:
    """Return a count with its noun: `1,234 images`, `1 image`."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def one_in(rate: float) -> str:
    """Format a small rate as `1 in 1,000`; a large rate in percent."""
    return f"1 in {round(1 / rate):,}" if 0 < rate <= 0.34 else f"{rate:.0%}"


def percent(probability: float) -> str:
    """Format a probability in percent, never rounded to 0 % or 100 %."""
    if probability >= 0.9995:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.0005 else f"{probability * 100:.1f} %"


def time(seconds: float) -> str:
    """Format a duration in a suitable unit."""
    if seconds < 0.0995:
        return f"{seconds * 1e3:.2g} ms" if seconds < 0.00995 else f"{seconds * 1e3:.0f} ms"
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
