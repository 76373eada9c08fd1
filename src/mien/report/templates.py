"""The one way from a template of this folder to a page."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mien.errors import MienError


def check_name(path: str | os.PathLike[str]) -> None:
    """Refuse a report path that does not end in .html or .htm.

    Raises:
        MienError: it does not.
    """
    if Path(path).suffix.lower() not in {".html", ".htm"}:
        raise MienError(f"Report path '{path}' is not supported: the file name must end in .html.")


def render(template: str, facts: Mapping[str, Any], **filters: Callable[..., Any]) -> str:
    """Fill a template: all that `facts` holds, when it was made, and by which version.

    Names and paths come from strangers, so everything is escaped; a fact that is missing is an
    error.

    Args:
        template: file name in this folder.
        facts: what the template shows.
        filters: functions that the template calls.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # slow import

    world = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    world.filters |= filters
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return world.get_template(template).render(made=made, version=version("mien"), **facts)
