from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataverse.batch import MalformedBatch, Request, Response, read_batch, write_batch

KIND = "multipart/mixed; boundary=batchresponse_1"


def test_a_batch_of_reads_and_change_sets_has_exactly_these_bytes() -> None:
    body = write_batch(
        [
            Request("GET", "/api/data/v9.2/accounts?$top=1", {"Accept": "application/json"}),
            [
                Request("PATCH", "/api/data/v9.2/accounts(1)", {"If-Match": 'W/"1"'}, '{"name":"ü"}'),
                Request("POST", "/api/data/v9.2/accounts(2)/x", {}, "{}"),
            ],
            [Request("PATCH", "/api/data/v9.2/accounts(3)", {}, "{}")],
        ],
        "b",
    )

    assert body.decode() == (
        "--b\r\n"
        "Content-Type: application/http\r\n"
        "Content-Transfer-Encoding: binary\r\n"
        "\r\n"
        "GET /api/data/v9.2/accounts?$top=1 HTTP/1.1\r\n"
        "Accept: application/json\r\n"
        "\r\n"
        "\r\n"
        "--b\r\n"
        'Content-Type: multipart/mixed; boundary="changeset_2_b"\r\n'
        "\r\n"
        "--changeset_2_b\r\n"
        "Content-Type: application/http\r\n"
        "Content-Transfer-Encoding: binary\r\n"
        "Content-ID: 1\r\n"
        "\r\n"
        "PATCH /api/data/v9.2/accounts(1) HTTP/1.1\r\n"
        'If-Match: W/"1"\r\n'
        "\r\n"
        '{"name":"ü"}\r\n'
        "--changeset_2_b\r\n"
        "Content-Type: application/http\r\n"
        "Content-Transfer-Encoding: binary\r\n"
        "Content-ID: 2\r\n"
        "\r\n"
        "POST /api/data/v9.2/accounts(2)/x HTTP/1.1\r\n"
        "\r\n"
        "{}\r\n"
        "--changeset_2_b--\r\n"
        "\r\n"
        "--b\r\n"
        'Content-Type: multipart/mixed; boundary="changeset_3_b"\r\n'
        "\r\n"
        "--changeset_3_b\r\n"
        "Content-Type: application/http\r\n"
        "Content-Transfer-Encoding: binary\r\n"
        "Content-ID: 3\r\n"
        "\r\n"
        "PATCH /api/data/v9.2/accounts(3) HTTP/1.1\r\n"
        "\r\n"
        "{}\r\n"
        "--changeset_3_b--\r\n"
        "\r\n"
        "--b--\r\n"
    )


ANSWER = (
    "--batchresponse_1\r\n"
    "Content-Type: application/http\r\n"
    "Content-Transfer-Encoding: binary\r\n"
    "\r\n"
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/json; odata.metadata=minimal\r\n"
    "\r\n"
    '{"value":[]}\r\n'
    "--batchresponse_1\r\n"
    "Content-Type: multipart/mixed; boundary=changesetresponse_9\r\n"
    "\r\n"
    "--changesetresponse_9\r\n"
    "Content-Type: application/http\r\n"
    "Content-ID: 1\r\n"
    "\r\n"
    "HTTP/1.1 204 No Content\r\n"
    "OData-EntityId: https://org/accounts(1)\r\n"
    "\r\n"
    "\r\n"
    "--changesetresponse_9\r\n"
    "Content-Type: application/http\r\n"
    "Content-ID: 2\r\n"
    "\r\n"
    "HTTP/1.1 204 No Content\r\n"
    "\r\n"
    "\r\n"
    "--changesetresponse_9--\r\n"
    "--batchresponse_1\r\n"
    "Content-Type: application/http\r\n"
    "\r\n"
    "HTTP/1.1 412 Precondition Failed\r\n"
    "REQ_ID: abc\r\n"
    "\r\n"
    '{"error":{"code":"0x80060882","message":"m"}}\r\n'
    "--batchresponse_1--\r\n"
)


def test_single_answers_change_sets_and_errors_are_read_in_order() -> None:
    read, change_set, error = read_batch(ANSWER.encode(), KIND)

    assert isinstance(read, Response)
    assert (read.status, read.body) == (200, b'{"value":[]}')
    assert isinstance(change_set, list)
    assert [(part.status, part.content_id) for part in change_set] == [(204, "1"), (204, "2")]
    assert change_set[0].headers["odata-entityid"] == "https://org/accounts(1)"
    assert isinstance(error, Response)
    assert (error.status, error.headers["req_id"]) == (412, "abc")


def test_bare_line_feeds_and_a_quoted_boundary_are_read_as_well() -> None:
    parts = read_batch(ANSWER.replace("\r\n", "\n").encode(), 'multipart/mixed;boundary="batchresponse_1"')

    assert len(parts) == 3


def test_a_part_that_was_cut_off_is_left_out() -> None:
    cut = ANSWER[: ANSWER.index('"code"')]

    assert len(read_batch(cut.encode(), KIND)) == 2


def test_a_batch_that_stopped_early_has_fewer_parts() -> None:
    stopped = ANSWER[: ANSWER.index("--batchresponse_1", 5)] + "--batchresponse_1--\r\n"

    assert len(read_batch(stopped.encode(), KIND)) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", KIND),
        (b"<html/>", KIND),
        (ANSWER.encode(), "multipart/mixed"),
        (ANSWER.encode(), "application/json"),
        (b"--batchresponse_1\r\nContent-Type: application/http\r\n\r\nnothing\r\n--batchresponse_1--", KIND),
    ],
)
def test_what_is_no_batch_answer_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(MalformedBatch):
        read_batch(body, kind)


@given(st.binary(max_size=300), st.integers(0, len(ANSWER)), st.integers(0, 40))
def test_damaged_answers_are_read_or_refused_and_nothing_else(noise: bytes, at: int, cut: int) -> None:
    damaged = ANSWER.encode()[:at] + noise + ANSWER.encode()[at + cut :]
    try:
        parts = read_batch(damaged, KIND)
    except MalformedBatch:
        return
    assert isinstance(parts, list)
