"""`mien serve` in a process of its own, and a film that Chromium takes for a webcam."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import cv2


class Server:
    """A server in a folder; its first key may do everything."""

    def __init__(self, folder):
        self.folder, log = folder / "server", folder / "log.txt"
        self.url = f"http://127.0.0.1:{_free_port()}/"
        port = self.url.rstrip("/").rpartition(":")[2]
        cameras = folder / "cameras.toml"  # one that cannot be reached, which costs no time
        cameras.write_text(f'[[camera]]\nname = "gate"\nsource = "{folder / "nowhere.mp4"}"\n')
        command = [sys.executable, "-m", "mien", "serve", "--folder", str(self.folder)]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, "--portraits", "--port", port, "--cameras", str(cameras)],
                stdout=file,
                stderr=file,
                env=dict(os.environ),
            )
        for _ in range(600):
            if self.process.poll() is not None:
                raise AssertionError(f"The server ended: {log.read_text()}")
            try:
                urllib.request.urlopen(f"{self.url}v1/health", timeout=2).read()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        self.key = re.search(r"mien_\S+", log.read_text())[0]

    def close(self):
        """End the server; return its exit status."""
        self.process.terminate()
        return self.process.wait(30)


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def write_camera(path):
    """Write a second of a still portrait, 640 x 480, as raw video."""
    from mien.evaluate.demo import portraits
    from mien.media import read_image

    picture = cv2.resize(read_image(portraits()["Eileen Collins"]), (480, 480))
    wide = cv2.copyMakeBorder(picture, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    frame = cv2.cvtColor(wide, cv2.COLOR_RGB2YUV_I420).tobytes()
    head = b"YUV4MPEG2 W640 H480 F20:1 Ip A1:1 C420jpeg\n"
    path.write_bytes(head + b"".join(b"FRAME\n" + frame for _ in range(20)))
    return path
