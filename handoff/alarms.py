"""What the admin is told by mail: a channel or the CRM out of order and back, what the CRM refused,
the brake that holds.

One mail each, by its key; without `admin:` in nurture.yaml nobody is, and `nurture doctor` says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.files.channels import EMAIL
from nurture.language.grammar.durations import Span
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import insert_new_values
from nurture.ledger.types import to_micros


def channel_down(
    session: Session, definitions: Definitions, name: str, reason: str, *,
    since: datetime, now: datetime,
) -> None:  # fmt: skip
    """The channel takes no notices."""
    said = f"""\
Since {_said(definitions, since)} notices to the channel {name} do not arrive: {reason}.

They go by the next channel of their team, in the end by mail: none is lost. Now and then one more
is tried; you hear when it arrives.

To try it yourself: nurture channels test {name}
"""
    key, subject = f"channel:{name}:{to_micros(since)}:down", f"The channel {name} is out of order"
    alarm(session, definitions, key, subject=subject, text=said, now=now)


def channel_back(
    session: Session, definitions: Definitions, name: str, *, since: datetime, now: datetime
) -> None:
    """The channel takes notices again."""
    said = f"""\
The channel {name}, out of order since {_said(definitions, since)}, takes notices again.
"""
    key, subject = f"channel:{name}:{to_micros(since)}:back", f"The channel {name} is back"
    alarm(session, definitions, key, subject=subject, text=said, now=now)


def crm_down(
    session: Session, definitions: Definitions, reason: str, *, since: datetime, now: datetime
) -> None:
    """The CRM takes nothing."""
    said = f"""\
Since {_said(definitions, since)} the CRM cannot be told of leads: {reason}.

Nothing is lost: it is told what holds then as soon as it answers. Now and then it is tried; you
hear when it is back.

To try it yourself: nurture crm test
"""
    key = f"crm:{to_micros(since)}:down"
    alarm(session, definitions, key, subject="The CRM is out of order", text=said, now=now)


def crm_back(
    session: Session, definitions: Definitions, *, since: datetime, now: datetime
) -> None:
    """The CRM answers again."""
    said = f"The CRM, out of order since {_said(definitions, since)}, is told of leads again.\n"
    key = f"crm:{to_micros(since)}:back"
    alarm(session, definitions, key, subject="The CRM is back", text=said, now=now)


def crm_unasked(
    session: Session, definitions: Definitions, reason: str, *, now: datetime
) -> None:
    """The CRM does not say what came of leads; one mail a day."""
    said = f"""\
The CRM does not say what came of leads: {reason}. It is asked again by itself; what it says then
counts from where it was heard last. You get no other mail about this today.

See how it is: nurture crm show
"""
    key = f"crm:unasked:{now.date()}"
    alarm(session, definitions, key, subject="The CRM cannot be asked", text=said, now=now)


def crm_refused(
    session: Session, definitions: Definitions, count: int, reason: str, *, now: datetime
) -> None:
    """The CRM refused leads for good; one mail a day."""
    leads = "a lead" if count == 1 else f"{count} leads"
    said = f"""\
The CRM refused {leads}: {reason}. Other leads go on. It is told again when something changes about
the lead, or when you say so. You get no other mail about this today.

See which, and why: nurture crm show
Tell it once more:  nurture crm push --failed
"""
    key = f"crm:refused:{now.date()}"
    alarm(session, definitions, key, subject="The CRM refused a lead", text=said, now=now)


def brake_holds(
    session: Session, definitions: Definitions, first: int, *, said: str, within: timedelta,
    now: datetime,
) -> None:  # fmt: skip
    """The brake holds, `first` being the first episode it does."""
    text = f"""\
At {_said(definitions, now)} there were more than {said} within {Span(within)}. The others wait:
they are not lost, and nobody in sales was told of them. What crosses the line from now on goes on
as always.

See what is held, and why:  nurture brake show
Let it go to sales:         nurture brake release
Drop it, if it was wrong:   nurture brake drop REASON
"""
    subject = "The brake holds handoffs"
    alarm(session, definitions, f"brake:{first}", subject=subject, text=text, now=now)


def alarm(
    session: Session, definitions: Definitions, key: str, *, subject: str, text: str,
    now: datetime,
) -> None:  # fmt: skip
    """One mail to the admin, if there is one; the same key says it once."""
    workspace = definitions.workspace
    if workspace.admin is None:
        return
    row = {
        "key": key, "kind": "alarm", "channel": EMAIL, "recipient": workspace.admin,
        "subject": f"{workspace.brand}: {subject}", "text": text,
        "identity": identity(key), "planned_at": now, "due_at": now,
    }  # fmt: skip
    insert_new_values(session, t.Post, [row])


def identity(key: str) -> str:
    """By which the other side knows repeats: of what never changes, and naming nobody."""
    return f"notice_{sha256(key.encode()).hexdigest()[:32]}"


def _said(definitions: Definitions, at: datetime) -> str:
    local = at.astimezone(ZoneInfo(definitions.workspace.zone))
    return f"{local:%a} {local.day} {local:%b %H:%M}"
