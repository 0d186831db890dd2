"""The ledger, what is applied in it, its mail and its leases; the mail server if asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from app import processes
from app.clocks import wall_clock
from app.health.finding import Finding, guarded
from app.reading import looking
from app.settings import Settings
from app.transports import smtp_settings
from app.wiring import open_ledger_of
from handoff.crm.overview import overview
from handoff.routing import brake
from insight.calls import call_states, failed_since
from insight.listing import message_states
from nurture.ledger import schema, soundness, ticks
from nurture.ledger.engine import PRAGMAS, Ledger
from nurture.ledger.intake.arrivals import count_parked

KNOCK = 10.0
APART = timedelta(seconds=5)
"""So much may a machine's clock and the database's differ before it is said."""


def check(folder: Path, settings: Settings, *, now: datetime, mail: bool) -> Iterator[Finding]:
    """Everything there is to say of the ledger; it is not made, and not changed."""
    ledger = open_ledger_of(folder, settings)
    try:
        yield from guarded("ledger", lambda: _database(ledger))
        fits = guarded("schema", lambda: _schema(ledger))
        yield from fits
        if any(each.state == "fail" for each in fits):
            return
        with looking(ledger) as session:
            yield from guarded("definitions", lambda: _definitions(session, folder))
            yield from guarded("mail", lambda: _mail(session))
            yield from guarded("webhooks", lambda: _webhooks(session, settings, now))
            yield from guarded("channels", lambda: _channels(session, settings))
            yield from guarded("crm", lambda: _crm(session, settings))
            yield from guarded("brake", lambda: _brake(session))
            yield from guarded("work", lambda: _work(session, _time(ledger, session, now)))
            if mail:
                yield from guarded("mail server", lambda: _server(session, settings))
    finally:
        ledger.close()


def _database(ledger: Ledger) -> Iterator[Finding]:
    shown = ledger.engine.url.render_as_string(hide_password=True)
    yield Finding("ledger", "ok", shown)
    with looking(ledger) as session:
        if ledger.dialect != "sqlite":
            yield Finding("postgresql", "ok", soundness.server_version(session))
            yield _clock(wall_clock() - soundness.server_time(session))
            return
        wrong = soundness.wrong_pragmas(session)
        condition = soundness.quick_check(session)
    if wrong:
        yield Finding("pragmas", "fail", ", ".join(wrong), "Is the file on a network share?")
    else:
        yield Finding("pragmas", "ok", ", ".join(PRAGMAS))
    if condition == soundness.SOUND:
        yield Finding("integrity", "ok", "quick check passed")
    else:
        advice = "Stop everything and restore the last backup; keep the damaged file."
        yield Finding("integrity", "fail", condition[:200], advice)


def _clock(ahead: timedelta) -> Finding:
    """How far this machine's clock is ahead of the database's, which all machines go by."""
    seconds = round(abs(ahead).total_seconds())
    if abs(ahead) <= APART:
        return Finding("clock", "ok", "that of the database")
    said = f"{seconds:,} s {'ahead of' if ahead > timedelta() else 'behind'} the database's"
    advice = (
        "What is due, and who has the turn, goes by the database's clock. Set both machines by "
        "NTP (chronyc tracking, timedatectl): one of the two is wrong, and certificates, logs and "
        "--now go by this one."
    )
    return Finding("clock", "warn", said, advice)


def _time(ledger: Ledger, session: Session, now: datetime) -> datetime:
    """Now, as those who take turns see it."""
    return now if ledger.dialect == "sqlite" else soundness.server_time(session)


def _schema(ledger: Ledger) -> Iterator[Finding]:
    schema.check(ledger)
    yield Finding("schema", "ok", f"revision {schema.program_revision()}")


def _definitions(session: Session, folder: Path) -> Iterator[Finding]:
    """What is applied against what stands in the folder, and that both can be read."""
    from nurture.delivery.mails.trial import trial
    from nurture.language.applied.loading import load_definitions
    from nurture.language.applied.versions import applied_hashes
    from nurture.language.checks.validate import validate

    read = validate(folder, trial)
    errors = [p for p in read.problems if p.severity == "error"]
    applied = applied_hashes(session)
    if not applied:
        yield Finding("definitions", "warn", "nothing is applied", "Run: nurture apply")
        return
    broken = getattr(load_definitions(session), "unreadable", ())
    if broken:
        said = ", ".join(map(str, broken))
        yield Finding("definitions", "fail", f"cannot be read: {said}", "Run: nurture apply")
    elif errors:
        said = f"{len(errors)} errors in the files; the applied versions run on"
        yield Finding("definitions", "warn", said, "nurture validate names them.")
    elif applied != sorted(file.hash for file in read.files):
        said = "the files differ from what is applied"
        yield Finding("definitions", "warn", said, "Run: nurture apply")
    else:
        yield Finding("definitions", "ok", f"{len(applied)} files, all applied")


def _mail(session: Session) -> Iterator[Finding]:
    counts = message_states(session)
    unknown, failed = counts.get("unknown", 0), counts.get("render_failed", 0)
    said = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none yet"
    if unknown:
        yield Finding(
            "mail",
            "warn",
            said,
            f"Of {unknown} nobody knows whether they arrived; they are not sent again by "
            "themselves. See nurture messages list --state unknown, then resolve each.",
        )
    elif failed:
        advice = "See nurture messages list --state render_failed; correct the template, resend."
        yield Finding("mail", "warn", said, advice)
    else:
        yield Finding("mail", "ok", said)


def _webhooks(session: Session, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether calls can be made, and which failed in the last day."""
    from nurture.language.applied.loading import load_definitions
    from nurture.webhooks.http import HttpCaller
    from nurture.webhooks.port import wanting

    counts = call_states(session)
    said = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none yet"
    trouble = wanting(HttpCaller(settings.webhook_keys, lambda: now), load_definitions(session))
    failed = failed_since(session, now - timedelta(days=1))
    if trouble:
        yield Finding("webhooks", "fail", "NURTURE_WEBHOOK_SECRET is not set", f"{trouble}.")
    elif failed:
        names = ", ".join(f"{count} of {name}" for name, count in failed.items())
        advice = f"Failed in the last day: {names}. See nurture webhooks list --state failed."
        yield Finding("webhooks", "warn", said, advice)
    else:
        yield Finding("webhooks", "ok", said)


