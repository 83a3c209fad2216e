"""Whose request it is."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import Scope

_USER = "geobrief.user"


def user_of(request: HTTPConnection) -> str:
    """Return the name of the user who is signed in; "" where the server asks nobody to sign in."""
    return str(request.scope.get(_USER, ""))


def with_user(scope: Scope, name: str) -> Scope:
    """Return the scope of a request as the user's."""
    return {**scope, _USER: name}
