"""The address from which a kept conversation is taken away as a file: /export/ID.KIND."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from rag.export import KINDS, MEDIA_TYPES, ExportedTurn, Kind, export, file_name
from rag.userdata import UserData


def export_route(userdata: UserData, user_of: Callable[[Request], str]) -> Route:
    """Return the route. It gives a conversation to its owner alone, and 404 to everybody else."""

    def exported(request: Request) -> Response:
        chosen, kind = request.path_params["conversation"], request.path_params["kind"]
        user = user_of(request)
        conversation = userdata.conversation(user, chosen)
        if conversation is None or kind not in KINDS:
            return PlainTextResponse("There is no such conversation.", status_code=404)
        turns = [ExportedTurn(t.question, t.asked_at, t.answer, t.failure) for t in userdata.turns(user, chosen)]
        named = file_name(conversation.title, cast(Kind, kind))
        return Response(
            export(conversation.title, turns, cast(Kind, kind)),
            media_type=MEDIA_TYPES[cast(Kind, kind)],
            headers={"Content-Disposition": f'attachment; filename="{named}"', "Cache-Control": "no-store"},
        )

    return Route("/export/{conversation:str}.{kind:str}", exported, methods=["GET"])
