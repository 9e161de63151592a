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

    ``goes_on``: whether there is a link to a next one; a query cut off by ``$top`` has none. A page size asked for goes
    before ``$top``, which is then left aside (page results).
    """

    number: int
    place: list[Any]
    size: int
    goes_on: bool


def page_asked(request: Request, query: Mapping[str, str] | None = None) -> Page:
    """The page a request asks for; ``query``: the options of an expansion inside it, where that is to be paged."""
    query = request.query if query is None else query
    number, place = _position(query.get("$skiptoken"))
    size = whole(request.preferences.get("odata.maxpagesize"), "odata.maxpagesize")
    top = whole(query.get("$top"), "$top")
    if size or top is None:
        return Page(number, place, min(size or LARGEST_PAGE, LARGEST_PAGE), goes_on=True)
    return Page(number, place, min(top, LARGEST_PAGE), goes_on=False)


def next_link(request: Request, page: Page, place: list[Any], query: Mapping[str, str] | None = None) -> str:
    """The address of the page after this one, which ended at ``place``; ``query``: its own options."""
    cookie = f'<cookie pagenumber="{page.number + 1}" pagingcookie="{quote(json.dumps(place), safe="")}" />'
    return link(request, request.query if query is None else query, {"$skiptoken": cookie})


def link(request: Request, query: Mapping[str, str], more: Mapping[str, str]) -> str:
    """The address of the request with other query options."""
    added = [f"{name}={quote(value, safe='')}" for name, value in more.items()]
    kept = [f"{name}={quote(value, safe='$,()=/@')}" for name, value in query.items() if name not in more]
    options = f"?{'&'.join([*kept, *added])}" if kept or added else ""
    return f"{request.base}/{quote(request.path)}{options}"


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
