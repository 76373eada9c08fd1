"""The public surface of mien, held against api.json; see the deprecation rule in CHANGELOG.md.

A change that is meant is written down by: python tests/test_api.py --write
"""

import ast
import dataclasses
import inspect
import json
import sys
import textwrap
import tomllib
import warnings
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INVENTORY = HERE / "api.json"
WRITE = "python tests/test_api.py --write"
CONTRACTS = ("Detector", "Landmarker", "Embedder", "ChipHead", "ClipHead", "Maker", "Audit")
MODULES = ("types", "contracts", "errors", "testing")  # rooms of one file, without __all__
# What keeps its name for one release after it was replaced: see `gone`.
PROMISED = ("front door", "commands")


def inventory():
    """The surface of today: section -> name -> what can be seen of it."""
    import mien
    from mien.behaviour import AU_UNITS
    from mien.landmarks import UNITS
    from mien.service.schema import SCHEMA
    from mien.tables.columns import GROUPS, KEYS, REASONS
    from mien.zoo.outside import GROUP

    contracts = import_module("mien.contracts")
    return {
        "front door": {name: seen(getattr(mien, name)) for name in mien.__all__},
        "contracts": {name: contract(getattr(contracts, name)) for name in ("Model", *CONTRACTS)},
        "records": records(),
        "rooms": rooms(),
        "commands": commands(),
        "columns": {
            "keys": {column.name: [column.unit, column.kind] for column in KEYS},
            "groups": sorted(GROUPS),
            "reasons": sorted(REASONS),
            "measures": dict(UNITS),
            "action units": dict(AU_UNITS),
        },
        "json": {"SCHEMA": SCHEMA, **json_keys()},
        "entry points": {GROUP: "package with a card.toml"},
        "extras": sorted(project()["optional-dependencies"]),
        "deprecated": deprecated(),
    }


def project():
    """The part `project` of pyproject.toml."""
    return tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]


def seen(value):
    """What a caller sees of a public name: fields, signature, methods, or the kind of value."""
    if inspect.ismodule(value):
        return "module"
    if inspect.isclass(value):
        if dataclasses.is_dataclass(value):
            shape = {"fields": annotated(value)}
        elif issubclass(value, Exception):
            shape = {"error": " ".join(base.__name__ for base in value.__bases__)}
        elif getattr(value, "_is_protocol", False):
            shape = {"attributes": annotated(value)}
        else:
            shape = {"call": signature(value)}
        methods = {
            name: "property" if isinstance(item, property) else signature(getattr(value, name))
            for name, item in members(value).items()
            if not name.startswith("_") and (callable(item) or isinstance(item, METHODS))
        }
        return {**shape, **({"methods": methods} if methods else {})}
    return signature(value) if callable(value) else type(value).__name__


def members(value):
    """The attributes of a class; those of a gallery are in the classes that it is made of."""
    ours = [c for c in value.__mro__ if c is value or c.__module__.startswith("mien.gallery.")]
    return {name: item for one in reversed(ours) for name, item in vars(one).items()}


METHODS = (property, classmethod, staticmethod)


def signature(value):
    """Names, kinds and defaults of the arguments, without their types."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "..."
    kept = [
        p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else Shown(p.default))
        for p in found.parameters.values()
    ]
    return str(inspect.Signature(kept))


class Shown:
    """A default value, told without addresses in memory."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        if isinstance(self.value, Path):
            return repr(self.value.as_posix())
        told = getattr(self.value, "__name__", None)
        return told if told and callable(self.value) else repr(self.value)


def annotated(kind):
    """Attribute -> type and default as the source has them, which no version of Python changes."""
    told = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("mien"):
            continue
        for node in ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body:
            if isinstance(node, ast.AnnAssign) and not node.target.id.startswith("_"):
                default = f" = {ast.unparse(node.value)}" if node.value else ""
                told[node.target.id] = ast.unparse(node.annotation) + default
    return told


