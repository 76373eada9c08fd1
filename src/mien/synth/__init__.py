"""The face synthesiser: renders synthetic people with complete ground truth."""

from mien.synth.data.film_truth import FilmTruth, read_truth
from mien.synth.head.actor import Actor
from mien.synth.head.head_files import open_head
from mien.synth.head.model import HeadModel
from mien.synth.motion.controls import emotion, gaze_weights, viseme_of
from mien.synth.render.camera import Camera, Pose
from mien.synth.render.light import Lamp, Light, random_light
from mien.synth.render.scene import Frame, Scene, render
from mien.synth.skin.appearance import Appearance, Person, aged, make_person

__all__ = [
    "Actor",
    "Appearance",
    "Camera",
    "FilmTruth",
    "Frame",
    "HeadModel",
    "Lamp",
    "Light",
    "Person",
    "Pose",
    "Scene",
    "aged",
    "emotion",
    "gaze_weights",
    "make_person",
    "open_head",
    "random_light",
    "read_truth",
    "render",
    "viseme_of",
]
