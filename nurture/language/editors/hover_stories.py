"""What editors show beside each key of stories (`tests`)."""

from __future__ import annotations

from collections.abc import Mapping

from nurture.language.grammar.vocabulary import LEAD_FIELDS

STORIES: Mapping[str, Mapping[str, str]] = {
    "Story": {
        "name": "What is proven; unique in the file.",
        "lead": "Who the story is about.",
        "webhooks": "What webhooks answer, by name: {crm: failed}, {crm: 503}; else done.",
        "story": "Instants in the lead's own zone, each with one thing that happens.",
    },
    "AnswerModel": {
        "status": "done, failed, or an HTTP status; 0 is no answer.",
        "answer": "The values of the answer.",
    },
    "StoryLead": {
        **dict.fromkeys(LEAD_FIELDS, "The lead's own."),
        "lifecycle": "What the lead is at the beginning.",
        "tags": "Tags it carries at the beginning.",
        "topics": "What it said about topics: {events: unsubscribed}.",
    },
    "Deed": {
        "event": "The lead did something of this kind.",
        "with": "Of event: its properties.",
        "times": "Of event: how often in a row.",
        "update": "Somebody changed the lead, written as the step.",
        "enter": "true: it was asked into this sequence, as by command.",
        "key": "Of enter: the key of the enrolment, where it counts by one.",
        "sales": "Sales answered what was offered by then.",
        "by": "Of sales: who, if not the lead's rep.",
        "how": "Of touch: called, mailed, met.",
        "reason": "Of pause, reject, recycle and lost: why.",
        "to": "Of give: to whom.",
        "until": "Of pause: until when sales waits for the lead.",
        "for": "Of snooze: how long the lead is put off.",
        "amount": "Of an opportunity, or won: what the deal is worth.",
        "expect": "What must have come of it; only what is named is compared.",
    },
    "Expect": {
        "sent": "Mails sent since the last expect that names sent, in order.",
        "not_sent": "Mails that were planned and will not be sent, perhaps with reasons.",
        "notices": "Notices of notify since the last expect that names them, perhaps to whom.",
        "calls": "Calls of webhooks over since the last expect that names calls: {crm: done}.",
        "stage": "The stage it stands in.",
        "state": "active, completed, goal, exited, moved or failed.",
        "goal": "Whether it reached the goal, in the sequence or in time after it.",
        "reason": "Why it left this sequence.",
        "waits_until": "When its step, or its mail or call, is next looked at.",
        "sequences": "Every sequence it is in now.",
        "score": "Behaviour and fit; a whole number is compared with the rounded score.",
        "grade": "The grade of its fit, none below the last.",
        "lifecycle": "What it is.",
        "tags": "All its tags.",
        "handoff": "The team of its newest handoff; none when there is none.",
        "rep": "Its rep; none while it waits in the queue.",
        "sales": "offered, accepted, working, rejected, recycled, won, lost or lapsed.",
        "due": "The next deadline that runs for sales.",
        "rungs": "What ladders did since the last expect that names rungs.",
    },
}
