"""What every picture and film of the synthesiser declares about itself in its metadata."""

import json
from importlib.metadata import version

from mien.media import source_packet

NOTE = json.dumps({"mien": version("mien"), "change": "synthetic", "maker": "mien synth"})
PACKET = source_packet("synthetic")
