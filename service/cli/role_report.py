"""Roles as tables and as JSON: their definitions, what is lacked of them, and what was done about them."""

from __future__ import annotations

from collections.abc import Sequence

from mappings import tables
from service.cli.options import Output
from service.cli.output import Column, as_json, key, say, show
from service.cli.registered_report import link
from service.roles.applying import Holder
from service.roles.definition import NAMES, WORDS, shipped
from service.roles.standing import Privilege, Standing


def overview(output: Output) -> None:
    """Which roles there are."""
    roles = [shipped(name) for name in NAMES]
    if output is Output.JSON:
        as_json([{"role": one.key, "name": one.name, "for": one.who} for one in roles])
        return
    columns = (key("Role"), Column("In Dataverse"), Column("For"))
    show("Roles", columns, [(one.key, one.name, one.who) for one in roles])


def definition(name: str, output: Output) -> None:
    """Everything a role may do, and why."""
    role = shipped(name)
    if output is Output.JSON:
        as_json(
            {
                "role": role.key,
                "name": role.name,
                "for": role.who,
                "id": role.id,
                "tables": [
                    {
                        "table": one.table,
                        "rights": list(one.rights),
                        "depth": one.depth,
                        "optional": one.optional,
                        "why": one.why,
                    }
                    for one in role.tables
                ],
                "privileges": [{"name": one.name, "depth": one.depth, "why": one.why} for one in role.privileges],
            }
        )
        return
    columns = (key("Table"), Column("Rights"), Column("Depth"), Column("Why"))
    rows = [
        (one.table, ", ".join(one.rights), WORDS[one.depth], f"{'optional: ' if one.optional else ''}{one.why}")
        for one in role.tables
    ]
    rows += [(one.name, "-", WORDS[one.depth], one.why) for one in role.privileges]
    show(f"{role.name}: for {role.who}", columns, rows)


def lacked(
    url: str, name: str, short: Sequence[tuple[Privilege, str | None]], absent: Sequence[str], output: Output
) -> None:
    """What whoever is signed in lacks of a role."""
    if output is Output.JSON:
        as_json(
            {
                "role": name,
                "missing": [{"privilege": one.name, "wanted": one.depth, "held": held} for one, held in short],
                "not_there": list(absent),
            }
        )
    else:
        columns = (key("Privilege"), Column("Wanted"), Column("Held"))
        rows = [(one.name, WORDS[one.depth], WORDS[held] if held else "no") for one, held in short]
        rows += [(one, "this environment does not have it", "no") for one in absent]
        show(f"Lacking of {name} in {url}", columns, rows, empty="Nothing is lacking.")
    if absent:
        say(not_there(absent))


def not_there(absent: Sequence[str]) -> str:
    """That the environment lacks these, and what to do about it."""
    said = f"This environment does not have {', '.join(absent)}."
    if tables.COMMAND not in absent:
        return said
    return f"{said} `psa-connector register` makes {tables.COMMAND}; then run `psa-connector role apply` again."


def in_words(found: Standing, whom: Holder | None) -> None:
    """What is going to be done, for somebody who is asked about it."""
    role = found.role
    say(f"{role.name}: {'to be made' if found.row is None else 'there'}; {len(found.lacking)} privileges to be given:")
    for one in found.lacking:
        say(f"  {one.name}, {WORDS[found.held[one.id]] if one.id in found.held else 'none'} -> {WORDS[one.depth]}")
    if whom is not None and not whom.has_it:
        say(f"{whom.name} ({whom.id}) is to have it.")


def applied(
    url: str,
    found: Standing,
    whom: Holder | None,
    result: str,
    lacking: Sequence[Privilege],
    output: Output,
    *,
    given_to: bool = False,
) -> None:
    """What was done about a role; ``lacking``: what it lacks afterwards, ``given_to``: whether it was handed over."""
    role = found.role
    given = [
        {"privilege": one.name, "depth": one.depth, "before": found.held.get(one.id)}
        for one in found.lacking
        if one not in lacking
    ]
    had = "has it now" if given_to else "has it already" if whom is not None and whom.has_it else "is to have it"
    # Its id is chosen beforehand; at a dry run there may be no row to open yet.
    where = None if result == "missing" else link(url, "role", role.id)
    if output is Output.JSON:
        as_json(
            {
                "role": role.key,
                "name": role.name,
                "id": role.id,
                "link": where,
                "result": result,
                "given": given,
                "lacking": [one.name for one in lacking],
                "beyond": list(found.extra),
                "not_there": list(found.absent),
                "solution": found.solution,
                "to": None if whom is None else {"id": whom.id, "name": whom.name, "had_it": whom.has_it},
            }
        )
        return
    rows = [
        ("role", f"{role.name}: {result}", where or ""),
        ("privileges", f"{len(found.wanted)} wanted, {len(given)} given now, {len(lacking)} lacking", ""),
        ("solution", found.solution or "none: run `psa-connector register` first to have one", ""),
    ]
    if found.extra:
        rows.append(("beyond it", f"{', '.join(found.extra)}; left as it is", ""))
    if whom is not None:
        rows.append(("user", f"{whom.name} {had}", link(url, "systemuser", whom.id) or ""))
    show(f"Role in {url}", (Column("What"), Column("Result"), Column("Link")), rows)
