"""The one way from a template of this folder to a page."""

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


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
