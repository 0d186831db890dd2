"""What editors show beside each key of teams, reps, routes, and what follows from outcomes."""

from __future__ import annotations

from collections.abc import Mapping

TEAMS: Mapping[str, Mapping[str, str]] = {
    "Team": {
        "manager": "Who hears of lapses.",
        "zone": "The team's time zone.",
        "calendar": "Its working hours: a calendar of nurture.yaml.",
        "sla": "Its clocks: one of sla.",
        "assign": "Whose turn it is: round_robin (default), weighted or least_loaded.",
        "first": "Whose a lead is already, in this order: owner, company, parent, last_rep.",
        "reps": "Who works in it, in the order of the first round.",
        "digest": "When its manager gets a mail about the team, each morning: \"08:00\".",
        "channels": "How its reps are told: channels of nurture.yaml and email, the best first.",
    },
    "Person": {"name": "In full.", "email": "Where notices go."},
    "RepModel": {
        "rep": "The rep's name in commands.",
        "name": "In full.",
        "email": "Where notices go.",
        "zone": "Own time zone; else the team's.",
        "days": "Own weekdays; else the calendar's.",
        "hours": "Own hours; else the calendar's.",
        "calendar": "Own calendar; else the team's.",
        "room": "How many open handoffs at a time (25).",
        "per_day": "How many new handoffs on one of their days; else as many as there is room.",
        "weight": "The share of the turns where they go by weight (1); 0 takes no turns.",
        "skills": "What routes may ask for: [german, enterprise].",
        "away": 'Days without new leads: ["2026-03-02..2026-03-06", "2026-12-24"].',
    },
    "Route": {
        "when": "The condition.",
        "team": "The team that gets the lead.",
        "rep": "The rep who gets it; else the next in turn of the team.",
        "skills": "What a rep must have to get it: [german].",
        "reason": "Why, for the notice.",
        "otherwise": "The team of all others; the last entry.",
    },
    "Owners": {
        "field": "The field of leads that holds a rep's name or address (owner).",
        "parent": "The field that is the same for all leads of one customer.",
    },
    "Recycle": {
        "sequence": "Where leads go that sales rejects, recycles or loses.",
        "at_most": "How often a lead is sent back (3).",
        "reasons": "Suggested reasons.",
    },
    "Outcomes": {
        "accepted": "Sales takes the lead.",
        "contacted": "Each touch.",
        "meeting": "A meeting.",
        "opportunity": "A deal is in sight.",
        "won": "A deal: the lead is a customer.",
        "lost": "No deal.",
        "rejected": "Sales does not want the lead.",
        "recycled": "Not now: back to nurture.",
    },
    "FollowUp": {
        "reason": "For these reasons; without it for any. The first entry that holds decides.",
        "start": "The sequence the lead enters.",
        "after": "How long after the answer: 90 days. Else at once.",
        "stop": "The sequence the lead leaves.",
        "suppress": "true: no nurture mail goes to the lead any more.",
        "nothing": "true: nothing follows, not even recycle.sequence.",
    },
}
