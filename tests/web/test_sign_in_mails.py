"""Sign-in mails: how many come, and what becomes of one the mail server does not take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from handoff.telling.notifier import Telling, answered
from nurture.webhooks.port import Answer, Verdict
from tests.web.conftest import Place
from tests.web.desk_visitors import Mailbox
from tests.web.test_sign_in import STRANGER, ask, box, kept, use

__all__ = ["box"]
HOME = "198.51.100.20"


def test_a_network_asks_only_so_often_and_hears_nothing_of_it(place: Place, box: Mailbox) -> None:
    bodies = {ask(place, "bo@example.test").text for _ in range(6)}
    assert len(bodies) == 1
    assert len(box.mails) == 3
    place.later(minutes=16)
    for _ in range(12):
        assert ask(place, "no@example.test", peer=STRANGER).status_code == 200
    assert ask(place, "bo@example.test", peer=STRANGER).status_code == 200
    assert len(box.mails) == 3, "its network has asked ten times this minute"
    ask(place, "bo@example.test")
    assert len(box.mails) == 4


def test_who_asks_in_anothers_name_keeps_nobody_out(place: Place, box: Mailbox) -> None:
    place.site.base_url = "http://127.0.0.1:8000"
    asked = ask(place, "bo@example.test", peer=HOME)
    first = box.link
    strangers = [ask(place, "bo@example.test", peer=STRANGER) for _ in range(9)]
    assert {answer.text for answer in strangers} == {asked.text}
    assert len(box.mails) == 1 + 3
    ask(place, "bo@example.test", peer=HOME, headers=kept(asked))
    assert len(box.mails) == 1 + 3 + 1
    assert use(place, box.link, kept(asked)).status_code == 303
    assert use(place, first, kept(asked)).status_code == 303, "an earlier link stays good"


class Later:
    """Tries to come: with which pauses, and each when the test says so."""

    def __init__(self, place: Place) -> None:
        self.pauses: list[float] = []
        self.next: Callable[[], Any] | None = None
        self.place = place
        place.site.begin_later = self._keep  # type: ignore[method-assign]

    def _keep(self, seconds: float, work: Callable[[], Any]) -> None:
        self.pauses.append(seconds)
        self.next = work

    def come(self) -> None:
        work, self.next = self.next, None
        assert work
        asyncio.run(work())


@pytest.fixture
def later(place: Place) -> Later:
    return Later(place)


def answering(box: Mailbox, *verdicts: Verdict) -> None:
    """The mail server answers so, one after another."""
    left = list(verdicts)

    def tell(telling: Telling) -> Future[Answer]:
        box.mails.append(telling)
        return answered(left.pop(0), "says the mail server")

    box.tell = tell  # type: ignore[method-assign]


def test_a_mail_that_nobody_took_is_handed_over_again(
    place: Place, box: Mailbox, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    answering(box, "again", "again", "done")
    asked = ask(place, "bo@example.test")
    later.come()
    later.come()
    assert later.next is None
    assert box.mails == [box.mails[0]] * 3, "the same mail, by the same Message-ID"
    assert "could not be mailed" not in caplog.text
    assert use(place, box.link, kept(asked)).status_code == 303


def test_it_is_given_up_after_a_few_tries_and_the_pauses_grow(
    place: Place, box: Mailbox, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    answering(box, *["again"] * 4)  # type: ignore[list-item]
    ask(place, "bo@example.test")
    for _ in range(3):
        later.come()
    assert later.next is None
    assert sorted(later.pauses) == later.pauses
    assert caplog.text.count("could not be mailed: says the mail server") == 1


def test_it_is_given_up_when_its_link_is_over(
    place: Place, box: Mailbox, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    answering(box, "again", "again")
    ask(place, "bo@example.test")
    place.later(minutes=15)
    later.come()
    assert later.next is None
    assert "could not be mailed" in caplog.text


def test_a_definite_no_is_final_and_no_error_of_the_page(
    place: Place, box: Mailbox, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    answering(box, "failed")
    assert ask(place, "bo@example.test").status_code == 200
    assert later.next is None
    assert "could not be mailed: says the mail server" in caplog.text
    assert "bo@example.test" not in caplog.text


def test_what_comes_later_keeps_nothing_busy_and_comes(place: Place) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("done")

    async def asked() -> None:
        place.site.begin_later(0, work)
        assert place.site.busy == 0
        while not done:
            await asyncio.sleep(0)
        await place.site.settled()

    asyncio.run(asked())
    assert done == ["done"]
