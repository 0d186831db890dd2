"""Asking Salesforce: a token by client credentials, requests with it, and what refusals mean."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from app.crm import values
from app.crm.http import Ended, Line, Reply
from nurture.webhooks.port import Answer

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105
USED_UP = timedelta(minutes=15)
"""How long to wait where the requests of 24 hours are used up: they come back little by little."""
AGAIN = {
    "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT",
    "CONCURRENT_REQUESTS_LIMIT_EXCEEDED", "TXN_SECURITY_METERING_ERROR", "UNKNOWN_EXCEPTION",
}  # fmt: skip
NEXT = {
    "INVALID_SESSION_ID": "Its token was renewed and refused again: look at the Run As user of the"
    " app",
    "NOT_FOUND": "The check says which object or field is missing",
    "INVALID_FIELD": "The check says which fields are missing; a field may also be hidden from the"
    " Run As user",
    "INSUFFICIENT_ACCESS": "Give the Run As user the permissions docs/crm-salesforce.md lists",
    "INSUFFICIENT_ACCESS_OR_READONLY": "Let the Run As user change the records of every rep",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "Let the Run As user see the records of every"
    " rep",
    "API_DISABLED_FOR_ORG": "Give the Run As user the permission API Enabled",
    "DUPLICATES_DETECTED": "Merge the records in Salesforce, or let its duplicate rule allow them"
    " for the Run As user",
}
OF_A_RECORD = ("INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")
"""Codes that say of one record what a 403 says of all: told as 400."""
_WRITTEN = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


class Api:
    """Salesforce's REST API at the end of a line.  One token at a time, kept in memory alone."""

    def __init__(self, line: Line, key: SecretStr, secret: SecretStr, version: str) -> None:
        self._line, self._key, self._secret = line, key, secret
        self.data = f"/services/data/{version}"
        self._token = ""
        self._renewing: asyncio.Lock | None = None

    async def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, told: Any = None
    ) -> Reply:
        """One request below the data path, its token renewed once where it ended.  Ended for what
        any request may meet: no token, a limit, trouble on the other side."""
        token = await self._held("")
        reply = await self._asked(method, path, token, query, told)
        if reply.status == 401:
            reply = await self._asked(method, path, await self._held(token), query, told)
        if reply.status in (401, 403) or 301 <= reply.status < 400 or reply.status >= 500:
            refusal = self.refusal(reply.status, reply.told, reply)
            if refusal.verdict == "again":
                self._line.hold(refusal)
            raise Ended(refusal)
        return reply

    def told(self, reply: Reply) -> Mapping[str, Any]:
        """The JSON object of a reply that was taken; Ended else, and where it is none."""
        if not 200 <= reply.status < 300:
            raise Ended(self.refusal(reply.status, reply.told, reply))
        if not isinstance(reply.told, dict):
            raise Ended(Answer("again", reply.status, "answered with no JSON of its documents"))
        return reply.told

    def refusal(self, status: int, told: object, reply: Reply) -> Answer:
        """What it means that this was refused, in Salesforce's words; of a request or a part."""
        code = code_of(told)
        plain = Reply(status, told, reply.headers).answer(self._words(told))
        if code == "REQUEST_LIMIT_EXCEEDED":
            return Answer("again", status, plain.reason, reply.later or USED_UP)
        if code in AGAIN:
            return Answer("again", status, plain.reason, plain.later)
        if status == 300:
            words = "several records there have this external id: merge them"
            return Answer("failed", status, words)
        if code in NEXT:
            status = 400 if code in OF_A_RECORD else status
            return Answer("failed", status, f"{plain.reason}. {NEXT[code]}")
        return plain

    async def _held(self, ended: str) -> str:
        """The token; another than `ended`, which is no good any more."""
        if self._renewing is None:
            self._renewing = asyncio.Lock()
        async with self._renewing:
            if self._token == ended:
                self._token = await self._new_token()
            return self._token

    async def _new_token(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._key.get_secret_value(),
            "client_secret": self._secret.get_secret_value(),
        }
        reply = await self._line.ask("POST", TOKEN_PATH, headers={}, form=form)
        told = reply.told if isinstance(reply.told, dict) else {}
        token = values.word(told.get("access_token"))
        if reply.status == 200 and token and re.fullmatch(r"[!-~]+", token):
            self._line.keep_secret(token)
            return token
        said = [told.get("error"), told.get("error_description")]
        answer = reply.answer(self._line.shown(": ".join(map(str, filter(None, said)))))
        if answer.verdict == "failed":
            words = f"no token: {answer.reason}. Look at consumer key, secret and Run As user"
            raise Ended(Answer("failed", 401, words))
        reason = f"no token: {answer.reason}"
        raise Ended(Answer("again", reply.status, reason, answer.later))

    async def _asked(
        self, method: str, path: str, token: str, query: Mapping[str, str] | None, told: Any
    ) -> Reply:
        headers = {"authorization": f"Bearer {token}"}
        return await self._line.ask(
            method, f"{self.data}{path}", headers=headers, query=query, told=told
        )

    def _words(self, told: object) -> str:
        said = []
        for row in _rows(told)[:3]:
            fields = ", ".join(values.words(row.get("fields")))
            words = f"{row.get('errorCode')}: {row.get('message')}"
            said.append(f"{words} ({fields})" if fields else words)
        return self._line.shown("; ".join(said))


def code_of(told: object) -> str:
    """The first error code of a refusal."""
    return next((values.word(row.get("errorCode")) for row in _rows(told)), "")


def literal(text: str) -> str:
    """A text as SOQL writes it, between quotes."""
    return f"'{text.translate(_WRITTEN)}'"


def is_name(text: str) -> bool:
    """Whether a field may be called so."""
    return _NAME.fullmatch(text) is not None


def _rows(told: object) -> list[Mapping[str, Any]]:
    return values.rows(told if isinstance(told, list) else [told])
