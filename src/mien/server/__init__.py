"""The REST server: the use-cases of `mien.service` over HTTP, one file per noun.

from mien.server import ServerSettings, create_app
app = create_app(ServerSettings(folder=Path("mien-server")))
"""

from typing import TYPE_CHECKING

from mien.lazy import on_use

if TYPE_CHECKING:
    from mien.server.app import create_app
    from mien.server.settings import ServerLimits, ServerSettings

__all__ = ["ServerLimits", "ServerSettings", "create_app"]

if not TYPE_CHECKING:
    __getattr__ = on_use(
        __name__,
        {"app": ("create_app",), "settings": ("ServerLimits", "ServerSettings")},
    )
