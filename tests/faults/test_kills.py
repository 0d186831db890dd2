"""Real SIGKILLs and SIGSTOPs of a sender, and what each protection of the protocol is for."""

from __future__ import annotations

import os
import random
import secrets
import signal
import time

import pytest

from tests.faults.conftest import Scene
from tests.processes import ended, state_of

KILLED = -signal.SIGKILL
WINDOW = 20
LEADS = 50


@pytest.mark.parametrize(
    ("point", "unknown"),
    [
        ("claim_pre", 0),
        ("claim_post", 0),
        ("written", 0),
        ("handed", WINDOW),
        ("handed:2", WINDOW),
        ("sent_pre", WINDOW),
        ("sent_pre:3", WINDOW),
        ("settled", 0),
    ],
)
def test_a_kill_at_any_commit_point_sends_nothing_twice_and_hides_nothing(
    scene: Scene, point: str, unknown: int
) -> None:
    scene.fill(LEADS)
    assert scene.run(crash_at=point) == KILLED
    scene.finish()
    scene.check(unknown=unknown)
    sent = len(scene.by_state()["sent"])
    assert sent >= LEADS - unknown
    assert (sent == LEADS) is (unknown == 0)


def test_a_kill_costs_at_most_one_window_a_connection(scene: Scene) -> None:
    scene.fill(200)
    assert scene.run(connections=3, crash_at="sent_pre:4") == KILLED
    scene.finish()
    scene.check(unknown=3 * WINDOW)


def killed_at_random(scene: Scene, wanted: int, chance: random.Random) -> int:
    """Start senders and kill each after some mails, until so many were killed at work; how many
    were, fewer where nothing was left to send.

    One finds nothing to do while what dead ones claimed is theirs: it ends, and another is started.
    """
    kills = 0
    while kills < wanted and {"due", "claimed"} & set(scene.by_state()):
        enough = scene.accepted().total() + chance.randrange(120)
        sender = scene.start(connections=chance.choice((1, 2)), lease=1.0)
        while sender.is_alive() and scene.accepted().total() <= enough:
            time.sleep(0.001)
        sender.kill()
        kills += ended(sender) == KILLED
    return kills


def test_senders_killed_at_random_keep_every_invariant(scene: Scene) -> None:
    seed = secrets.randbelow(10_000)
    print(f"seed {seed}")
    scene.fill(1_500)
    kills = killed_at_random(scene, 6, random.Random(seed))
    assert kills > 3
    scene.finish()
    scene.check(unknown=kills * 2 * WINDOW)
    assert len(scene.by_state()["sent"]) > 500


def stopped_past_its_lease(scene: Scene, *, without: str = "") -> None:
    """One sender stops between freezing and handing over; another does its work; it wakes."""
    scene.fill(LEADS)
    sleeper = scene.start(lease=0.5, without=without, stop_at="written")
    assert sleeper.pid
    while state_of(sleeper.pid) != "T":
        assert sleeper.is_alive()
        time.sleep(0.01)
    time.sleep(0.6)
    assert scene.run(lease=0.5) == 0
    os.kill(sleeper.pid, signal.SIGCONT)
    assert ended(sleeper, 20) == 0
    scene.finish()


def test_a_sender_stopped_past_its_lease_sends_nothing(scene: Scene) -> None:
    stopped_past_its_lease(scene)
    scene.check(unknown=0)


def test_two_senders_at_once_send_each_mail_once(scene: Scene) -> None:
    scene.fill(1_000)
    senders = [scene.start(connections=2) for _ in range(2)]
    assert [ended(sender) for sender in senders] == [0, 0]
    scene.finish()
    scene.check(unknown=0)
    assert len(scene.by_state()["sent"]) == 1_000


def test_without_the_fence_a_stopped_sender_sends_again(scene: Scene) -> None:
    stopped_past_its_lease(scene, without="the fence")
    with pytest.raises(AssertionError, match="accepted twice"):
        scene.check(unknown=LEADS)


@pytest.mark.parametrize(
    ("protection", "point", "harm"),
    [
        ("the intent", "sent_pre", "accepted twice"),
        ("the order", "handed", "never had"),
        ("small windows", "sent_pre", "<= 20"),
    ],
)
def test_without_a_protection_the_same_kill_does_harm(
    scene: Scene, protection: str, point: str, harm: str
) -> None:
    scene.fill(LEADS)
    assert scene.run(without=protection, crash_at=point) == KILLED
    scene.finish()
    with pytest.raises(AssertionError, match=harm):
        scene.check(unknown=WINDOW)