def contract(protocol):
    """Attributes of a contract, those it inherits included, and its call."""
    call = {"call": signature(protocol.__call__)} if protocol.__name__ != "Model" else {}
    return {"attributes": annotated(protocol), **call}


def records():
    """The dataclasses of mien.types and mien.contracts."""
    found = {}
    for module in ("types", "contracts"):
        for name, value in vars(import_module(f"mien.{module}")).items():
            if dataclasses.is_dataclass(value) and value.__module__ == f"mien.{module}":
                found[name] = annotated(value)
    return found


def rooms():
    """Room -> public name -> what can be seen of it; a room that needs torch may be missing."""
    import mien

    found = {}
    for name in sorted(p.parent.name for p in Path(mien.__file__).parent.glob("*/__init__.py")):
        try:
            room = import_module(f"mien.{name}")
        except ImportError:  # an extra is not installed: as it was written down
            continue
        public = getattr(room, "__all__", None) or own(room)
        if public:
            found[name] = {each: seen(getattr(room, each)) for each in sorted(public)}
    for name in MODULES:
        module = import_module(f"mien.{name}")
        found[name] = {each: seen(getattr(module, each)) for each in sorted(own(module))}
    return found


def own(module):
    """Public functions and classes that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def commands():
    """Command -> its arguments and options."""
    from typer.main import get_command

    from mien.cli.main import app

    found = {}

    def walk(command, name):
        for word, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {word}")
        if not hasattr(command, "commands"):
            # NAME stands for a card: `mien audit batch-leakage` is the command `mien audit`.
            found[name.removesuffix(" NAME")] = sorted(
                "/".join((*p.opts, *p.secondary_opts)) if p.param_type_name == "option" else
                f"{p.name}{'...' if p.nargs == -1 else ''}"
                for p in command.params
            )  # fmt: skip

    walk(get_command(app), "mien")
    return dict(sorted(found.items()))


def json_keys():
    """Function of the schema -> keys of the rows that it gives, those of inner rows included."""
    from mien.service import schema

    tree = ast.parse(Path(schema.__file__).read_text("utf-8"))
    found = {}
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        keys = set()
        for node in ast.walk(function):
            named = node.keys if isinstance(node, ast.Dict) else []
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                named = [node.slice]
            keys |= {key.value for key in named if isinstance(key, ast.Constant)}
        if keys:
            found[function.name] = sorted(keys)
    return found


def deprecated():
    """Old name -> new name, and the release in which the old one goes."""
    from mien.deprecated import GOES, MOVED

    return {
        f"{module}.{old}": {"now": new.replace(":", "."), "goes": GOES}
        for module, names in MOVED.items()
        for old, new in names.items()
    } | {"mien[tables]": {"now": "mien[analyze]", "goes": GOES}}


def flat(tree, *above):
    """Path -> leaf."""
    if not isinstance(tree, dict) or not tree:
        return {above: tree}
    return {path: leaf for key, inner in tree.items()
            for path, leaf in flat(inner, *above, key).items()}  # fmt: skip


def differences(old, new):
    """One sentence for each change of the surface."""
    before, after = flat(old), flat(new)
    for path in sorted({*before, *after}):
        name = ": ".join(path)
        if path not in after:
            yield f"{name} is gone."
        elif path not in before:
            yield f"{name} is new."
        elif before[path] != after[path]:
            if isinstance(before[path], list) and isinstance(after[path], list):
                lost = [str(one) for one in before[path] if one not in after[path]]
                more = [str(one) for one in after[path] if one not in before[path]]
                told = [f"lost {', '.join(lost)}"] * bool(lost)
                told += [f"got {', '.join(more)}"] * bool(more)
                yield f"{name} {' and '.join(told) or 'changed its order'}."
            else:
                yield f"{name} was {before[path]!r} and is {after[path]!r}."


def gone(old, new, version):
    """Promised names that vanished before their time."""
    for section in PROMISED:
        for name, was in old[section].items():
            is_now = new[section].get(name)
            options = was if isinstance(was, list) else []
            lost = [name] if is_now is None else [f"{name} {o}" for o in options if o not in is_now]
            for one in lost:
                told = f"mien.{one}" if section == "front door" else one
                goes = old["deprecated"].get(told, {}).get("goes")
                if goes is None or release(goes) > release(version):
                    yield (
                        f"{told} is gone: keep it for one release as an alias that warns, and "
                        'list it under "deprecated" with the release in which it goes.'
                    )


def release(text):
    return tuple(int(part) for part in text.split(".")[:3])


@pytest.fixture(scope="module")
def written():
    return json.loads(INVENTORY.read_text("utf-8"))


def test_the_public_surface_is_the_one_that_is_written_down(written):
    found = json.loads(json.dumps(inventory()))
    for room in written["rooms"].keys() - found["rooms"].keys():
        if room == "train":  # torch is not installed
            found["rooms"][room] = written["rooms"][room]
    changes = list(differences(written, found))
    assert not changes, (
        f"The public surface changed: {' '.join(changes)} If that is meant, tell it in "
        f"CHANGELOG.md and run: {WRITE}"
    )


def test_what_is_deprecated_still_exists_warns_and_has_not_outstayed_its_release(written):
    version = project()["version"]
    for name, facts in written["deprecated"].items():
        assert release(facts["goes"]) > release(version), f"{name} goes in {facts['goes']}: do so"
        if name.startswith("mien["):
            extras = project()["optional-dependencies"]
            assert extras[name[5:-1]] == [facts["now"]]
            continue
        module, _, attribute = name.rpartition(".")
        with pytest.warns(DeprecationWarning, match=facts["now"]):
            value = getattr(import_module(module), attribute)
        where, _, new = facts["now"].rpartition(".")
        assert value is getattr(import_module(where), new)


def test_deprecated_names_load_nothing_before_they_are_asked_for():
    import subprocess

    code = (
        "import sys, mien.landmarks, mien.zoo, mien.gallery, mien.pipeline\n"
        "late = {'mien.behaviour', 'mien.decision', 'mien.albums', 'mien.photo', 'mien.film'}\n"
        "print(late & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_a_name_that_never_was_is_no_name():
    import mien.gallery

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(mien.gallery, "nothing")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from mien.gallery import nothing  # noqa: F401


def surface(**sections):
    empty = {"front door": {}, "commands": {}, "deprecated": {}}
    return empty | {name.replace("_", " "): value for name, value in sections.items()}


def test_a_change_is_told_in_a_sentence():
    old = surface(front_door={"find": "(a)"}, commands={"mien see": ["--all", "pictures..."]})
    new = surface(front_door={"find": "(a, b=1)"}, commands={"mien see": ["pictures..."]})
    assert list(differences(old, new)) == [
        "commands: mien see lost --all.",
        "front door: find was '(a)' and is '(a, b=1)'.",
    ]
    assert list(differences(old, old)) == []


def test_a_promised_name_stays_for_one_release():
    old = surface(front_door={"find": "(a)"}, commands={"mien see": ["--all"]})
    new = surface(commands={"mien see": []})
    told = list(gone(old, new, "0.2.0"))
    assert [one.split(" is gone")[0] for one in told] == ["mien.find", "mien see --all"]
    old["deprecated"] = {"mien.find": {"goes": "0.2.0"}, "mien see --all": {"goes": "0.3.0"}}
    assert [one.split(" is gone")[0] for one in gone(old, new, "0.2.0")] == ["mien see --all"]


def write():
    """Write the surface of today down, unless a promised name is gone before its time."""
    found = inventory()
    if INVENTORY.exists():
        broken = list(gone(json.loads(INVENTORY.read_text("utf-8")), found, project()["version"]))
        if broken:
            sys.exit("\n".join(broken))
    if "train" not in found["rooms"]:
        sys.exit("The room train needs torch; run: pip install 'mien[train]'")
    INVENTORY.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: {WRITE}")
    write()
