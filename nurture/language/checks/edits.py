"""Edits lead to steps there are."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.view import View, text
from nurture.language.compiled.compile import step_keys
from nurture.language.files.sequence import SequenceModel
from nurture.language.grammar.terms import EXIT
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Table


def targets(view: View) -> Iterator[Problem]:
    """`edits: {steps: …}` names a step of this version, or `exit`."""
    for file in view.of("sequence"):
        listed = file.at(("edits", "steps"))
        model = view.models.get(file.path)
        if not isinstance(listed, Table) or not isinstance(model, SequenceModel):
            continue
        known = step_keys(model)
        for key, entry in listed.entries.items():
            target = text(entry.node)
            if target is not None and target != EXIT and target not in known:
                yield file.problem(
                    ("edits", "steps", key),
                    "unknown-target",
                    f'there is no step "{target}" here; name one by its id, or as `nurture plan`'
                    " does, or write exit",
                    found=target,
                    allowed=(*known, EXIT),
                )


CHECKS = (targets,)
