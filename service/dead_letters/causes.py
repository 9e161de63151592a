"""What to do about a dead letter, by its code: the words of the documents, for whoever stands at a command line."""

from __future__ import annotations

_BY_WORDS = {
    "send again": ("MaxDeliveryCountExceeded",),
    ("see that the service runs and that the queue's time to live is longer than it may be away; send again"): (
        "TTLExpiredException",
    ),
    "find out who else posts to the queue; remove it": (
        "HeaderSizeExceeded",
        "unreadable-context",
        "unreadable-too-large",
    ),
    "look at the product's own jobs; cancel the approval and approve the entry anew": ("actuals-missing",),
    "credit the invoice, then send again": ("already-invoiced",),
    "cancel or finish the approval": ("approval-missing",),
    "approve the entry anew": ("approval-undated",),
    "set the billing type on the approval, or on one of them, then send again": ("billing-type-missing",),
    "give the command an id of its own; remove this one": ("command-id-reused",),
    "check the id, and that the service's user may read it": ("contract-gone",),
    "set the billing method on the line, then send again": ("contract-line-without-method",),
    "complete the contract, then send again": ("contract-without-customer",),
    "complete the row the sentence names, then send again": ("currency-missing",),
    (
        "keep both from being marked ready, reverse one side by journal, and see to it that only "
        "one of the two creates actuals: docs/environment.md"
    ): ("doubled",),
    "settle the earlier one first: `psa-connector invoice resolve`, then send again": ("earlier-in-doubt",),
    "undo the edit, or cancel the approval and approve the entry anew": ("edited-after-approval",),
    "correct the actuals by journal; remove the message": ("entry-gone",),
    "give a new command under a new id; remove this one": ("resolved-as-nothing",),
    (
        "look for it in the product, then `psa-connector invoice resolve ATTEMPT --invoice ID`, or "
        "`--nothing` and give a new command"
    ): ("in-doubt",),
    "write an entry journal; remove the message": ("material",),
    ("name the person in `PSA_CONNECTOR_COMMANDS__ALLOWED`, then send again; or remove the message"): ("not-allowed",),
    "mark the milestones in the product; remove this one": ("not-by-code",),
    'look at it with `"dry_run": true`; send it on that day, under a new id': ("not-due-yet",),
    "create the invoices contract by contract: docs/due-invoices.md": ("no-schedule-action",),
    "take the actuals back by journal": ("not-withdrawn",),
    (
        'look at it with `"dry_run": true` (a single contract: by `create-many-invoices`); if it is'
        ' meant, send it again with `"confirmed": true`'
    ): ("over-ceiling",),
    "enable that user, or give the command as somebody else under a new id": ("person-disabled",),
    "end one of the two, then send again": ("price-ambiguous",),
    "mend the price list, then send again": ("price-missing",),
    (
        "mend the price list, recall the entry, and approve it anew; or set "
        "`PSA_CONNECTOR_ACTUALS__ZERO_PRICE=write`, if zero is meant"
    ): ("price-zero",),
    "deactivate the job, or leave due invoices to it: docs/due-invoices.md": ("product-invoices-itself",),
    "check that it exists, and that the service's user may read it": ("project-gone",),
    "put the project back, or correct the actuals by journal": ("project-taken-off",),
    "cancel the approval, put the quantity right, and approve the entry anew": ("quantity-wrong",),
    "give the currency a rate, and approve the entry anew": ("rate-missing",),
    "exempt the service's user from it": ("not-as-written",),
    "name fewer contracts, or filter more narrowly, under a new id": ("too-many-rows",),
    "cancel all but one of the approvals": ("two-approvals",),
    "take the class off all but one of them": ("two-contract-lines",),
    "name one person, best by object id: docs/audit.md": ("unknown-person",),
    "leave that filter out: docs/messages.md; remove this one": ("unknown-filter",),
    "mark the rows in the product, and report the parameters": ("unknown-ready-action",),
    ("name the queue in `PSA_CONNECTOR_SERVICEBUS__REPLY_QUEUES` and send again; or send without ReplyTo"): (
        "unknown-reply-queue",
    ),
    "if it is a mistake, correct the row; if it is yours, this version can't handle it": ("unknown-choice",),
    "complete the row the sentence names": ("unreadable-row",),
    "correct the command and give it anew: docs/messages.md; remove this one": ("unreadable-command",),
    "`psa-connector register` sets the service endpoint's format to JSON": (
        "unreadable-xml",
        "unreadable-binary-xml",
    ),
    "mend the row, or exempt the service's user from the rule": (
        "refused-by-business-rule",
        "refused",
        "invalid-argument",
        "invalid-value",
    ),
    ("give the one of them who lacks it the privilege that the sentence names: docs/environment.md"): (
        "person-refused",
    ),
    "exempt the table or the user from the rule": ("duplicate-rule",),
    "nothing: `psa-connector reconcile` reads a window of time instead": ("token-expired",),
    "nothing this service asks is meant to bring as much: report it": ("answer-too-large",),
    "nothing this service writes is meant to get there: report it": (
        "too-large",
        "too-many-changes",
    ),
    "use a queue of the Premium tier, or name fewer rows": ("bus-too-large",),
    "finish the approval": ("not-yet",),
    "delete the draft, then send again": ("on-draft-invoice",),
    "find out who; if a row stands in the way that is not of this service, remove it": (
        "row-changed",
        "row-exists",
        "row-gone",
        "key-taken",
        "conflict",
        "precondition-failed",
    ),
    "find out who keeps writing; a plug-in may be at work": ("restless",),
    "mend what the sentence quotes, then send again": ("read-refused",),
    "look at the service health of the environment; send again when it is over": (
        "unreachable",
        "no-answer",
        "unavailable",
        "timed-out",
        "server-error",
        "sql-error",
        "sql-timeout",
        "transaction-ended",
        "cut-off",
        "broken-off",
        "not-sent",
        "unreadable-answer",
    ),
    "look at the namespace; send again when it is over": (
        "bus-unreachable",
        "bus-no-answer",
        "bus-silent",
    ),
    (
        "look at the network's rules for outgoing traffic, and at the service health of Microsoft "
        "Entra; send again when it is over"
    ): (
        "sign-in-unreachable",
        "sign-in-unavailable",
        "sign-in-unreadable",
    ),
    "the log has the place; report it": ("unexpected-error",),
}

_BY_CODE = {code: words for words, codes in _BY_WORDS.items() for code in codes}

OTHERS = "find out who else receives from the queue, and put it aside"
"""Of a code that is not of this service, nor of Service Bus."""


def what_to_do(code: str) -> str:
    """One sentence without its full stop."""
    return _BY_CODE.get(code, OTHERS)
