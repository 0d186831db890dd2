"""Which step of a newer version is which of an older one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from nurture.language.compiled.program import HOLDS, WAITS, Program, Step

Sort = Callable[[Step], object | None]


def matched(old: Program, new: Program) -> dict[str, str]:
    """By key of the older version: the key the same step has in the newer one, if it has it still.

    A step with an `id`, and one whose mails or calls remember its key, is the
    same if its key is.  Others
    are told by kind and argument: those between the same neighbours first, then in written order,
    in their stage and at last in any.  A wait of another length in its place is the same wait.
    """
    found: dict[str, str] = {}
    _pair(old, new, found, lambda step: step.key if _named(step) else None)
    for stage in old.stages:
        _align(_of(old, stage), _of(new, stage), found)
    _pair(old, new, found, lambda step: None if _named(step) else (step.stage, _word(step)))
    _pair(old, new, found, lambda step: None if _named(step) else _word(step))
    return found


def _named(step: Step) -> bool:
    return "#" not in step.key or isinstance(step, HOLDS)


def _word(step: Step) -> str:
    """A step by what it does: its key without the number."""
    return step.key if _named(step) else step.key.rpartition("#")[0]


def _of(program: Program, stage: str) -> list[Step]:
    return [step for step in program.steps if step.stage == stage]


def _align(old: Sequence[Step], new: Sequence[Step], found: dict[str, str]) -> None:
    """Pair what stands between the same neighbours, and waits whose length alone is another."""
    words = [[_word(step) for step in steps] for steps in (old, new)]
    matcher = SequenceMatcher(a=words[0], b=words[1], autojunk=False)
    for kind, low, high, first, last in matcher.get_opcodes():
        here: Iterable[Step] = old[low:high]
        there: Iterable[Step] = new[first:last]
        if kind == "replace":
            here, there = _waits(here), _waits(there)
        elif kind != "equal":
            continue
        taken = set(found.values())
        for step, other in zip(here, there, strict=False):
            if not _named(step) and step.key not in found and other.key not in taken:
                found[step.key] = other.key


def _waits(steps: Iterable[Step]) -> Iterator[Step]:
    return (step for step in steps if isinstance(step, WAITS) and not _named(step))


def _pair(old: Program, new: Program, found: dict[str, str], sort: Sort) -> None:
    """Pair steps of a sort, in order, that have no partner yet."""
    taken = set(found.values())
    there = _sorted((step for step in new.steps if step.key not in taken), sort)
    here = _sorted((step for step in old.steps if step.key not in found), sort)
    for kind, keys in here.items():
        found.update(zip(keys, there.get(kind, ()), strict=False))


def _sorted(steps: Iterable[Step], sort: Sort) -> dict[object, list[str]]:
    kinds: dict[object, list[str]] = defaultdict(list)
    for step in steps:
        kind = sort(step)
        if kind is not None:
            kinds[kind].append(step.key)
    return kinds
