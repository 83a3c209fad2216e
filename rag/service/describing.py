"""The description of the service: OpenAPI, with the bodies that routes read themselves."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from rag.export.conversation import ConversationRecord
from rag.record import AnswerRecord
from rag.service.adding import FILE_FIELD
from rag.service.bodies import AskBody, BriefBody, EvalBody, SearchBody
from rag.service.problems import ProblemRecord

_ABOUT = (
    "Answers over a corpus of geopolitical briefs, in quotes with citations that can be checked again. "
    "Errors are problem details (RFC 9457)."
)
_REF = "#/components/schemas/{model}-Input"
_BODIES: Mapping[str, tuple[type[BaseModel], ...]] = {
    "/v1/ask": (AskBody,),
    "/v1/ask/stream": (AskBody,),
    "/v1/search": (SearchBody,),
    "/v1/verify": (AnswerRecord, ConversationRecord),
    "/v1/briefs": (BriefBody,),
    "/v1/eval": (EvalBody,),
}
_FILES = {
    "schema": {
        "type": "object",
        "properties": {
            FILE_FIELD: {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
        },
        "required": [FILE_FIELD],
        "additionalProperties": False,
    }
}


def described(app: FastAPI, *, with_keys: bool) -> dict[str, Any]:
    """Return the OpenAPI description of the service."""
    found = get_openapi(title="geobrief", version=app.version, description=_ABOUT, routes=app.routes)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    models = {model: None for chosen in _BODIES.values() for model in chosen}
    names, inputs = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    schemas.update({f"{name}-Input": schema for name, schema in inputs.get("$defs", {}).items()})
    schemas.update(ProblemRecord.model_json_schema(ref_template="#/components/schemas/{model}").pop("$defs", {}))
    schemas[ProblemRecord.__name__] = _without_defs(ProblemRecord)
    for path, chosen in _BODIES.items():
        refs = [names[model, "validation"] for model in chosen]
        schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
        content: dict[str, Any] = {"application/json": {"schema": schema}}
        if path == "/v1/briefs":
            content["multipart/form-data"] = copy.deepcopy(_FILES)
        found["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}
    if with_keys:
        schemes = {"key": {"type": "http", "scheme": "bearer", "description": "A key of `geobrief keys add`."}}
        found["components"]["securitySchemes"] = schemes
        found["security"] = [{"key": []}]
    return found


def _without_defs(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema
