"""Telling through Apprise, which speaks to Slack, Teams and many others; blocking.

It answers only whether all went well.  Its own words are silenced, for they hold addresses, and
addresses hold tokens; it keeps nothing on the disk.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from nurture.webhooks.port import Answer

NOT_TAKEN = "it did not take the notice"


def send(address: str, title: str, text: str) -> Answer:
    """Tell one notice, as plain text; `again` when it was not taken, whoever's fault that was."""
    apprise = _speaking(address)
    if not len(apprise):
        return Answer("failed", 0, "its address is none that can be spoken to")
    told = apprise.notify(title=title, body=text, body_format="text")
    return Answer("done", 0, "taken") if told else Answer("again", 0, NOT_TAKEN)


def service(address: str) -> str:
    """What the address speaks to (`Slack`), '' when nobody knows; no connection is made."""
    spoken = next(iter(_speaking(address)), None)
    return "" if spoken is None else str(spoken.service_name)


@lru_cache(maxsize=32)
def _speaking(address: str) -> Any:
    import apprise
    from apprise.common import PersistentStoreMode

    silent = logging.getLogger("apprise")
    silent.disabled, silent.propagate = True, False
    kept_nowhere = apprise.AppriseAsset(
        app_id="nurture", async_mode=False, storage_mode=PersistentStoreMode.MEMORY
    )
    made = apprise.Apprise(asset=kept_nowhere)
    made.add(address)
    return made
