"""Pages: how large one is, where it begins, and the link to the next one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from sandbox.dataverse.http.exchange import Request
from sandbox.dataverse.refusals import bad_query

LARGEST_PAGE = 5000
COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" />')


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a query: its number, the place it begins after (empty: at the start), and how many rows it may hold.

    ``goes_on``: whether there is a link to a next one; a query with ``$top`` has none.
    """

    number: int
    place: list[Any]
    size: int
    goes_on: bool


def page_asked(request: Request) -> Page:
    """The page a request asks for."""
    number, place = _position(request.query.get("$skiptoken"))
    size = whole(request.preferences.get("odata.maxpagesize"), "odata.maxpagesize") or LARGEST_PAGE
    top = whole(request.query.get("$top"), "$top")
    return Page(number, place, min(size if top is None else top, LARGEST_PAGE), top is None)


def next_link(request: Request, page: Page, place: list[Any]) -> str:
    """The address of the page after this one, which ended at ``place``."""
    cookie = f'<cookie pagenumber="{page.number + 1}" pagingcookie="{quote(json.dumps(place), safe="")}" />'
    return link(request, request.query, {"$skiptoken": cookie})


def link(request: Request, query: Mapping[str, str], more: Mapping[str, str]) -> str:
    """The address of the request with other query options."""
    kept = [f"{name}={quote(value, safe='$,()=/@')}" for name, value in query.items() if name not in more]
    added = [f"{name}={quote(value, safe='')}" for name, value in more.items()]
    return f"{request.base}/{quote(request.path)}?{'&'.join([*kept, *added])}"


def _position(token: str | None) -> tuple[int, list[Any]]:
    if token is None:
        return 1, []
    match = COOKIE.fullmatch(token)
    place = _place(unquote(match.group(2))) if match else None
    if match is None or place is None:
        raise bad_query("The $skiptoken is not one this service gave out.")
    return int(match.group(1)), place


def _place(text: str) -> list[Any] | None:
    try:
        place = json.loads(text)
    except ValueError:
        return None
    return place if isinstance(place, list) and place else None


def whole(text: str | None, name: str) -> int | None:
    """A query option's whole number."""
    if text is None:
        return None
    if not text.isdigit() or (name == "odata.maxpagesize" and int(text) == 0):
        raise bad_query(f"Invalid value '{text}' for {name} option found: a positive whole number was expected.")
    return int(text)
