"""Input and output of images, films and cameras: upright 8-bit RGB with true time; drawing."""

from typing import TYPE_CHECKING

from mien.lazy import on_use
from mien.media.heat import heat, heat_scale

if TYPE_CHECKING:
    from mien.media.drawing import draw_faces
    from mien.media.film import Counts, Film, Frame, open_film
    from mien.media.film_writing import FilmWriter
    from mien.media.finding import find_images, find_sources, is_film
    from mien.media.hiding import hide_faces
    from mien.media.images import count_images, read_image
    from mien.media.limits import LIMITS, Limits
    from mien.media.live import Live, Replay, is_live, open_source
    from mien.media.marks import mark
    from mien.media.mending import add_correction, enlarged, inpainted, reduced, smoothed
    from mien.media.notes import read_change, read_note, source_packet, wav_note
    from mien.media.planes import read_depth, read_infrared
    from mien.media.sound import read_sound
    from mien.media.threads import one_thread
    from mien.media.turning import thumbnail, turn, turn_back
    from mien.media.warping import resize_part, stretched, warp
    from mien.media.writing import encode_image, write_bytes, write_image

__all__ = [
    "LIMITS",
    "Counts",
    "Film",
    "FilmWriter",
    "Frame",
    "Limits",
    "Live",
    "Replay",
    "add_correction",
    "count_images",
    "draw_faces",
    "encode_image",
    "enlarged",
    "find_images",
    "find_sources",
    "heat",
    "heat_scale",
    "hide_faces",
    "inpainted",
    "is_film",
    "is_live",
    "mark",
    "one_thread",
    "open_film",
    "open_source",
    "read_change",
    "read_depth",
    "read_image",
    "read_infrared",
    "read_note",
    "read_sound",
    "reduced",
    "resize_part",
    "smoothed",
    "source_packet",
    "stretched",
    "thumbnail",
    "turn",
    "turn_back",
    "warp",
    "wav_note",
    "write_bytes",
    "write_image",
]

if not TYPE_CHECKING:
    __getattr__ = on_use(
        __name__,
        {
            "drawing": ("draw_faces",),
            "film": ("Counts", "Film", "Frame", "open_film"),
            "film_writing": ("FilmWriter",),
            "finding": ("find_images", "find_sources", "is_film"),
            "hiding": ("hide_faces",),
            "images": ("count_images", "read_image"),
            "limits": ("LIMITS", "Limits"),
            "live": ("Live", "Replay", "is_live", "open_source"),
            "marks": ("mark",),
            "mending": ("add_correction", "enlarged", "inpainted", "reduced", "smoothed"),
            "notes": ("read_change", "read_note", "source_packet", "wav_note"),
            "planes": ("read_depth", "read_infrared"),
            "sound": ("read_sound",),
            "threads": ("one_thread",),
            "turning": ("thumbnail", "turn", "turn_back"),
            "warping": ("resize_part", "stretched", "warp"),
            "writing": ("encode_image", "write_bytes", "write_image"),
        },
    )