def _channels(session: Session, settings: Settings) -> Iterator[Finding]:
    """Each channel of notices: whether it can be spoken to, in form, and how it was last."""
    from app.telling.channels import channels
    from nurture.language.applied.loading import load_definitions

    definitions = load_definitions(session)
    for each in channels(session, definitions, settings):
        check = f"channel {each.name}"
        if each.trouble:
            yield Finding(check, "fail", each.trouble, "Its notices go by the next channel.")
        elif each.down_since is not None:
            advice = f"Its notices go by the next one. Try it: nurture channels test {each.name}"
            yield Finding(check, "warn", f"out of order: {each.reason}", advice)
        else:
            yield Finding(check, "ok", each.service)
    if definitions.workspace.channels and definitions.workspace.admin is None:
        advice = "Write admin: with an address into nurture.yaml."
        yield Finding("admin", "warn", "nobody is told when a channel is out of order", advice)


def _crm(session: Session, settings: Settings) -> Iterator[Finding]:
    """Whether the CRM can be told of leads, what it refused, and whom nobody here knows."""
    from nurture.language.applied.loading import load_definitions

    found = overview(session, load_definitions(session))
    if found is None:
        return
    if found.down_since is not None:
        advice = "Nothing is lost. Try it: nurture crm test"
        yield Finding("crm", "warn", f"out of order: {found.reason}", advice)
    elif refused := found.records.get("failed", 0):
        advice = "See nurture crm show, then nurture crm push --failed"
        yield Finding("crm", "warn", f"it refused {refused:,} leads", advice)
    else:
        yield Finding("crm", "ok", found.system)
    if found.system == "webhook" and not settings.crm_keys:
        said = "NURTURE_CRM_SECRET is not set: what the CRM says is refused"
        yield Finding("crm", "warn", said, "Set it to the secret the other system signs with.")
    if found.unknown:
        said = f"the CRM names {', '.join(found.unknown)}, and nobody here is that"
        yield Finding("crm", "warn", said, "Write it into owners of crm in handoff.yaml.")


def _brake(session: Session) -> Iterator[Finding]:
    """Whether handoffs wait because too many came at once."""
    held = brake.count_held(brake.standing(session))
    if held:
        advice = "See nurture brake show, then release or drop them."
        yield Finding("brake", "warn", f"it holds {held:,} handoffs", advice)


def _work(session: Session, now: datetime) -> Iterator[Finding]:
    """Who has the turn, what waits, what waits for its lead."""
    owner, until = ticks.whose_turn(session)
    if not owner:
        yield Finding("lease", "ok", "no tick is running")
    elif until is not None and until > now and processes.alive(owner):
        yield Finding("lease", "ok", f"a tick of {owner} is running")
    else:
        said = f"{owner} ended without giving its turn back"
        yield Finding("lease", "warn", said, "Nothing to do: the next tick takes over.")
    waiting = ticks.count_waiting(session)
    yield Finding("waiting", "ok", f"{waiting} news of leads for the next tick")
    if parked := count_parked(session):
        said = f"{parked} engagements of leads we do not know"
        advice = "They count as soon as their lead is imported."
        yield Finding("parked", "warn", said, advice)


def _server(session: Session, settings: Settings) -> Iterator[Finding]:
    """Connect, greet and sign in; no mail is offered."""
    from nurture.delivery.carriers.smtp import SmtpTransport
    from nurture.delivery.carriers.transport import ChannelFailed
    from nurture.language.applied.loading import load_definitions

    smtp = load_definitions(session).workspace.delivery.smtp
    if smtp is None:
        yield Finding("mail server", "ok", "none named: mail goes into a folder")
        return
    where = f"{smtp.host}:{smtp.port}"
    try:
        with SmtpTransport(smtp_settings(smtp, settings, timeout=KNOCK)).open():
            yield Finding("mail server", "ok", f"{where} answers")
    except ChannelFailed as error:
        advice = "Check delivery.smtp of nurture.yaml, NURTURE_SMTP_USER and NURTURE_SMTP_PASSWORD."
        yield Finding("mail server", "fail", f"{where}: {error}", advice)
