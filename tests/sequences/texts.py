"""The texts of the small workspace every play starts from."""

from __future__ import annotations

MAILS = ("welcome", "tips", "offer", "news")
WORKSPACE = """
brand: Example
sender: {name: Example, address: hello@example.test, postal: 1 Road}
base_url: http://127.0.0.1:8080
zone: Europe/Berlin
fields: {employees: number, plan: text, vip: yes_no, score_hint: number}
events: [poked, ordered]
calendars:
  office: {days: mon-fri, hours: "09:00-17:00", closed: ["2026-03-06"]}
topics:
  tips: {name: Tips}
  offers: {name: Offers}
intake: {may_create_leads: [website]}
"""
SCORING = """
behaviour:
  - {rule: poke, when: {event: poked}, points: 10, half_life: 10 days, reason: poked us}
  - {rule: pricing, when: {event: page_viewed}, points: 30, half_life: 14 days, reason: saw prices}
fit:
  - {rule: large, when: {employees: {at_least: 500}}, points: 20, reason: is large}
thresholds:
  - {threshold: mql, at: 60, rearm: 15, lifecycle: mql}
"""
HANDOFF = """
teams:
  smb:
    manager: {name: Mia, email: mia@example.test}
    zone: Europe/Berlin
    calendar: office
    sla: standard
    reps:
      - {rep: bo, name: Bo, email: bo@example.test}
      - {rep: cy, name: Cy, email: cy@example.test}
routing: [{otherwise: smb}]
sla:
  standard: {accept: 4 business hours, first_touch: 8 business hours, ladder: usual}
ladders:
  usual:
    - {at: 50%, remind: rep}
    - {at: 100%, tell: manager}
    - {after: 2 business hours, give: next rep}
"""
MAIL = """---
subject: "{name} for {{{{ lead.first_name | default('you', true) }}}}"
topic: tips
---
<html><body><p>{name}</p><a href="{{{{ unsubscribe_url }}}}">stop</a></body></html>
"""


def sequence(steps: str, *, name: str = "flow", head: str = "", stage: str = "first") -> str:
    """A sequence of one stage that a form lets in; `head` adds or replaces its settings."""
    lines = head if "enter:" in head else "enter: {when: {event: form_submitted}}\n" + head
    return f"sequence: {name}\ntopic: tips\n{lines}\nstages:\n  - stage: {stage}\n    steps:\n" + (
        "\n".join(f"      {line}" for line in steps.strip().splitlines())
    )
