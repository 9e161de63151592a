"""Which web server answered, and whether to stay with it.

Each answer offers a cookie that names its server. Sending it back keeps a client on that one; dropping it spreads the
requests over all of them, each of which grants a budget of its own ("Send parallel requests").
"""

from __future__ import annotations

import re
from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import Any
from urllib.request import Request

import requests

from connector.dataverse.budget import NOT_TOLD

NAMED = re.compile(r"(?:^|[;,\s])ARRAffinity=([^;,\s]+)")


def cookies(keep_affinity: bool) -> DefaultCookiePolicy:
    """No cookie is taken at all, or only the one that names the server."""
    return _OneServer() if keep_affinity else DefaultCookiePolicy(allowed_domains=[])


def server_of(answer: requests.Response) -> str:
    """The server that answered, as it calls itself now or as the request was addressed to it."""
    offered = NAMED.search(answer.headers.get("Set-Cookie", ""))
    found = offered or NAMED.search(answer.request.headers.get("Cookie") or "")
    return found.group(1) if found else NOT_TOLD


class _OneServer(DefaultCookiePolicy):
    def set_ok(self, cookie: Cookie, request: Request | Any) -> bool:
        return cookie.name.startswith("ARRAffinity") and super().set_ok(cookie, request)
