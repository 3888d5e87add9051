"""Reads `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the name that a client gives to one request.

The same name with the same body is answered by the stream of the first time; with another body it is refused.
"""

from __future__ import annotations

import hashlib
import re

import orjson
from starlette.datastructures import Headers

from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Principal
from mamba_domain.messages import JsonObject
from mamba_domain.ports.streams import RequestKey

__all__ = ["request_key"]

_NAME = re.compile(r"[!-~]{1,255}")


def request_key(headers: Headers, body: JsonObject, principal: Principal) -> RequestKey | None:
    """The request's name, which is one of this principal's only. Raises `Rejected` (INVALID_REQUEST) for a bad one."""
    given = headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _NAME.fullmatch(given[0]):
        raise Rejected(Code.INVALID_REQUEST, "The Idempotency-Key must be 1 to 255 visible ASCII characters.")
    digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return RequestKey(subject=principal.subject, name=given[0], fingerprint=digest)
