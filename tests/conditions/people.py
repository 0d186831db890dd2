"""Made-up leads with every kind of value a condition can meet, in rows and as plain Python."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.files.scoring import Scoring
from nurture.language.files.workspace import Sender, Topic, Workspace
from nurture.ledger import tables as t
from tests.fixtures_ledger import NOW, make_definition, make_engagement, make_lead

TEXTS = ["", "DE", "de", "Groß", "groß", "50%", "a_c", "abc", "a!b", "x*y", "O'Neil", "10"]
NUMBERS = [0, 5, 5.5, -3, 100, 1e15]
DATES = ["2026-03-02", "2026-03-01T10:00", "2026-03-03", "2026-04-01", "2024-02-29", "0001-01-01"]
VALUES: list[Any] = [*TEXTS, *NUMBERS, *DATES, True, False, None, [1], {"a": 1}]
NAMES = ["plan", "größe", "a.b c"]
TAGS = ["smb", "SMB", "Competitor"]
TOPICS = ["news", "offers", "gone"]
SEQUENCES = ["welcome", "trial"]
HALF_LIVES = [None, timedelta(seconds=1), timedelta(days=1), timedelta(days=9)]
KINDS = ["page_viewed", "email_clicked"]


GRADED = Scoring(grades={"A": 40, "B": 10, "C": -5.5, "D": -20})


@dataclass
class Person:
    """A lead as the reference evaluator sees it."""

    id: int
    country: str
    email: str | None
    lifecycle: str
    attributes: dict[str, Any]
    created_at: str = NOW.date().isoformat()
    tags: list[str] = field(default_factory=list)
    consents: dict[str, bool] = field(default_factory=dict)
    suppressed: bool = False
    sequences: list[str] = field(default_factory=list)
    handoffs: list[str] = field(default_factory=list)
    events: list[tuple[str, datetime, dict[str, Any]]] = field(default_factory=list)
    entries: list[tuple[str, float, timedelta | None, datetime, bool]] = field(default_factory=list)


def definitions(scoring: Scoring | None = None, zone: str = "UTC") -> Definitions:
    """A small workspace: of the topics, `news` is open by default, `offers` is not."""
    workspace = Workspace(
        brand="Example",
        sender=Sender(name="Ann", address="ann@example.test", postal="1 Example Street"),
        base_url="https://example.test",
        zone=zone,
        topics={
            "news": Topic(name="News"),
            "offers": Topic(name="Offers", default="unsubscribed"),
        },
    )
    return Definitions(
        workspace=workspace, scoring=scoring or GRADED, handoff=None, handoff_id=0,
        active={}, programs={},
    )  # fmt: skip


def people(session: Session, count: int = 60, seed: int = 7) -> list[Person]:
    """Write `count` leads, always the same."""
    chance = random.Random(seed)
    sequences = {name: make_definition(session, name) for name in SEQUENCES}
    return [_person(session, number, chance, sequences) for number in range(count)]


def _person(
    session: Session, number: int, chance: random.Random, sequences: dict[str, t.Definition]
) -> Person:
    email = f"p{number}@example.test" if chance.random() < 0.8 else None
    attributes = {name: chance.choice(VALUES) for name in NAMES if chance.random() < 0.8}
    country, lifecycle = chance.choice(TEXTS), chance.choice(["lead", "mql", "customer"])
    lead = make_lead(
        session, email, country=country, lifecycle=lifecycle, attributes=attributes
    )
    assert lead.id is not None
    person = Person(lead.id, country, email, lifecycle, attributes)
    for tag in TAGS:
        if chance.random() < 0.3:
            session.add(t.LeadTag(lead_id=lead.id, tag=tag, added_at=NOW))
            person.tags.append(tag)
    for topic in TOPICS:
        if chance.random() < 0.5:
            person.consents[topic] = chance.random() < 0.5
            session.add(
                t.Consent(
                    lead_id=lead.id, topic=topic, subscribed=person.consents[topic], decided_at=NOW
                )
            )
    if email and chance.random() < 0.2:
        person.suppressed = True
        session.add(t.Suppression(email_key=email, kind="bounce", since=NOW))
    _history(session, lead, person, chance, sequences)
    session.flush()
    return person


def _history(
    session: Session,
    lead: t.Lead,
    person: Person,
    chance: random.Random,
    sequences: dict[str, t.Definition],
) -> None:
    assert lead.id is not None
    for name, definition in sequences.items():
        if chance.random() < 0.4:
            state = chance.choice(["active", "completed", "exited"])
            person.sequences.append(name)
            session.add(
                t.Enrolment(
                    lead_id=lead.id, sequence=name, definition_id=definition.id, state=state,
                    entered_at=NOW, step_at=NOW,
                )
            )  # fmt: skip
    for number in range(chance.randrange(3)):
        state = chance.choice(["rejected", "lost", "lapsed", "won", "offered", "working"])
        if number == 0 and state in ("offered", "working"):
            state = "recycled"  # a lead has at most one that is open, the latest
        person.handoffs.append(state)
        _hand_over(session, lead.id, state, sequences)
    for number in range(chance.randrange(6)):
        at = NOW - timedelta(hours=chance.choice([-1, 0, 1, 23, 24, 25, 71, 72, 200]))
        properties = {"email": chance.choice(VALUES), "plan": chance.choice(VALUES)}
        kind, taken_back = chance.choice(KINDS), NOW if chance.random() < 0.1 else None
        make_engagement(
            session, lead, kind, key=f"{lead.id}/{number}", occurred_at=at, properties=properties,
            withdrawn_at=taken_back,
        )  # fmt: skip
        if taken_back is None:
            person.events.append((kind, at, properties))
    for number in range(chance.randrange(6)):
        kind = chance.choice(["behaviour", "step", "fit"])
        points = float(chance.choice([-10, 5, 10, 33.3]))
        half_life = chance.choice(HALF_LIVES)
        at = NOW - timedelta(hours=chance.choice([-1, 0, 5, 30, 300]))
        withdrawn = chance.random() < 0.2
        person.entries.append((kind, points, half_life, at, withdrawn))
        session.add(
            t.ScoreEntry(
                lead_id=lead.id, kind=kind, rule=f"r{number}", points=points, half_life=half_life,
                at=at, withdrawn_at=NOW if withdrawn else None,
            )
        )  # fmt: skip


def _hand_over(
    session: Session, lead: int, state: str, definitions: dict[str, t.Definition]
) -> None:
    episode = t.Episode(lead_id=lead, cause="threshold:mql", opened_at=NOW, closed_at=NOW)
    session.add(episode)
    session.flush()
    definition = next(iter(definitions.values()))
    session.add(
        t.Handoff(
            lead_id=lead, episode_id=episode.id, definition_id=definition.id, team="smb",
            state=state, opened_at=NOW,
        )
    )  # fmt: skip
    session.flush()
