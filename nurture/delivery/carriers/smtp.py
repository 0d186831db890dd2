"""Sending through SMTP, one round trip a mail (RFC 2920), every failure told apart by its phase.

With PIPELINING one write holds the body of a mail and the next mail's MAIL, RCPT and DATA; their
replies come back together.  No more than one body is ever on its way unanswered, so when a
connection dies at most one mail of the window is `unknown`; the later ones were never offered.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from nurture.delivery.carriers import lines
from nurture.delivery.carriers.greeting import Session, SmtpSettings, greet
from nurture.delivery.carriers.transport import (
    ChannelFailed,
    Outgoing,
    Phase,
    Reply,
    Verdict,
    Waiting,
)
from nurture.delivery.carriers.wire import Answer, Broken

Talk: TypeAlias = Generator[Reply | Waiting, None, None]

_PATH: Final = re.compile(r"[^\x00-\x20\x7f<>]{1,320}")
_RSET: Final = b"RSET\r\n"
_NOTHING: Final = b".\r\n"  # ends a DATA that should not have been granted (RFC 2920 §3.1)
# At RCPT these speak of us (syntax, sequence, sign-in), not of the recipient.
_OURS: Final = frozenset({500, 501, 502, 503, 504, 530, 534, 535, 538})
_RELAY: Final = re.compile(r"relay|authenticat", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SmtpTransport:
    """A server to send through; every `open` is a connection of its own."""

    settings: SmtpSettings

    @contextmanager
    def open(self) -> Iterator[SmtpConnection]:
        connection = SmtpConnection(self.settings)
        connection.connect()
        try:
            yield connection
        finally:
            connection.close()


@dataclass(slots=True)
class _Before:
    """What has to be written before the next mail: the body of `mail`, RSET, an empty dot."""

    data: bytes = b""
    mail: Outgoing | None = None
    answers: int = 0


class SmtpConnection:
    """One connection, used by one thread; a broken one is made anew at the next window."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._session: Session | None = None

    def connect(self) -> Session:
        """The open session, or a new one. Raises `ChannelFailed`."""
        session = self._session
        if session is not None and session.wire.surprised:  # it ended while nobody asked
            self._drop()
            session = None
        if session is None:
            session = self._session = greet(self._settings)
        return session

    def close(self) -> None:
        """Says goodbye without waiting for the answer."""
        if self._session is not None:
            with suppress(Broken):  # it is closed either way
                self._session.wire.write(b"QUIT\r\n")
            self._drop()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.wire.close()
            self._session = None

    def send(self, window: Sequence[Outgoing]) -> Talk:
        """A reply for each mail; a mail nothing is known of after a failure is `deferred`."""
        try:
            session = self.connect()
        except ChannelFailed as failure:
            for mail in window:
                yield Reply(mail.ref, "channel", failure.code, str(failure), failure.phase)
            return
        whole = False
        try:
            with suppress(_Stopped):
                yield from _Window(session, window).replies()
                whole = session.wire.held == 0
        finally:
            if not whole:  # or the caller left in the middle
                self._drop()


class _Stopped(Exception):
    """The window was answered to its end without sending all of it."""


