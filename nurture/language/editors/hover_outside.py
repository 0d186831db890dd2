"""What editors show beside each key of steps that tell somebody outside, and of winners."""

from __future__ import annotations

from collections.abc import Mapping

OUTSIDE: Mapping[str, Mapping[str, str]] = {
    "Webhooks": {"allow": 'Addresses and networks that may be called: ["10.0.0.0/8"].'},
    "ChannelModel": {
        "from": "The environment variable with its address: NURTURE_CHANNEL_…",
        "webhook": "A system that is called by https, signed as calls of sequences are.",
        "quiet_hours": "Hours of `zone` at which notices wait.",
        "zone": "The zone of its quiet hours; else that of the workspace.",
    },
    "NotifyModel": {
        "team": "Whom it is for: a team of handoff.yaml.",
        "notice": "Which notice: warm, or one of templates/notices.",
        "to": "The team's manager (default) or reps, or the lead's own rep (owner).",
        "anytime": "Whether it may go outside the window.",
    },
    "WebhookModel": {
        "url": "Where the call goes, by https.",
        "name": "What conditions and reports call it; else the host's name.",
        "retry": "How often it is made once more, at most 10 (3).",
        "anytime": "Whether it may be made outside the window.",
    },
    "WinnerModel": {
        "by": "click_rate, reply_rate or goal_rate of the leads an arm's mails went to.",
        "after": "Sends each arm needs before it is looked at first: 500 sends.",
        "confidence": "How sure it has to be (0.95).",
    },
}
