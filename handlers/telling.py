"""Has everybody told how messages end, and says of which that could not be done: a failure is that of one queue.

A queue that is gone, or takes no message so large, delays only the messages that are to be told there.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

from connector.errors import ConnectorError, Rejected
from connector.settlement import Complete, DeadLetter
from handlers.replies import Ended, Replies, Teller

log = logging.getLogger(__name__)


def untold(tellers: Sequence[Teller], replies: Replies | None, ended: Mapping[int, Ended]) -> dict[int, ConnectorError]:
    """Tell of messages by their number; those at their end that can't be told, and so must not end yet, and why."""
    failures: dict[int, ConnectorError] = {}
    # What is to be done goes first: whoever is answered may look for it.
    for teller in tellers:
        failures |= _told_by(teller, {index: one for index, one in ended.items() if index not in failures})
    by_queue: defaultdict[str | None, dict[int, Ended]] = defaultdict(dict)
    for index, one in ended.items():
        if index not in failures:
            by_queue[one.envelope.reply_to][index] = one
    if replies is not None:
        for group in by_queue.values():
            failures |= _told_by(replies, group)
    at_end = {index: failure for index, failure in failures.items() if _is_kept(ended[index], failure)}
    for failure in {failure.code: failure for failure in at_end.values()}.values():
        log.error("messages are kept, as what came of them can't be told. %s (%s)", failure.sentence, failure.code)
    return at_end


def _told_by(teller: Teller, group: Mapping[int, Ended]) -> dict[int, ConnectorError]:
    try:
        teller.answer(list(group.values()))
    except Rejected as failure:
        if len(group) == 1:
            return dict.fromkeys(group, failure)
        # One of them is not taken. Whoever is told twice hears of it under the same id.
        alone = [_told_by(teller, {index: one}) for index, one in group.items()]
        return {index: failure for one in alone for index, failure in one.items()}
    except ConnectorError as failure:
        return dict.fromkeys(group, failure)
    return {}


def _is_kept(ended: Ended, failure: ConnectorError) -> bool:
    """What is put aside anyway gets to a person for its own reason, also where its answer is never taken."""
    if isinstance(ended.settlement, DeadLetter):
        return not isinstance(failure, Rejected)
    return isinstance(ended.settlement, Complete)
