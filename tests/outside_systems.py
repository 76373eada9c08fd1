"""Packages of other distributions with a system each, as a test writes them."""

import textwrap

CARD = """
name = "{name}"
kind = "{kind}"
task = "{task}"
entry = "{package}.{module}:{attribute}"
licence = "MIT"
commercial = true
trained_on = "nothing"
paper = "https://example.org"
"""
HEAD = """
    from mien.types import Crop, Device, Reading

    class Toy:
        crop, classes = Crop(size=8), ("anger", "happiness")

        def __init__(self, *weights, name, digest="", device="cpu"):
            self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

        def __call__(self, chips):
            red = [0.9 if c[..., 0].mean() > c[..., 1].mean() else 0.2 for c in chips]
            return [
                Reading("expression", {"anger": r, "happiness": 1 - r}, "probability", self.name)
                for r in red
            ]
"""
MAKER = """
    from dataclasses import dataclass, fields

    import numpy as np

    from mien.contracts import Artefact, Made, Provenance, silent
    from mien.errors import MienError
    from mien.types import Device

    @dataclass(frozen=True, slots=True)
    class Options:
        amount: float = 0.5  # how dark it gets
        seed: int = 0  # of the grain

    class Toy:
        needs, options = ("image",), Options

        def __init__(self, *, name, digest="", device="cpu"):
            self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

        def __call__(self, inputs, options, /, on_step=silent):
            photo = inputs.get("image")
            if photo is None:
                raise MienError("A picture is needed; give one.")
            grain = np.random.default_rng(options.seed).integers(0, 9, photo.image.shape)
            on_step("grain", 1, 1)
            image = (photo.image * (1 - options.amount) + grain).astype(np.uint8)
            if image.max() < 12:
                raise MienError(f"{photo.name} is too dark; take a brighter one.")
            told = tuple((f.name, str(getattr(options, f.name))) for f in fields(options))
            source = ((photo.name, photo.sha256),)
            return Made(
                (Artefact("image", image=image),),
                Provenance(self.name, self.digest, "edited", source, (), told, options.seed),
            )
"""
AUDIT = """
    from dataclasses import dataclass

    from mien.audit import counted, read_chips
    from mien.contracts import silent
    from mien.errors import TooFewTrialsError
    from mien.metrics import Clusters
    from mien.metrics.findings import Fact, Findings, Risk
    from mien.types import Device

    @dataclass(frozen=True, slots=True)
    class Options:
        bar: float = 0.8  # probability from which a head is called sure

    class Toy:
        needs, options = frozenset({"chip-head"}), Options

        def __init__(self, *, name, digest="", device="cpu"):
            self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

        def __call__(self, subject, data, scope, options, /, on_step=silent):
            subject, counter = counted(subject, scope)
            chips = read_chips(subject, data, counter.crop, on_step).chips
            if len(chips) < 3:
                raise TooFewTrialsError(f"{len(chips)} faces are too few; give 3 or more.")
            sure = [max(r.values.values()) > options.bar for r in subject.model(chips)]
            share = Clusters(list(range(len(sure)))).share(sure)
            return Findings(
                "Sure of itself", f"{len(sure)} faces of {data.name}.",
                (Fact("sure", share, "rate", "of its answers"),), (),
                basis=(("Subject", subject.label), ("Purpose", scope.purpose)),
                risk=Risk("low", "A toy."),
            )
"""
PARTS = {
    "chip-head": ("head", HEAD, "expression"),
    "maker": ("make", MAKER, "toy-darkening"),
    "audit": ("audit", AUDIT, "toy-certainty"),
}
NEEDS = {"maker": ["image"], "audit": ["chip-head"]}


def write_package(
    site, package, name, kind="chip-head", *, entry=None, card="", edit=lambda text: text
):
    """Put a package with one system into a folder of packages, as an installer would.

    Args:
        site: the folder.
        package: its name; a dot makes it a package in a package.
        name: of the card.
        kind: of the system.
        entry: value of the entry point; default: the package.
        card: lines added to the card.
        edit: changes the text of the card.
    """
    module, code, task = PARTS[kind]
    folder = site.joinpath(*package.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    for place in list(folder.parents)[: package.count(".")]:
        (place / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("import sys\nsys.mien_test_imported = True\n")
    (folder / f"{module}.py").write_text(textwrap.dedent(code))
    text = CARD.format(
        name=name, kind=kind, task=task, package=package, module=module, attribute="Toy"
    )
    if kind in NEEDS:
        text += f"needs = {NEEDS[kind]}\n".replace("'", '"')
    (folder / "card.toml").write_text(edit(text + textwrap.dedent(card)))
    info = site / f"{package.replace('.', '_')}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package.replace('.', '_')}\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(f"[mien.systems]\n{name} = {entry or package}\n")
    return folder
