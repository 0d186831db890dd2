"""From an engagement that makes a lead cross the line to the notice accepted by sales' mail server.

`nurture up` runs in a process of its own, with its web app and scheduler, on SQLite; 200 other
engagements a second come in over HTTP all the while.  Once in a while one engagement makes a lead
cross.  The clock runs from before it is posted until the SMTP server (tests/delivery/sink.py,
another process, which fsyncs) has taken the notice.  Once with ticks as Prefect flow runs on the
embedded server, once plainly.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from app.settings import Settings
from app.wiring import open_ledger_of
from benchmarks import workspaces
from benchmarks.figures import Figure, Unequal
from benchmarks.live import Client, free_port, sink, up

LEADS = 10_000
PROBES, EVERY = 50, 0.7
"""Leads that cross, and seconds between two of them; their numbers come last."""
RATE, POSTS = 200, 10
"""Other engagements a second, in so many requests."""


def crowd(client: Client, ended: threading.Event) -> int:
    """Everybody else, until `ended`; returns how many engagements were accepted."""
    many, posts = RATE // POSTS, 0
    began = time.perf_counter()
    while not ended.is_set():
        first = posts * many
        leads = [(first + i) % (LEADS - PROBES) + 1 for i in range(many)]
        client.post("page_viewed", leads, f"crowd-{posts}", url="/pricing")
        posts += 1
        ended.wait(max(0.0, began + posts / POSTS - time.perf_counter()))
    return posts * many


def watch(accepted: Path, seen: dict[str, float], ended: threading.Event) -> None:
    """Note when each mail was taken: (Message-ID, monotonic)."""
    with accepted.open() as lines:
        while not ended.is_set():
            line = lines.readline()
            if line.endswith("\n"):
                seen.setdefault(line.split()[0].strip("<>"), time.perf_counter())
            else:
                time.sleep(0.002)


def notices(folder: Path, url: str, token: str, accepted: Path) -> tuple[list[float], float]:
    """Seconds from engagement to notice, sorted, and the background really reached, per second."""
    seen: dict[str, float] = {}
    posted: dict[int, float] = {}
    ended, watched, counts = threading.Event(), threading.Event(), [0]
    began = time.perf_counter()

    def background() -> None:
        counts[0] = crowd(Client(url, token), ended)

    threads = [
        threading.Thread(target=background),
        threading.Thread(target=watch, args=(accepted, seen, watched)),
    ]
    for thread in threads:
        thread.start()
    try:
        time.sleep(5)
        client = Client(url, token)
        for number in range(PROBES):
            lead = LEADS - number
            posted[lead] = time.perf_counter()
            client.post("form_submitted", [lead], "probe", form="contact")
            time.sleep(EVERY)
    finally:
        ended.set()
        threads[0].join()
        seconds = time.perf_counter() - began
        time.sleep(3)
        watched.set()
        threads[1].join()
    names = _named(folder)
    missing = [lead for lead in posted if names.get(lead) not in seen]
    assert not missing, f"{len(missing)} of {PROBES} notices did not come within 3 s of the end"
    return sorted(seen[names[lead]] - at for lead, at in posted.items()), counts[0] / seconds


def _named(folder: Path) -> dict[int, str]:
    """Lead → Message-ID of the first notice about it."""
    ledger = open_ledger_of(folder, Settings())
    try:
        with ledger.looking() as session:
            rows = session.execute(
                text(
                    "SELECT lead_id, message_id FROM message WHERE kind = 'notice' "
                    "AND state = 'sent' ORDER BY id DESC"
                )
            )
            return {lead: name.strip("<>") for lead, name in rows}
    finally:
        ledger.close()


def measure() -> Iterator[Figure]:
    """The 95th percentile in seconds, with ticks as Prefect runs and plainly."""
    for name, visible in (("plain ticks", False), ("Prefect runs", True)):
        with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
            folder, accepted = Path(place) / "workspace", Path(place) / "accepted"
            with sink(accepted) as port:
                token = workspaces.make(folder, leads=LEADS, smtp=port)
                with up(folder, prefect_port=free_port() if visible else 0) as url:
                    time.sleep(5)  # the first look at all leads
                    found, rate = notices(folder, url, token, accepted)
        if rate < 0.95 * RATE:
            raise Unequal(f"only {rate:.0f} of {RATE} other engagements a second got in")
        yield Figure(
            f"SQLite, {name}: engagement to notice, p95",
            found[int(len(found) * 0.95)],
            "s",
            at_most=1.0,
            detail=f"(p50 {found[len(found) // 2]:.2f} s, most {found[-1]:.2f} s; {PROBES} notices,"
            f" {rate:.0f} other engagements/s)",
        )
