"""The claims challenge of a 401: what the next token must prove, as continuous access evaluation asks.

    WWW-Authenticate: Bearer realm="", error="insufficient_claims", claims="<JSON in base64>"

("Claims challenges, claims requests and client capabilities" in the documentation of the identity platform.)
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping

CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_=-]{1,8192})"', re.IGNORECASE)


def claims_in(headers: Mapping[str, str]) -> str | None:
    """The claims (JSON) a refusal asks for, by its headers with names in lower case; ``None`` when it asks for none."""
    found = CLAIMS.search(headers.get("www-authenticate", ""))
    if found is None:
        return None
    encoded = found.group(1).rstrip("=").translate(str.maketrans("+/", "-_"))
    try:
        claims = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        return claims if isinstance(json.loads(claims), dict) else None
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
