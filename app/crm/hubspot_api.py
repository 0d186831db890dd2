"""Asking HubSpot: a request with the token, and what each of its refusals means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from app.crm import values
from app.crm.http import Ended, Line, Reply
from nurture.webhooks.port import Answer

VERSION = "2026-09"
CONTACTS, DEALS = "contacts", "0-3"
"""How the paths of this version name the objects."""
WAITS = {"DAILY": timedelta(hours=1), "TEN_SECONDLY_ROLLING": timedelta(seconds=10)}
"""How long to leave it alone where a 429 names its limit and no time."""
WAIT = timedelta(seconds=10)
LIMITED = (423, 429, 477)
"""Locked, too many requests, an account being moved: come again later."""
NEXT = {
    401: "Renew the service key in HubSpot and set its token",
    403: "Give the service key the scopes that docs/crm-hubspot.md lists",
}


class Api:
    """HubSpot's API at the end of a line, with a token."""

    def __init__(self, line: Line, token: SecretStr) -> None:
        self._line, self._token = line, token

    async def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, told: Any = None
    ) -> Reply:
        """One request.  Ended for what any of them may meet: no token, no permission, a limit."""
        headers = {"authorization": f"Bearer {self._token.get_secret_value()}"}
        reply = await self._line.ask(method, path, headers=headers, query=query, told=told)
        status = reply.status
        if status in NEXT or status in LIMITED or 300 <= status < 400 or status >= 500:
            refusal = self.refusal(reply)
            assert refusal is not None
            if status == 429:
                self._line.hold(refusal)
            raise Ended(refusal)
        return reply

    def refusal(self, reply: Reply) -> Answer | None:
        """Why it was not taken, None when it was."""
        told = reply.told if isinstance(reply.told, dict) else {}
        status, partly = reply.status, values.rows(told.get("errors"))
        if 200 <= status < 300:
            if status != 207 or not partly:
                return None
            return Answer("failed", status, f"refused in part: {self._words(partly[0])}")
        answer = reply.answer(self._words(told))
        if status in NEXT:
            return Answer("failed", status, f"{answer.reason}. {NEXT[status]}")
        if status in LIMITED:
            wait = reply.later or WAITS.get(str(told.get("policyName")), WAIT)
            return Answer("again", status, answer.reason, wait)
        return answer

    def contended(self, refusal: Answer) -> Answer:
        """A conflict with another push under way: tried again it finds what that one made."""
        if refusal.status != 409:
            return refusal
        return Answer("again", 409, refusal.reason, WAIT)

    def _words(self, told: Mapping[str, Any]) -> str:
        """What HubSpot says of it: the message, what lies below it, and the number to quote."""
        below = [error.get("message") for error in values.rows(told.get("errors"))[:3]]
        words = [str(word) for word in (told.get("message"), *below) if word]
        number = told.get("correlationId")
        said = self._line.shown("; ".join(dict.fromkeys(words)))
        return f"{said} (correlation id {self._line.shown(number)[:36]})" if number else said

    def taken(self, reply: Reply) -> Reply:
        """The reply, if it was taken; Ended else."""
        refusal = self.refusal(reply)
        if refusal is not None:
            raise Ended(self.contended(refusal))
        return reply

    def told(self, reply: Reply) -> Mapping[str, Any]:
        """The JSON of a reply that was taken; Ended else, and where it is none."""
        told = self.taken(reply).told
        if not isinstance(told, dict):
            raise Ended(Answer("again", reply.status, "answered with no JSON of its documents"))
        return told
