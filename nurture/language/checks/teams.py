"""Teams whose leads nobody would take, and routes to people who are not there."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.view import File, View, tables
from nurture.language.files.handoff import HandoffRules, of
from nurture.language.files.teams import RepModel, Route, Team
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem


def _models(view: View) -> Iterator[tuple[File, HandoffRules]]:
    for file in view.of("handoff"):
        model = view.models.get(file.path)
        if isinstance(model, HandoffRules):
            yield file, model


def turns(view: View) -> Iterator[Problem]:
    """Somebody of each team takes turns, and weights stand where turns go by them."""
    for file, model in _models(view):
        for name, team in model.teams.items():
            loc: Loc = ("teams", name, "reps")
            if not any(rep.weight for rep in team.reps):
                message = f'every rep of "{name}" has weight 0: nobody would take its leads in turn'
                yield file.problem(loc, "no-turns", message, key=True)
            for number, rep in enumerate(team.reps):
                if rep.weight > 1 and team.assign != "weighted":
                    message = f'turns of "{name}" do not go by weight: write "assign: weighted"'
                    yield file.problem(
                        (*loc, number, "weight"), "no-turns", message, key=True, severity="warning"
                    )


def same(view: View) -> Iterator[Problem]:
    """A rep in several teams is written alike: what the first says of them holds in all."""
    for file, model in _models(view):
        first: dict[str, tuple[str, RepModel]] = {}
        for name, team in model.teams.items():
            for number, rep in enumerate(team.reps):
                place, said = first.setdefault(rep.rep, (name, rep))
                if place != name and said != rep:
                    loc: Loc = ("teams", name, "reps", number, "rep")
                    message = f'"{rep.rep}" is written otherwise in "{place}", and that holds'
                    yield file.problem(loc, "duplicate-name", message, severity="warning")


def people(view: View) -> Iterator[Problem]:
    """A route's rep works in its team, and somebody there has the skills it asks for."""
    for file, model in _models(view):
        everybody = sorted({rep for team in model.teams.values() for rep in of(team)})
        for number, route in enumerate(model.routing):
            loc: Loc = ("routing", number)
            team = model.teams.get(route.team) if route.team else None
            known = sorted(of(team)) if team else everybody
            if route.rep is not None and route.rep not in known:
                where = f' in "{route.team}"' if team else ""
                message = f'unknown rep "{route.rep}"{where}'
                place = (*loc, "rep")
                yield file.problem(place, "unknown-rep", message, found=route.rep, allowed=known)
            else:
                yield from _skilled(file, (*loc, "skills"), model, route)


def _skilled(file: File, loc: Loc, model: HandoffRules, route: Route) -> Iterator[Problem]:
    name = model.team_of(route)
    team = model.teams.get(name or "")
    if team is None or not route.skills:
        return
    if not any(set(route.skills) <= set(rep.skills) for rep in team.reps if rep.weight):
        wanted = " and ".join(f'"{each}"' for each in route.skills)
        message = f'nobody of "{name}" who takes turns has {wanted}: its leads would wait for ever'
        yield file.problem(loc, "no-skilled-rep", message, key=True, allowed=_known(team))


def _known(team: Team) -> list[str]:
    return sorted({skill for rep in team.reps for skill in rep.skills})


def owners(view: View) -> Iterator[Problem]:
    """The fields that say whose a lead is are texts of nurture.yaml, where a team goes by them."""
    if not view.declares("workspace"):
        return
    for file, model in _models(view):
        texts = sorted(name for name, kind in view.fields.items() if kind == "text")
        asked = {"owner": model.owners.field, "parent": model.owners.parent}
        for key, field in (("field", model.owners.field), ("parent", model.owners.parent)):
            if file.at(("owners", key)) is not None and field not in texts:
                message = f'nurture.yaml has no field "{field}" of texts'
                yield file.problem(("owners", key), "unknown-field", message, allowed=texts)
        for loc, team in tables(file, ("teams",)):
            first = model.teams[str(loc[-1])].first if "first" in team.entries else ()
            for number, claim in enumerate(first):
                if claim in asked and asked[claim] not in texts:
                    yield file.problem((*loc, "first", number), "unknown-field", _lacks(claim))


def _lacks(claim: str) -> str:
    if claim == "parent":
        return '"parent" needs {owners: {parent: a field}}: what leads of one customer share'
    return '"owner" needs a field "owner" of texts in nurture.yaml, or {owners: {field: another}}'


CHECKS = (turns, same, people, owners)
