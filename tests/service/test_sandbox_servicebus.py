"""``psa-connector sandbox --servicebus-config``: entities of one's own, as a process of its own serves them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusAuthenticationError
from typer.testing import CliRunner

from service.cli.main import app
from tests.service.processes import IN_TIME, first_line, started

EMULATORS_KEY = (
    ";SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)


def test_queues_topics_and_subscriptions_come_from_a_file_of_microsofts_emulator(tmp_path: Path) -> None:
    rules = [{"Name": "r", "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "sys.Label = 'yes'"}}}]
    topic = {"Name": "news", "Subscriptions": [{"Name": "mine", "Rules": rules}]}
    namespace = {"Name": "sbemulatorns", "Queues": [{"Name": "orders"}], "Topics": [topic]}
    (tmp_path / "Config.json").write_text(json.dumps({"UserConfig": {"Namespaces": [namespace]}}), "utf-8")
    with started("sandbox", "--empty", "--servicebus-config", "Config.json", cwd=tmp_path) as process:
        connection = first_line(process)["servicebus"]
        with ServiceBusClient.from_connection_string(connection) as client:
            with client.get_topic_sender("news") as sender:
                sender.send_messages([ServiceBusMessage("a", subject="no"), ServiceBusMessage("b", subject="yes")])
            with client.get_subscription_receiver("news", "mine") as receiver:
                assert [str(message) for message in receiver.receive_messages(max_wait_time=IN_TIME)] == ["b"]
            for queue in ("orders", "approvals", "commands"):
                with client.get_queue_sender(queue) as sender:
                    sender.send_messages(ServiceBusMessage("x"))
        emulators = connection.partition(";")[0] + EMULATORS_KEY
        with ServiceBusClient.from_connection_string(emulators, retry_total=0) as client:
            with client.get_queue_receiver("orders") as receiver:
                assert [str(message) for message in receiver.receive_messages(max_wait_time=IN_TIME)] == ["x"]
            with pytest.raises(ServiceBusAuthenticationError), client.get_queue_sender("commands"):
                pass
        process.terminate()
        process.wait(IN_TIME)


def test_a_file_of_queues_that_makes_no_sense_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "Config.json").write_text("{}", "utf-8")
    result = CliRunner().invoke(app, ["sandbox", "--empty", "--servicebus-config", str(tmp_path / "Config.json")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "exactly one namespace" in " ".join(result.stderr.split())


def test_messages_are_there_again_with_the_data(tmp_path: Path) -> None:
    with started("sandbox", "--empty", "--data", "d", cwd=tmp_path) as process:
        connection = first_line(process)["servicebus"]
        with ServiceBusClient.from_connection_string(connection) as client:
            with client.get_queue_sender("commands") as sender:
                sender.send_messages([ServiceBusMessage("one"), ServiceBusMessage("two")])
            with client.get_queue_receiver("commands") as receiver:
                (message,) = receiver.receive_messages(max_wait_time=IN_TIME)
                receiver.complete_message(message)
        process.kill()
        process.wait(IN_TIME)
    with started("sandbox", "--data", "d", cwd=tmp_path) as process:
        assert first_line(process)["servicebus"] == connection
        with (
            ServiceBusClient.from_connection_string(connection) as client,
            client.get_queue_receiver("commands") as receiver,
        ):
            assert [str(each) for each in receiver.receive_messages(max_wait_time=IN_TIME)] == ["two"]
        process.terminate()
        process.wait(IN_TIME)


def test_messages_in_a_file_that_is_not_the_sandboxs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "servicebus.sqlite").write_bytes(b"nonsense" * 1000)
    result = CliRunner().invoke(app, ["sandbox", "--empty", "--data", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (3, "")
    assert "can't be used" in " ".join(result.stderr.split())
