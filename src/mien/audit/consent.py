"""Consent manifest of an audit: who agreed to what, for which models, and until when."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from mien.contracts import Consent
from mien.errors import ScopeError

TEXTS = ("given_by", "purpose")


def read_consent(path: Path) -> Consent:
    """Read a TOML file: given_by, purpose, expires (2027-01-31), maybe models = ["card"].

    Raises:
        ScopeError: the file cannot be read, a key is missing or of another type.
    """
    try:
        table: Mapping[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ScopeError(f"The consent manifest {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScopeError(f"The consent manifest {path} is not readable TOML ({error}).") from None
    unknown = sorted(table.keys() - {*TEXTS, "expires", "models"})
    if unknown:
        raise ScopeError(
            f"{path} has the unknown key '{unknown[0]}'; a consent manifest has given_by, purpose, "
            "expires and models."
        )
    for key in TEXTS:
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise ScopeError(f"{path}: '{key}' must be a sentence; add it.")
    expires, models = table.get("expires"), table.get("models", [])
    if type(expires) is not date:
        raise ScopeError(f"{path}: 'expires' must be a date such as 2027-01-31; add it.")
    if not isinstance(models, list) or not all(isinstance(name, str) for name in models):
        raise ScopeError(f"{path}: 'models' must be a list of cards.")
    return Consent(table["given_by"], table["purpose"], expires, tuple(models))


def require_consent(consent: Consent, model: str, today: date | None = None) -> None:
    """Refuse an audit that the consent does not cover.

    Args:
        consent: from the manifest.
        model: name of the subject.
        today: default: the day of this machine.

    Raises:
        ScopeError: it has expired, or does not name the model.
    """
    day = today or date.today()
    if day > consent.expires:
        raise ScopeError(
            f"The consent of {consent.given_by} expired on {consent.expires}, and today is {day}; "
            "ask for a new one."
        )
    if consent.models and model not in consent.models:
        raise ScopeError(
            f"The consent of {consent.given_by} covers {', '.join(consent.models)}, not '{model}'; "
            "ask for one that names it."
        )