class _Window:
    """One window on its way."""

    def __init__(self, session: Session, window: Sequence[Outgoing]) -> None:
        self._session = session
        self._wire = session.wire
        self._before = _Before()
        self._window = window

    def replies(self) -> Talk:
        """Raises `_Stopped`, all answered, when the connection is not to be used again."""
        for at, mail in enumerate(self._window):
            refusal = _unsendable(mail, self._session)
            if refusal is not None:
                yield refusal
                continue
            yield from self._offer(mail, self._window[at + 1 :])
        if self._before.data:
            yield from self._finish()

    def _offer(self, mail: Outgoing, later: Sequence[Outgoing]) -> Talk:
        """Writes what is before `mail`, and its envelope; leaves its body to be written next."""
        before, self._before = self._before, _Before()
        asked = self._commands(mail)
        answers: list[Answer] = []
        try:
            if self._session.pipelining:
                self._wire.write(before.data + b"".join(asked))
            elif before.data:
                self._wire.write(before.data)
            body = _stuffed(mail.data)  # while the server is at work
            yield from self._behind(before, (mail, *later))
            yield from self._ask(asked, answers)
        except Broken as failure:
            if before.mail is not None:
                yield self._lost(before.mail, len(before.data), failure)
            yield from _all(later, 0, str(failure), first=mail, phase=_PHASES[len(answers)])
            raise _Stopped from failure
        yield from self._judged(mail, body, answers, later)

    def _behind(self, before: _Before, later: Sequence[Outgoing]) -> Talk:
        """Reads the answers to what was written before; a mail answered is taken out of it."""
        for _ in range(before.answers):
            answer = yield from self._answer()
            if before.mail is not None:
                mail, before.mail = before.mail, None
                yield from self._settled(mail, answer, later)
            elif answer.code == 421:
                yield from self._stopped(answer, later, "mail")

    def _ask(self, asked: Sequence[bytes], answers: list[Answer]) -> Talk:
        """Reads an answer to each command, written here one by one if they were not before."""
        for command in asked:
            if not self._session.pipelining:
                self._wire.write(command)
            answer = yield from self._answer()
            answers.append(answer)
            if answer.code == 421 or (not self._session.pipelining and answer.code >= 400):
                return
        if answers[-1].code == 354 and self._wire.surprised:
            raise Broken("The server spoke, or left, before the mail was sent.")

    def _answer(self) -> Generator[Waiting, None, Answer]:
        while (answer := self._wire.take()) is None:
            yield self._wire.waiting
        return answer

    def _commands(self, mail: Outgoing) -> tuple[bytes, bytes, bytes]:
        utf8 = "" if (mail.sender + mail.recipient).isascii() else " SMTPUTF8 BODY=8BITMIME"
        return (
            f"MAIL FROM:<{mail.sender}>{utf8}\r\n".encode(),
            f"RCPT TO:<{mail.recipient}>\r\n".encode(),
            b"DATA\r\n",
        )

    def _judged(
        self, mail: Outgoing, body: bytes, answers: list[Answer], later: Sequence[Outgoing]
    ) -> Iterator[Reply]:
        """From the answers to MAIL, RCPT, DATA: the body comes next, or what became of it."""
        failed = next((i for i, a in enumerate(answers) if a.code // 100 != (2, 2, 3)[i]), None)
        if failed is None and answers[2].code == 354:
            self._before = _Before(body, mail, 1)
            return
        failed = 2 if failed is None else failed
        answer, phase = answers[failed], _PHASES[failed]
        if answer.code == 421 or (failed == 0 and answer.code >= 500) or answer.code < 400:
            yield from self._stopped(answer, (mail, *later), phase)
        if failed == 1 and (answer.code in _OURS or _channels(answer)):
            yield from self._stopped(answer, (mail, *later), phase)
        if len(answers) == 3 and answers[2].code == 354:  # granted although it was refused
            self._before = _Before(_NOTHING + _RSET, None, 2)
        elif failed > 0:
            self._before = _Before(_RSET, None, 1)
        yield _refused(mail, answer, phase)

    def _finish(self) -> Talk:
        """Writes what is left after the last mail, and reads its answers."""
        before, self._before = self._before, _Before()
        try:
            self._wire.write(before.data)
            yield from self._behind(before, ())
        except Broken as failure:
            if before.mail is not None:
                yield self._lost(before.mail, len(before.data), failure)
            raise _Stopped from failure

    def _settled(
        self, mail: Outgoing, answer: Answer, later: Sequence[Outgoing]
    ) -> Iterator[Reply]:
        """What the answer to its final dot says of `mail`."""
        if 200 <= answer.code < 300:
            yield Reply(mail.ref, "sent", answer.code, answer.text, "dot")
        elif answer.code == 421:
            yield from self._stopped(answer, (mail, *later), "dot")
        elif answer.code >= 400:
            yield _refused(mail, answer, "dot")
        else:  # 3xx: nobody can say what it means
            yield Reply(mail.ref, "unknown", answer.code, answer.text, "dot")

    def _lost(self, mail: Outgoing, length: int, failure: Broken) -> Reply:
        """A body without an answer: unknown only if its final dot, at `length`, may have left."""
        left = self._wire.offered >= length
        return Reply(mail.ref, "unknown" if left else "deferred", 0, str(failure), "dot")

    def _stopped(self, answer: Answer, mails: Sequence[Outgoing], phase: Phase) -> Iterator[Reply]:
        for mail in mails:
            yield Reply(mail.ref, "channel", answer.code, answer.text, phase)
        raise _Stopped


_PHASES: Final[tuple[Phase, ...]] = ("mail", "rcpt", "data", "data")


def _all(
    later: Sequence[Outgoing], code: int, text: str, *, first: Outgoing, phase: Phase
) -> Iterator[Reply]:
    for mail in (first, *later):
        yield Reply(mail.ref, "deferred", code, text, phase)
        phase = "connect"  # the others were never offered


def _channels(answer: Answer) -> bool:
    """A refused RCPT that means us: a server that will not relay would suppress every lead."""
    return answer.code >= 500 and _RELAY.search(answer.text) is not None


def _refused(mail: Outgoing, answer: Answer, phase: Phase) -> Reply:
    # 552 at RCPT has meant "too many recipients", to be tried again (RFC 5321 §4.5.3.1.10).
    passing = answer.code < 500 or (answer.code == 552 and phase == "rcpt")
    verdict: Verdict = "deferred" if passing else "rejected"
    return Reply(mail.ref, verdict, answer.code, answer.text, phase)


def _stuffed(data: bytes) -> bytes:
    """The body as it goes over the wire: leading dots doubled, the end mark after it."""
    if data.startswith(b"."):
        data = b"." + data
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return data + (b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")


def _unsendable(mail: Outgoing, session: Session) -> Reply | None:
    """A refusal of what must not go near the wire, before a byte of it does."""
    refusal = Reply(mail.ref, "rejected", 0, "", "mail")
    if not _PATH.fullmatch(mail.sender) or not _PATH.fullmatch(mail.recipient):
        return replace(refusal, text="An address holds what no address can.")
    if not (mail.sender + mail.recipient).isascii() and not session.smtputf8:
        text = "The mail server takes no addresses with letters beyond ASCII (SMTPUTF8)."
        return replace(refusal, text=text, phase="rcpt")
    if not lines.whole(mail.data):
        return replace(refusal, text="The mail holds a bare line break.")
    if session.largest and len(mail.data) > session.largest:
        text = f"The mail server takes {session.largest:,} octets, it has {len(mail.data):,}."
        return replace(refusal, code=552, text=text)
    return None
