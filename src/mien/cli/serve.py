"""Commands of the server: run it, and its keys."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.terminal import complain, print_json_line, print_table
from mien.errors import MienError, extra
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from mien.server.keys import Keys

app = typer.Typer(help="Run the REST server, and manage its API keys.")
keys = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke API keys.")
app.add_typer(keys, name="keys")
FOLDER = Path("mien-server")
Folder = Annotated[Path, typer.Option("--folder", help="Folder of all that the server keeps.")]
Number = Annotated[str, typer.Argument(help="Id of the key; see: mien serve keys list")]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    folder: Folder = FOLDER,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.", min=1, max=65535)] = 8480,
    processes: Annotated[
        int, typer.Option(help="Processes that answer requests.", min=1, max=64)
    ] = 1,
    detector: Annotated[str, typer.Option(help="Card of the detector.")] = DETECTOR,
    embedder: Annotated[
        str, typer.Option(help="Card of the embedder of new galleries.")
    ] = EMBEDDER,
    device: Annotated[str, typer.Option(help="Device: cpu, cuda, coreml ... No fallback.")] = "cpu",
    commercial_only: Annotated[
        bool, typer.Option("--commercial-only", help="Refuse other weights.")
    ] = False,
    portraits: Annotated[
        bool,
        typer.Option("--portraits", help="Keep a small picture of each template; erased with it."),
    ] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin of a page elsewhere that may use the API; repeatable."),
    ] = None,
    cameras: Annotated[
        Path | None, typer.Option(help="TOML file of cameras to watch; see the guide.")
    ] = None,
    compat: Annotated[
        str | None, typer.Option(help="Also answer the REST of another program: compreface.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="MIEN_DATABASE",
            help="PostgreSQL of galleries and jobs, postgresql://USER@HOST/NAME; default: files.",
        ),
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="File of the private key.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="File of the certificate chain.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy with TLS is the only way to it.")
    ] = False,
) -> None:
    """Run the REST server. The first start prints an admin key, once.

    All that it keeps is in one folder. It listens on this machine only, unless
    it is given TLS.

    Example: mien serve --folder faces --portraits
    """
    if context.invoked_subcommand is not None:
        return
    with extra("server", "`mien serve`"):
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    from mien.server.cameras import read_cameras
    from mien.server.running import run
    from mien.server.settings import ServerSettings

    if (tls_key is None) != (tls_cert is None):
        raise MienError("--tls-key and --tls-cert belong together; give both.")
    if compat not in (None, "compreface"):
        raise MienError(f"--compat {compat!r} is not supported: expected compreface.")
    tls = (tls_key, tls_cert) if tls_key and tls_cert else None
    settings = ServerSettings(
        folder=folder.resolve(),
        database=database,
        detector=detector,
        embedder=embedder,
        device=device,
        commercial_only=commercial_only,
        portraits=portraits,
        origins=tuple(origin or ()),
        secure=tls is not None or behind_proxy,
        cameras=read_cameras(cameras) if cameras else (),
        compat=(compat,) if compat else (),
    )
    where = {"processes": processes, "tls": tls, "behind_proxy": behind_proxy}
    run(settings, host, port, say=complain, **where)  # type: ignore[arg-type]


@contextmanager
def _keys(folder: Path) -> Iterator["Keys"]:
    """Open the keys of a server, which may run meanwhile."""
    with extra("server", "`mien serve keys`"):
        from mien.server.keys import Keys
    from mien.server.settings import DATABASE, ServerSettings
    from mien.server.state import open_store

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(ServerSettings(folder=folder, database=os.environ.get(DATABASE) or None))
    try:
        yield Keys(store)
    finally:
        store.close()


@keys.command("list")
def list_keys(
    folder: Folder = FOLDER,
    table: Annotated[bool, typer.Option("--table", help="Print a human-readable table.")] = False,
) -> None:
    """List the keys of all tenants, without their secrets.

    Example: mien serve keys list --table
    """
    from dataclasses import asdict

    with _keys(folder) as known:
        found = known.list()
    if table:
        rows = [
            [one.id, one.tenant, one.name, " ".join(one.scopes), one.revoked is not None]
            for one in found
        ]
        print_table(["key", "tenant", "name", "scopes", "revoked"], rows)
        return
    for one in found:
        print_json_line(asdict(one))


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Who holds it, for the journal.")],
    scope: Annotated[
        list[str],
        typer.Option(help="identify, enrol, review, scores, export or admin; repeatable."),
    ],
    tenant: Annotated[
        str, typer.Option(help="Whose data it sees; a new name makes a new tenant.")
    ] = "default",
    days: Annotated[float | None, typer.Option(help="Days until it expires.")] = None,
    rate: Annotated[int, typer.Option(help="Requests per minute.")] = 3000,
    budget: Annotated[int, typer.Option(help="Faces searched per day.")] = 100_000,
    folder: Folder = FOLDER,
) -> None:
    """Make a key; it is printed once, and only its hash is stored.

    Example: mien serve keys add "front door" --scope identify --days 365
    """
    with _keys(folder) as known:
        key, text = known.make(tenant, name, tuple(scope), days=days, rate=rate, budget=budget)
    print_json_line({"id": key.id, "tenant": key.tenant, "scopes": key.scopes, "key": text})


@keys.command("rotate")
def rotate_key(key: Number, folder: Folder = FOLDER) -> None:
    """Revoke a key, and print one with the same name, scopes and limits.

    Example: mien serve keys rotate 1f2e3d4c5b6a
    """
    with _keys(folder) as known:
        made = known.rotate(key)
    if made is None:
        raise MienError(f"No valid key has the id {key!r}; list them with: mien serve keys list")
    print_json_line({"id": made[0].id, "revoked": key, "key": made[1]})


@keys.command("revoke")
def revoke_key(key: Number, folder: Folder = FOLDER) -> None:
    """End a key and its sessions at once.

    Example: mien serve keys revoke 1f2e3d4c5b6a
    """
    with _keys(folder) as known:
        if not known.revoke(key):
            raise MienError(f"No key has the id {key!r}; list them with: mien serve keys list")
    print_json_line({"revoked": key})
