"""The order and form of steps: one verb each, waits that end, nothing that is never reached."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nurture.language.checks.view import (
    File,
    View,
    awaited,
    blocks,
    items,
    mail_of,
    split_arms,
    steps,
    tables,
    text,
)
from nurture.language.files.sequence import StepModel
from nurture.language.text.faults import Loc
from nurture.language.text.places import below
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Listing, Node, Table

BESIDE = ("id", "within", "then", "otherwise")
VERBS = tuple(key for key in StepModel.model_fields if key not in BESIDE)


def verbs(view: View) -> Iterator[Problem]:
    """A step has exactly one verb; `within`, `then`, `otherwise` belong to `wait_for`."""
    for file in view.of("sequence"):
        for loc, step in steps(file):
            found = [key for key in step.entries if key in VERBS]
            strange = [key for key in step.entries if key not in VERBS and key not in BESIDE]
            if not found and not strange:
                yield file.problem(loc, "step-form", "a step without a verb", allowed=VERBS)
            if len(found) > 1:
                message = f"two steps in one: {' and '.join(found)}; write each as its own entry"
                yield file.problem((*loc, found[1]), "step-form", message, key=True)
            for key in ("within", "then", "otherwise"):
                if key in step.entries and found and "wait_for" not in found:
                    message = f'"{key}" belongs to wait_for, not to {found[0]}'
                    yield file.problem((*loc, key), "step-form", message, key=True)
            if "then" in step.entries and isinstance(step.get("wait_for"), Listing):
                message = 'several events: write "then" with each of them'
                yield file.problem((*loc, "then"), "step-form", message, key=True)


def endless(view: View) -> Iterator[Problem]:
    """Every wait ends."""
    for file in view.of("sequence"):
        for loc, step in steps(file):
            if "wait_for" in step.entries and "within" not in step.entries:
                message = 'a wait without an end; add "within: 3 days"'
                yield file.problem((*loc, "wait_for"), "endless-wait", message, key=True)


def arms(view: View) -> Iterator[Problem]:
    """An arm is `when` and `steps`, or (last) `otherwise`."""
    for file in view.of("sequence"):
        for loc, step in steps(file):
            last = False
            for index, arm in enumerate(items(step.get("branch"))):
                place = (*loc, "branch", index)
                if not isinstance(arm, Table):
                    continue
                if last:
                    message = 'never reached: it stands behind "otherwise"'
                    yield file.problem(place, "unreachable-arm", message)
                keys = set(arm.entries)
                if keys & {"when", "steps", "otherwise"} not in ({"when", "steps"}, {"otherwise"}):
                    message = 'an arm is "when" with "steps", or "otherwise" alone'
                    yield file.problem(place, "arm-form", message)
                last = last or "otherwise" in keys


def splits(view: View) -> Iterator[Problem]:
    """A split has something to choose from."""
    for file in view.of("sequence"):
        for loc, _ in steps(file):
            arms = file.at((*loc, "split", "arms"))
            aside = file.at((*loc, "split", "hold_out")) is not None
            if isinstance(arms, Table) and len(arms.entries) < (1 if aside else 2):
                message = 'nothing to choose from: write two arms, or one and "hold_out"'
                yield file.problem((*loc, "split", "arms"), "split-form", message, key=True)
            if file.at((*loc, "split", "winner")) is not None:
                yield from _winner(view, file, loc)


def _winner(view: View, file: File, loc: Loc) -> Iterator[Problem]:
    """Each of two arms or more sends something a winner can be found by, and there is a goal if it
    is found by that."""
    place: Loc = (*loc, "split", "winner")
    found = dict(split_arms(file.at(loc), loc))  # type: ignore[arg-type]
    if len(found) < 2:
        yield file.problem(place, "winner-form", "a winner needs two arms or more", key=True)
    usual = [head.at(("defaults", "goal")) for head in view.of("workspace")]
    if text(file.at((*place, "by"))) == "goal_rate" and not any((file.at(("goal",)), *usual)):
        message = "this sequence has no goal, so its rate is never known"
        yield file.problem((*place, "by"), "winner-form", message)
    for arm in found:
        if not any("send" in step.entries for at, step in steps(file) if at[: len(arm)] == arm):
            message = f'the arm "{arm[-1]}" sends no mail, so its rate is never known'
            yield file.problem(place, "winner-form", message, key=True)


def reach(view: View) -> Iterator[Problem]:
    """Nothing stands behind a step that always ends the enrolment."""
    for file in view.of("sequence"):
        for loc, block in blocks(file):
            ended = next((n for n, step in enumerate(block) if _ends(step)), None)
            if ended is not None and ended + 1 < len(block):
                message = f"never reached: step {ended + 1} ends the enrolment"
                yield file.problem((*loc, ended + 1), "unreachable-step", message)
        stages = list(tables(file, ("stages",)))
        for (_, stage), (loc, _) in pairwise(stages):
            if _all_end(stage.get("steps")):
                name = text(stage.get("stage"))
                message = f'never reached: the stage "{name}" always ends the enrolment'
                yield file.problem(loc, "unreachable-step", message)


def _ends(step: Node) -> bool:
    if not isinstance(step, Table):
        return False
    if "end" in step.entries or "start" in step.entries:
        return True
    if "use" in step.entries:
        used = step.get("use")
        blocks = used.entries.values() if isinstance(used, Table) else ()
        return any(_all_end(each.node) for each in blocks)
    if "wait_for" in step.entries:
        several = [way for way in items(step.get("wait_for")) if isinstance(way, Table)]
        then = all(_all_end(way.get("then")) for way in several or [step])
        return then and _all_end(step.get("otherwise"))
    if "split" in step.entries:
        ways = [_all_end(arm.get("steps")) for _, arm in split_arms(step, ())]
        return bool(ways) and all(ways) and below(step, ("split", "hold_out")) is None
    arms = [arm for arm in items(step.get("branch")) if isinstance(arm, Table)]
    return any("otherwise" in arm.entries for arm in arms) and all(
        _all_end(arm.get("steps") or arm.get("otherwise")) for arm in arms
    )


def _all_end(block: Node | None) -> bool:
    return isinstance(block, Listing) and any(_ends(step) for step in block.items)


def topics(view: View) -> Iterator[Problem]:
    """Every send has a topic: its own, its template's or its sequence's."""
    with_topic = {mail.name for mail in view.mails if mail.page.front_text("topic")}
    for file in view.of("sequence"):
        if file.at(("topic",)) is not None:
            continue
        for loc, step in steps(file):
            mail = mail_of(step, loc)
            if mail is None or mail[1] in with_topic or file.at((*loc, "send", "topic")):
                continue
            message = (
                f'no topic for "{mail[1]}"; name one in the step, the template or the sequence'
            )
            yield file.problem(
                mail[0], "send-without-topic", message, allowed=view.keys("workspace", "topics")
            )


def waited_for(view: View) -> Iterator[Problem]:
    """A click that is waited for can only come from a mail the sequence sends (a warning)."""
    for file in view.of("sequence"):
        sent = {mail[1] for loc, step in steps(file) if (mail := mail_of(step, loc))}
        named = [
            ((*place, "where", "email"), text(below(event, ("where", "email"))))
            for loc, step in steps(file)
            for place, event in awaited(step, loc)
        ]
        for place, name in named:
            if name is not None and name in view.templates and name not in sent:
                message = f'this sequence never sends "{name}"'
                yield file.problem(
                    place,
                    "wait-for-unsent",
                    message,
                    found=name,
                    allowed=sorted(sent),
                    severity="warning",
                )


CHECKS = (verbs, endless, arms, splits, reach, topics, waited_for)
