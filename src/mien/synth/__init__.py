"""The face synthesiser: people who do not exist, drawn with the whole truth about them."""

from mien.synth.actor import Actor
from mien.synth.camera import Camera, Pose
from mien.synth.controls import emotion, looking, viseme_of
from mien.synth.head import HeadModel
from mien.synth.heads import open_head
from mien.synth.light import Lamp, Light, random_light
from mien.synth.looks import Look, Person, aged, make_person
from mien.synth.scene import Frame, Scene, render

__all__ = [
    "Actor",
    "Camera",
    "Frame",
    "HeadModel",
    "Lamp",
    "Light",
    "Look",
    "Person",
    "Pose",
    "Scene",
    "aged",
    "emotion",
    "looking",
    "make_person",
    "open_head",
    "random_light",
    "render",
    "viseme_of",
]
