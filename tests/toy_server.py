"""A server of the toy world: faces are coloured squares, and a person is a colour."""

import io

import numpy as np
from PIL import Image
from starlette.testclient import TestClient
from tests.toys import COLOURS, TOY, Colours, Squares

from mien.photo import Pipeline
from mien.server import ServerSettings, create_app
from mien.server.worker import Worker

TOYS = Pipeline(detector=Squares(), embedder=Colours(), calibration=TOY)


class Toys:
    """An app, its first keys, and requests in their names."""

    def __init__(self, folder, *, pipeline=TOYS, **settings):
        self.settings = ServerSettings(folder=folder, **settings)
        self.app = create_app(self.settings, pipeline)
        self.state = self.app.state.mien
        self.client = TestClient(self.app, base_url="http://127.0.0.1")
        self.admin = self.key("admin")
        self.worker = Worker(self.state)

    def key(self, *scopes, tenant="default", **how):
        return self.state.keys.make(tenant, "Kim", scopes, **how)[1]

    def __call__(self, method, path, *, key=None, ok=True, **how):
        """Return the JSON of an answer, or the answer itself if it may be a refusal."""
        headers = {"Authorization": f"Bearer {key or self.admin}", **how.pop("headers", {})}
        answer = self.client.request(method, f"/v1{path}", headers=headers, **how)
        if not ok:
            return answer
        assert answer.status_code < 300, answer.text
        if answer.status_code == 204:
            return None
        kind = answer.headers["content-type"]
        return answer.json() if kind == "application/json" else answer

    def gallery(self, name="people", *people, key=None):
        """Make a gallery with some people."""
        self("POST", "/galleries", json={"name": name}, key=key)
        return {one: self.enrol(one, gallery=name, key=key) for one in people}

    def enrol(self, person, *, gallery="people", picture=None, key=None, **fields):
        picture = portrait(person) if picture is None else picture
        return self(
            "POST",
            f"/galleries/{gallery}/people",
            key=key,
            data={"name": person, **fields},
            files=[("photos", (f"{person}.png", png(picture)))],
        )

    def identify(self, *pictures, key=None, ok=True, **fields):
        files = [("photos", (f"{i}.png", png(one))) for i, one in enumerate(pictures)]
        return self("POST", "/identify", key=key, ok=ok, data=fields, files=files)

    def populate(self, gallery, key):
        """Make something of every kind in a new gallery; return the ids."""
        made = self.gallery(gallery, "Ada", key=key)
        album = self("POST", "/albums", json={"name": "x", "gallery": gallery}, key=key)["id"]
        place = f"/albums/{album}"
        [photo] = self(
            "POST", f"{place}/photos", files=[("photos", ("p.png", png(portrait("Ada"))))], key=key
        )
        self("POST", f"{place}/group", key=key)
        while self.worker.once():
            pass
        group = self("GET", f"{place}/groups", key=key)["items"][0]
        question = self("GET", "/review", params={"album": album}, key=key)["items"][0]["id"]
        film = self(
            "POST", "/films", files={"film": ("f.mp4", b"x")}, data={"gallery": gallery}, key=key
        )
        person, template = made["Ada"]["person"]["id"], made["Ada"]["photos"][0]["template"]
        self(
            "PUT",
            f"/galleries/{gallery}/people/{person}/portrait",
            json={"template": template},
            key=key,
        )
        return {
            "gallery": gallery,
            "step": self("GET", f"/galleries/{gallery}/steps", key=key)[0]["id"],
            "person": person,
            "template": template,
            "album": album,
            "photo": photo["id"],
            "group": group["id"],
            "face": group["faces"][0]["id"],
            "question": question,
            "film": film["id"],
            "job": film["job"]["id"],
            "number": 0,
            "key": self("GET", "/keys", key=key)[0]["id"],
        }

    def close(self):
        self.client.close()
        self.state.close()


def portrait(*names, side=60):
    """A picture with a square for each person."""
    image = np.zeros((100, 120 * max(1, len(names)), 3), np.uint8)
    for i, name in enumerate(names):
        image[20 : 20 + side, 120 * i + 20 : 120 * i + 20 + side] = COLOURS[name]
    return image


def png(picture):
    if isinstance(picture, bytes):
        return picture
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()
