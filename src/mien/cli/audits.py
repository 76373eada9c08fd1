"""The commands of `mien audit`: any audit by its card, and evaluations that are audits.

`mien audit NAME` runs the audit of that card. Three words are commands of their own, since they
take tables or grids instead of pictures: leak, disparity and longterm. They are the functions of
`mien eval` under the name that an auditor uses.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import typer
from typer.core import TyperGroup

from mien.cli import makers
from mien.cli.eval import disparity, heads, longitudinal

BY_CARD = "NAME"  # the command that a name of a card stands for


class AuditGroup(TyperGroup):
    """A group whose unknown words are names of cards."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the named command; for any other word the audit of that card."""
        if args and args[0] not in self.commands:
            return BY_CARD, self.commands[BY_CARD], args
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=AuditGroup,
    no_args_is_help=True,
    help="Audit a model: findings with intervals and a risk level. List audits: mien models list",
)


def _renamed(command: Callable[..., None], eval_name: str, name: str) -> Callable[..., None]:
    """Return a command of mien eval whose example has its name here."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        command(*args, **options)

    run.__doc__ = (command.__doc__ or "").replace(f"mien eval {eval_name}", f"mien audit {name}")
    return run


app.command(BY_CARD)(makers.audit)
app.command("leak")(_renamed(heads.batch_leak, "batch-leak", "leak"))
app.command("disparity")(_renamed(disparity.disparity, "disparity", "disparity"))
app.command("longterm")(_renamed(longitudinal.longitudinal, "longitudinal", "longterm"))
