"""Shared access signatures, checked against tokens the SDK's own code makes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.sas import Grants, SharedKey, TokenRefused, check_token, emulator_key
from tests.sandbox.servicebus.wire import sas_token

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = int((NOW + timedelta(hours=1)).timestamp())
KEYS = {
    key.name: key
    for key in (
        SharedKey("root", "s3cret/+="),
        SharedKey("sender", "k", frozenset({"Send"}), "orders"),
        SharedKey("odd name+", "k"),
    )
}


def grants_of(audience: str, resource: str | None = None, name: str = "root") -> Grants:
    token = sas_token(resource or audience, name, KEYS[name].key, LATER)
    grants = Grants()
    grants.add(check_token(token, audience, KEYS, NOW))
    return grants


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_token_of_the_sdk_is_accepted_for_its_audience(name: str) -> None:
    grants = grants_of("sb://localhost:5672/Orders", name=name)
    assert grants.rights("orders", NOW) == KEYS[name].rights
    assert grants.rights("orders/$deadletterqueue", NOW) == KEYS[name].rights
    assert grants.rights("orders2", NOW) == frozenset()
    assert grants.rights("orders", NOW + timedelta(hours=1)) == frozenset(), "an expired grant grants nothing"


def test_a_token_for_the_namespace_covers_its_queues() -> None:
    assert grants_of("sb://localhost/orders", "sb://localhost/").rights("orders", NOW) == {"Send", "Listen"}


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (sas_token("sb://h/orders", "root", "wrong", LATER), "invalid signature"),
        (sas_token("sb://h/orders", "nobody", "k", LATER), "no shared access key named nobody"),
        (sas_token("sb://h/orders", "root", "s3cret/+=", int(NOW.timestamp())), "expired"),
        (sas_token("sb://h/other", "root", "s3cret/+=", LATER), "another audience"),
        (sas_token("sb://h/ord", "root", "s3cret/+=", LATER), "another audience"),
        ("SharedAccessSignature sr=a&sig=b&se=1", "lacks skn"),
        ("SharedAccessSignature", "Only shared access signatures"),
        ("eyJ0eXAiOiJKV1QifQ.e30.", "Only shared access signatures"),
    ],
)
def test_a_token_that_proves_nothing_is_refused_with_the_reason(token: str, sentence: str) -> None:
    with pytest.raises(TokenRefused, match=sentence):
        check_token(token, "sb://h/orders", KEYS, NOW)


def test_a_changed_expiry_breaks_the_signature() -> None:
    token = sas_token("sb://h/orders", "root", "s3cret/+=", LATER)
    with pytest.raises(TokenRefused, match="invalid signature"):
        check_token(token.replace(f"se={LATER}", f"se={LATER + 1}"), "sb://h/orders", KEYS, NOW)


def test_an_expiry_that_is_no_number_is_refused() -> None:
    token = sas_token("sb://h/orders", "root", "s3cret/+=", LATER).replace(str(LATER), "soon")
    with pytest.raises(TokenRefused):
        check_token(token, "sb://h/orders", KEYS, NOW)


def test_a_key_of_one_queue_is_good_for_no_other() -> None:
    token = sas_token("sb://h/unique", "sender", "k", LATER)
    with pytest.raises(TokenRefused, match="good for the queue orders only"):
        check_token(token, "sb://h/unique", KEYS, NOW)


def test_the_emulators_key_opens_the_entities_it_was_made_for_and_no_others() -> None:
    key = emulator_key(["Orders", "news"])
    keys = {key.name: key}

    def token(resource: str) -> str:
        return sas_token(resource, "RootManageSharedAccessKey", "SAS_KEY_VALUE", LATER)

    for path in ("orders", "ORDERS/$DeadLetterQueue", "news/Subscriptions/s"):
        grant = check_token(token(f"sb://localhost/{path}"), f"sb://localhost/{path}", keys, NOW)
        assert grant.rights == {"Send", "Listen"}
    for path in ("commands", "orders2", ""):
        with pytest.raises(TokenRefused, match="The key RootManageSharedAccessKey is not good for"):
            check_token(token("sb://localhost/"), f"sb://localhost/{path}", keys, NOW)
    with pytest.raises(TokenRefused, match="no shared access key named RootManage"):
        check_token(token("sb://localhost/orders"), "sb://localhost/orders", KEYS, NOW)
    with pytest.raises(TokenRefused, match="is not good for"):
        check_token(token("sb://h/orders"), "sb://h/orders", {key.name: emulator_key([])}, NOW)


def test_a_missing_right_is_named() -> None:
    with pytest.raises(AmqpError, match="Listen claim is required on orders"):
        grants_of("sb://h/orders", name="sender").require("Listen", "orders", NOW)


@pytest.mark.parametrize(
    ("name", "key", "rights", "sentence"),
    [("", "k", {"Send"}, "needs a name"), ("n", "", {"Send"}, "needs a name"), ("n", "k", {"Own"}, "the rights Own")],
)
def test_keys_that_make_no_sense_are_refused(name: str, key: str, rights: set[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SharedKey(name, key, frozenset(rights))
