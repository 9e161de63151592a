"""Who a user is to the platform: themselves and the teams they belong to, where each stands, and the roles of each.

A role given to a team counts for its members on the rows of the team and, where the role says so (``isinherited``, the
default), at the basic depth on their own as well (Microsoft Learn, "Security roles and privileges"). That a user's
basic depth reaches the rows of their teams is inferred. Teams are what rows say: no business unit has one by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sandbox.dataverse.security.privileges import ADMINISTRATOR, USER
from sandbox.dataverse.security.reach import Reach
from sandbox.dataverse.store import Store

TEAM_PRIVILEGES_ONLY: Final = 0
"""``role.isinherited``."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or a team with its business unit and its roles."""

    id: str
    unit: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principals:
    """A user and their teams."""

    store: Store
    user: Principal
    teams: tuple[Principal, ...]

    @property
    def roles(self) -> frozenset[str]:
        """All roles, whichever way they came."""
        return frozenset(self.user.roles).union(*(team.roles for team in self.teams))

    @property
    def administrator(self) -> bool:
        """Whether one of the roles has every privilege."""
        return str(ADMINISTRATOR) in self.user.roles or str(ADMINISTRATOR) in self.roles

    def from_here(self, depth: int) -> Reach:
        """What a depth reaches for the user: their rows, their teams' rows, and their unit."""
        owners = frozenset({self.user.id} | {team.id for team in self.teams})
        unit = self.user.unit or _unit(self.store, self.user.id)
        return Reach(depth, owners, unit, self._below(unit))

    def reaches(self) -> dict[str, tuple[Reach, ...]]:
        """Each privilege's reaches, by its name in lower case."""
        found: dict[str, dict[Reach, None]] = {}
        for name, depth, _ in self._privileges(self.user):
            found.setdefault(name, {})[self.from_here(depth)] = None
        for team in self.teams:
            below = self._below(team.unit)
            for name, depth, inherited in self._privileges(team):
                found.setdefault(name, {})[Reach(depth, frozenset({team.id}), team.unit, below)] = None
                if inherited:
                    found[name][self.from_here(USER)] = None
        return {name: tuple(reaches) for name, reaches in found.items()}

    def _privileges(self, holder: Principal) -> list[tuple[str, int, bool]]:
        marks = ", ".join("?" * len(holder.roles))
        rows = self.store.execute(
            'SELECT p."name", g."privilegedepthmask", r."isinherited" FROM "roleprivileges" g '  # noqa: S608
            'JOIN "privilege" p ON p."privilegeid" = g."privilegeid" JOIN "role" r ON r."roleid" = g."roleid" '
            f'WHERE g."roleid" IN ({marks})',
            holder.roles,
        )
        return [(name.lower(), depth, inherited != TEAM_PRIVILEGES_ONLY) for name, depth, inherited in rows]

    def _below(self, unit: str | None) -> frozenset[str]:
        """A business unit with all units below it."""
        parents: Mapping[str, str] = dict(
            self.store.execute('SELECT "businessunitid", "parentbusinessunitid" FROM "businessunit"').fetchall()
        )
        found = {unit} if unit else set()
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return frozenset(found)


def principals_of(store: Store, user: UUID) -> Principals:
    """A user and their teams, as the rows have them now."""
    found = store.execute('SELECT "roleid" FROM "systemuserroles" WHERE "systemuserid" = ?', [str(user)])
    roles = tuple(role for (role,) in found)
    if str(ADMINISTRATOR) in roles:  # it hardly ever matters then where they stand
        return Principals(store, Principal(str(user), None, roles), ())
    own = Principal(str(user), _unit(store, str(user)), roles)
    teams = store.execute(
        'SELECT t."teamid", t."businessunitid" FROM "teammembership" m JOIN "team" t ON t."teamid" = m."teamid" '
        'WHERE m."systemuserid" = ?',
        [str(user)],
    ).fetchall()
    return Principals(store, own, tuple(Principal(id, unit, _roles_of_team(store, id)) for id, unit in teams))


def _unit(store: Store, user: str) -> str | None:
    place = store.values(store.catalog.table("systemuser"), UUID(user), "businessunitid")
    return place[0] if place else None


def _roles_of_team(store: Store, team: str) -> tuple[str, ...]:
    rows = store.execute('SELECT "roleid" FROM "teamroles" WHERE "teamid" = ?', [team])
    return tuple(role for (role,) in rows)
