"""Several conversations in one thread: nobody waits for a server that does not answer."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from nurture.delivery.carriers.exchange import exchange
from nurture.delivery.carriers.transport import Connection
from tests.delivery.carriers.test_smtp import mail, transport, window
from tests.delivery.sink import Sink


def opened(stack: ExitStack, *sinks: Sink, timeout: float = 5.0) -> list[Connection]:
    return [stack.enter_context(transport(sink, timeout).open()) for sink in sinks]


@pytest.mark.parametrize("mails", [0, 1, 3, 7, 80])
def test_a_window_is_dealt_out_evenly_and_each_mail_is_answered_once(mails: int) -> None:
    with ExitStack() as stack:
        sinks = [stack.enter_context(Sink()) for _ in range(4)]
        some = [mail(ref, f"lead{ref}@example.test") for ref in range(mails)]
        replies = exchange(opened(stack, *sinks), some)
        assert sorted(reply.ref for reply in replies) == list(range(mails))
        assert {reply.verdict for reply in replies} <= {"sent"}
        assert max(len(sink.mails) for sink in sinks) == -(-mails // 4)


@pytest.mark.parametrize("script", ["hang", "hangbefore", "dropafterdot", "s421", "garbage"])
def test_one_server_in_trouble_holds_and_harms_no_other(script: str) -> None:
    with ExitStack() as stack:
        well, ill = stack.enter_context(Sink()), stack.enter_context(Sink())
        some = window(script, "a", "b", "c", "d", "e")
        replies = exchange(opened(stack, ill, well, timeout=1.5), some)
        assert [reply.verdict for reply in replies if reply.ref >= 3] == ["sent"] * 3
        assert {reply.verdict for reply in replies if reply.ref < 3} - {"sent"}
        assert [recipient[0] for recipient, _ in well.mails] == ["c", "d", "e"]
        if script.startswith("hang"):
            assert replies[0].ref >= 3, "its answers did not wait for the one that hangs"


def test_mails_are_written_while_servers_are_at_work() -> None:
    with ExitStack() as stack:
        sinks = [stack.enter_context(Sink()) for _ in range(2)]
        written: list[int] = []
        some = window(*(["slow"] * 4))
        exchange(opened(stack, *sinks), some, lambda: written.append(1))
        assert len(written) >= 4
