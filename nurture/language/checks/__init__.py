"""What only a look at the whole workspace shows: names, order, reach.

Every check is a small function that yields problems; it reads trees, not models, so that it still
works on files with other problems.  `ALL` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nurture.language.checks import (
    channels,
    crm,
    cycles,
    edits,
    entries,
    handoff,
    letting_in,
    looks,
    mails,
    meaning,
    names,
    outcomes,
    outside,
    rhythm,
    scoring,
    sending,
    shared,
    steps,
    stories,
    teams,
    windows,
    wording,
    workspace,
)
from nurture.language.checks.view import View
from nurture.language.text.problems import Problem

Check = Callable[[View], Iterator[Problem]]

ALL: tuple[Check, ...] = (
    *workspace.CHECKS,
    *channels.CHECKS,
    *names.CHECKS,
    *wording.CHECKS,
    *steps.CHECKS,
    *entries.CHECKS,
    *letting_in.CHECKS,
    *stories.CHECKS,
    *windows.CHECKS,
    *cycles.CHECKS,
    *edits.CHECKS,
    *outside.CHECKS,
    *shared.CHECKS,
    *scoring.CHECKS,
    *handoff.CHECKS,
    *outcomes.CHECKS,
    *teams.CHECKS,
    *crm.CHECKS,
    *mails.CHECKS,
    *sending.CHECKS,
    *meaning.CHECKS,
    *rhythm.CHECKS,
    *looks.CHECKS,
)
