"""What whoever runs a command can do about a failure, where the failure's own sentence does not say it."""

from __future__ import annotations

REMEDIES = {
    "unknown-table": "`psa-connector register` makes psac_command. Other tables "
    "come with the product: is it installed there?",
    "sign-in-refused": "With a fixed token: every start of a sandbox makes a new one, so set "
    "PSA_CONNECTOR_DATAVERSE__TOKEN again. Otherwise: is there an enabled application user for "
    "PSA_CONNECTOR_DATAVERSE__CLIENT_ID in this environment?",
    "sign-in-unreachable": "Check the network's rules for outgoing traffic, and PSA_CONNECTOR_DATAVERSE__CLOUD: "
    "other clouds sign in elsewhere.",
    "sign-in-authority": "Check PSA_CONNECTOR_DATAVERSE__TENANT_ID and PSA_CONNECTOR_DATAVERSE__CLOUD.",
    "unreachable": "Check PSA_CONNECTOR_DATAVERSE__URL and the network; if it is a sandbox, is it still running?",
    "bus-unreachable": "Check PSA_CONNECTOR_SERVICEBUS__NAMESPACE, or the Endpoint in …__CONNECTION_STRING, and that "
    "outgoing traffic to port 5671 (AMQP over TLS) is allowed; if it is a sandbox, is it still running?",
    "bus-sign-in": "Copy the connection string anew from a policy that may listen and send on both queues; with "
    "PSA_CONNECTOR_SERVICEBUS__NAMESPACE, give the identity its two roles: see docs/sign-in.md.",
    "bus-queue": "Make the queue, or name the right one in PSA_CONNECTOR_SERVICEBUS__APPROVALS_QUEUE or "
    "PSA_CONNECTOR_SERVICEBUS__COMMANDS_QUEUE.",
    "bus-local-auth": "Set PSA_CONNECTOR_SERVICEBUS__NAMESPACE instead of the connection string, and give the identity "
    "its two roles: see docs/sign-in.md. Dataverse itself "
    "signs in with a key: its events need a namespace that takes one.",
    "bus-firewall": "Allow the address this runs at under the namespace's networking, or run it inside the network "
    "that is allowed.",
    "ip-firewall": "Allow the address this runs at in the environment's IP firewall (Power Platform admin center, "
    "Privacy + Security).",
    "missing-privilege": "If the service is signed in: run `psa-connector role apply runtime --to USER` as a System "
    "Administrator. `register`, `unregister` and `role` need more than that: sign in as a System Administrator, or as "
    "somebody with the role registrar; see docs/environment.md.",
    "forbidden": "Has the user a role, still? `psa-connector role apply runtime --to USER`, typed by a System "
    "Administrator, gives it the one it needs, in the environment of this folder's settings.",
    "not-a-member": "Make an application user for PSA_CONNECTOR_DATAVERSE__CLIENT_ID in this environment; enable it.",
}
"""By the code of the failure."""
