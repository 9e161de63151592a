"""How sending dead letters again, or removing them, is told: what would be done, each receipt, what is left."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import FileIO
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

import typer

from connector.errors import ConnectorError
from handlers.command_record import Kind
from service.app import App
from service.cli.cannot_write import CannotWrite
from service.cli.dead_letter_options import Filters, named, of_queue, wanted
from service.cli.dead_letters_report import (
    letter_as_data,
    receipt_as_data,
    receipt_in_words,
    replay_as_data,
    show_letters,
)
from service.cli.exits import INTERRUPTED, Exit
from service.cli.options import Output
from service.cli.output import Column, as_json_array, key, line, say, show_in_parts
from service.cli.refused import too_much
from service.dead_letters.carrying_out import CarryingOut
from service.dead_letters.choosing import Post
from service.dead_letters.letters import Letter
from service.dead_letters.lines import Came, Line, Receipt, line_of
from service.dead_letters.record import Recorded, ended, written
from service.dead_letters.rehearsal import Rehearsal, Rehearsed, Would
from service.interruption import asked_to_stop

STOPPING = "Asked to stop: the part that is at work is finished first; ask again to end at once."
AGAIN = "Give the same command again to go on: what arrives twice is written once."
WORDS = {Kind.REPLAY: "Sent again", Kind.DISCARD: "Discarded"}


@dataclass(slots=True)
class Chosen:
    """The dead letters that are meant, as they are read page by page; ``limit``: no more than that.

    When they have been read, ``seen``: how many they are, ``more``: whether others are meant as well. ``is_nobody``: of
    a person nobody knows.
    """

    post: Post
    pages: Iterator[list[Letter]]
    limit: int
    more: bool = False
    is_nobody: bool = False
    seen: int = 0

    def letters(self) -> Iterator[list[Letter]]:
        """Them, page by page."""
        left = self.limit
        for page in self.pages:
            if left:
                self.seen += len(page[:left])
                yield page[:left]
            if len(page) > left:
                self.more = True
                return
            left -= len(page)

    def lines(self, run: UUID) -> list[Line]:
        """Them, in few words each, as this run is to carry them out; all are held."""
        told = []
        for page in self.letters():
            abouts = self.post.about(page)
            told += [line_of(one, abouts[one.name], run) for one in page]
        return told


@dataclass(frozen=True, slots=True)
class How:
    """What is to be done and why, who asks, and where receipts go."""

    way: Kind
    reason: str
    who: str
    yes: bool
    receipts: Path | None
    output: Output


def chosen(service: App, post: Post, filters: Filters, names: Sequence[str], limit: int) -> Chosen:
    """What is meant. Names that lead nowhere end the command."""
    found = of_queue(post, filters.queue)
    if names:
        letters, _ = named(found, names)
        return Chosen(found, iter([letters]), limit)
    choice = wanted(service, filters)
    return Chosen(found, found.pages(choice), limit, is_nobody=choice.is_nobody)


def rehearse(service: App, meant: Chosen, rehearsal: Rehearsal, output: Output) -> None:
    """Say what sending each again would come to."""
    counts: Counter[Would] = Counter()

    def rehearsed() -> Iterator[tuple[Letter, dict[str, object], Rehearsed]]:
        for page in meant.letters():
            abouts = meant.post.about(page)
            would = rehearsal.of(page, abouts)
            for one in page:
                counts[would[one.name].would] += 1
                yield one, letter_as_data(one, abouts[one.name], service.dataverse.url), would[one.name]

    if output is Output.JSON:
        as_json_array({**told, "replay": replay_as_data(would)} for _, told, would in rehearsed())
    else:
        columns = (key("Name"), Column("Code"), Column("Whose"), Column("Would"), Column("Why"))
        cells = (
            (one.name, one.code, _whose(told), would.would.value, " ".join((would.because, *would.changes)))
            for one, told, would in rehearsed()
        )
        show_in_parts("What sending them again would come to now", columns, _parts(cells), empty="No dead letters.")
    _say_more(meant)
    if counts:
        say("; ".join(f"{count} {word.value}" for word, count in sorted(counts.items())) + ". Nothing was sent.")
    _fail_for_nobody(meant)


def preview(service: App, meant: Chosen, output: Output) -> None:
    """Say which would be removed."""
    if output is Output.JSON:
        as_json_array(_told(service, meant))
        _say_more(meant)
    else:
        for page in meant.letters():
            show_letters(page, meant.post.about(page), service.dataverse.url)
        _say_more(meant)
        say(f"{_messages(meant.seen)} would be discarded. Nothing was done.")
    _fail_for_nobody(meant)


def carry_out(service: App, meant: Chosen, how: How) -> None:
    """Write down what is about to be done, do it, and say each receipt as it comes."""
    run = uuid4()
    lines = meant.lines(run)
    if not lines:
        say("No dead letters.")
        if how.output is Output.JSON:
            as_json_array(())
        _fail_for_nobody(meant)
        return
    ceiling = service.settings.ceiling.rows
    _say_more(meant)
    if len(lines) > ceiling and not how.yes:
        raise too_much(f"The number of messages, {len(lines)}, is more than the ceiling of {ceiling}.", how.output)
    with ExitStack() as open:
        kept = _file(open, how.receipts)
        records = written(how.way, lines, how.reason, how.who, service.dataverse)
        came: dict[str, Receipt] = {}
        failure: ConnectorError | CannotWrite | None = None
        otherwise = Came.NOT_TOLD
        stop = open.enter_context(asked_to_stop(lambda: say(STOPPING), f"dead-letters {how.way.value}"))
        try:
            with closing(CarryingOut(how.way, meant.post.boxes, run, stop.is_set).receipts(lines)) as receipts:
                _tell(_kept(receipts, came, records, kept, service.dataverse.url, len(lines)), how.output)
        except ConnectorError as error:
            failure = error
        except CannotWrite as error:
            # What is told is over and done with, and the next part is begun after it.
            failure, otherwise = error, Came.NOT_BEGUN
        finally:
            untold = ended(records, came, service.dataverse, otherwise)
    counts = Counter(one.came.value for one in came.values())
    if missing := len(lines) - len(came):
        counts[otherwise.value] += missing
    _sum_up(how, counts, records, untold)
    if failure is not None:
        if missing:
            say(AGAIN)
        raise failure
    if stop.is_set():
        say(AGAIN)
        raise typer.Exit(INTERRUPTED)
    if meant.more or any(one.came.is_left for one in came.values()):
        raise typer.Exit(Exit.WORK_LEFT)


Told = tuple[Receipt, dict[str, object], str]


def _kept(
    receipts: Iterable[Sequence[Receipt]],
    came: dict[str, Receipt],
    records: Sequence[Recorded],
    kept: FileIO | None,
    url: str,
    total: int,
) -> Iterator[Told]:
    """Each receipt once it is in the file, too. All of a part are known before the first is told.

    The record tells them even where nobody takes them: a closed pipe, a full disk.
    """
    record_of: dict[str, UUID] = {one.name: record.command for record in records for one in record.lines}
    with _progress(total) as one_more:
        for part in receipts:
            came |= {receipt.line.name: receipt for receipt in part}
            for receipt in part:
                data = receipt_as_data(receipt, record_of[receipt.line.name], url)
                if kept is not None:
                    _keep(kept, json.dumps(data))
                one_more()
                yield receipt, data, url


def _tell(told: Iterable[Told], output: Output) -> None:
    if output is Output.JSON:
        as_json_array(data for _, data, _ in told)
    else:
        for receipt, _, url in told:
            try:
                line(receipt_in_words(receipt, url))
            except SystemExit as closed:
                # The library that writes lines ends the process at a closed pipe; there is something to say still.
                raise CannotWrite("the pipe is closed") from closed


def _sum_up(how: How, counts: Counter[str], records: Sequence[Recorded], untold: str) -> None:
    ids = ", ".join(str(one.command) for one in records[:3]) + (" ..." if len(records) > 3 else "")
    told = "; ".join(f"{count} {word}" for word, count in counts.items())
    say(f"{WORDS[how.way]}: {_messages(counts.total())} chosen; {told}. Recorded as {ids}.")
    if untold:
        say(f"What came of it could not be written down: {untold} The record shows what was chosen.")


def _file(open: ExitStack, receipts: Path | None) -> FileIO | None:
    """Opened before anything is done: receipts nobody can write are said at once. Nothing is buffered."""
    if receipts is None:
        return None
    try:
        return open.enter_context(FileIO(receipts, "a"))
    except OSError as error:
        raise typer.BadParameter(f"{receipts} can't be written: {error.strerror}.") from error


def _keep(file: FileIO, text: str) -> None:
    try:
        file.write(f"{text}\n".encode())
    except OSError as error:
        raise CannotWrite(f"{file.name}: {error.strerror}") from error


def _say_more(meant: Chosen) -> None:
    if meant.more:
        say(f"There are more than the {meant.limit} that go at once; give the same command again for the rest.")


def _fail_for_nobody(meant: Chosen) -> None:
    if meant.is_nobody and not meant.seen:
        raise typer.Exit(Exit.FAILED)


def _told(service: App, meant: Chosen) -> Iterator[dict[str, object]]:
    for page in meant.letters():
        abouts = meant.post.about(page)
        yield from (letter_as_data(one, abouts[one.name], service.dataverse.url) for one in page)


def _whose(told: dict[str, object]) -> str:
    return ", ".join(str(said) for name in ("person", "requested_by", "project", "day") if (said := told[name]))


def _parts(cells: Iterator[tuple[str, ...]]) -> Iterator[list[tuple[str, ...]]]:
    while part := list(islice(cells, 100)):
        yield part


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, if that is a terminal and there is something to wait for; what to call for each message."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Messages"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Data that go to a file or pipe are not to be caught by a bar that is drawn elsewhere.
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
