"""The administrator's profile file as a file: what it may say, and that every fault names its line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mappings.choices import TransactionClass, TransactionType
from mappings.not_to_exceed import NotToExceed
from mappings.profile import Source, Tie
from service.not_configured import NotConfigured
from service.own_columns import OwnFile, read

GOOD = """\
# Columns of ours.
[[columns]]
actual = "new_costcentre"
from_entry = "new_costcentre"
on = ["cost", "resourcing-unit-cost"]
entries = ["time"]

[[columns]]
actual = "new_rate"
constant = 1.25

[unit_cost_lists]
table = "new_unitlist"
unit = "new_unitid"
price_list = "new_listid"
"""


def said_of(text: str, tmp_path: Path) -> OwnFile:
    file = tmp_path / "profile.toml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def faults_of(text: str, tmp_path: Path) -> list[str]:
    return [fault.removeprefix(f"{tmp_path / 'profile.toml'}, ") for fault in said_of(text, tmp_path).faults]


def test_columns_and_ties_are_read_with_the_lines_they_stand_on(tmp_path: Path) -> None:
    own = said_of(GOOD, tmp_path)
    assert own.faults == []
    carried, constant = own.wishes
    assert (carried.actual, carried.source, carried.value) == ("new_costcentre", Source.ENTRY, "new_costcentre")
    assert carried.on == {TransactionType.COST, TransactionType.RESOURCING_UNIT_COST}
    assert carried.entries == {TransactionClass.TIME}
    assert (constant.source, constant.value, len(constant.on), len(constant.entries)) == (
        Source.CONSTANT,
        Decimal("1.25"),
        4,
        2,
    )
    assert own.ties["unit_cost_lists"][1] == Tie("new_unitlist", "new_unitid", "new_listid")


def test_the_line_of_a_key_that_was_left_out_is_that_of_its_column(tmp_path: Path) -> None:
    _, constant = said_of(GOOD, tmp_path).wishes
    lines = {key: constant.place.of(key).rpartition("line ")[2] for key in ("", "actual", "constant", "on")}
    assert lines == {"": "8", "actual": "9", "constant": "10", "on": "8"}


def test_everything_wrong_is_said_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = """\
colour = "red"
[[columns]]
from_entry = "new_x"

[[columns]]
actual = "Cost Centre"
from_entry = ""
from_approval = "new_y"
on = ["kosten"]

[[columns]]
actual = "msdyn_amount"
constant = []
of = "time"

[[columns]]
actual = "new_z"
entries = [["time"]]
"""
    words = "`cost`, `sales`, `resourcing-unit-cost`, `inter-organizational-sales`"
    sources = "`from_entry`, `from_approval`, `constant`"
    assert faults_of(text, tmp_path) == [
        "line 1: `colour` means nothing here; the file holds `[[columns]]`, `[line_tasks]`, "
        "`[unit_cost_lists]` and `[not_to_exceed]`.",
        "line 2: `actual` is missing; it names the column of `msdyn_actual` that is to be filled.",
        f"line 9: `on` is ['kosten']; it lists one or more of {words}.",
        "line 6: `actual` is 'Cost Centre', which is no logical name of a column of your own, as `new_costcentre`.",
        f"line 8: it needs one of {sources}, and has 2.",
        "line 7: `from_entry` is ''; it names a column.",
        "line 14: `of` means nothing here; a column has `actual`, `from_entry`, `from_approval`, `constant`, `on`, "
        "`entries`.",
        "line 12: `msdyn_amount` is the product's own; only columns with another prefix than msdyn_ may be filled.",
        "line 13: `constant` is neither text, nor a number, a yes or no, a day or a moment.",
        "line 18: `entries` is [['time']]; it lists one or more of `time`, `expense`.",
        f"line 16: it needs one of {sources}, and has none.",
    ]


def test_one_column_may_come_from_two_places_but_not_on_the_same_actuals(tmp_path: Path) -> None:
    apart = """\
[[columns]]
actual = "new_x"
from_entry = "new_x"
on = ["cost"]
[[columns]]
actual = "new_x"
constant = 1
on = ["sales"]
"""
    assert faults_of(apart, tmp_path) == []
    together = apart.replace('"sales"', '"sales", "cost"')
    assert faults_of(together, tmp_path) == ["line 6: `new_x` is filled twice on the same actuals."]


def test_columns_in_one_line_are_found_at_that_line(tmp_path: Path) -> None:
    text = '# one line\ncolumns = [{actual = "new_x", constant = 1}, {actual = "new_y"}]\n'
    (fault,) = faults_of(text, tmp_path)
    assert fault.startswith("line 2: it needs one of")


def test_a_tie_names_a_table_and_two_columns(tmp_path: Path) -> None:
    text = '[line_tasks]\ntable = "new_linetask"\nline = "new_line"\ntasks = "new_task"\n'
    assert faults_of(text, tmp_path) == [
        "line 1: `task` of `[line_tasks]` is missing or no name.",
        "line 4: `tasks` means nothing here; `[line_tasks]` has `table`, `line`, `task`, `billing_type`.",
    ]


def test_the_table_of_a_lines_tasks_may_have_a_billing_type_and_that_of_price_lists_none(tmp_path: Path) -> None:
    tasks = '[line_tasks]\ntable = "new_linetask"\nline = "new_line"\ntask = "new_task"\n'
    assert faults_of(tasks + 'billing_type = "new_type"\n', tmp_path) == []
    assert faults_of(tasks + "billing_type = 1\n", tmp_path) == [
        "line 5: `billing_type` of `[line_tasks]` is missing or no name."
    ]
    lists = '[unit_cost_lists]\ntable = "new_l"\nunit = "new_u"\nprice_list = "new_p"\nbilling_type = "new_type"\n'
    assert faults_of(lists, tmp_path) == [
        "line 5: `billing_type` means nothing here; `[unit_cost_lists]` has `table`, `unit`, `price_list`."
    ]


def test_the_column_of_the_not_to_exceed_check_may_be_the_products_own(tmp_path: Path) -> None:
    own = said_of('[not_to_exceed]\ncolumn = "msdyn_limit"\nfailed = 192350001\n', tmp_path)
    assert own.faults == []
    assert own.not_to_exceed is not None
    assert own.not_to_exceed[1] == NotToExceed("msdyn_limit", 192350001)
    assert faults_of('[not_to_exceed]\ncolumn = "Limit"\nfailed = "Failed"\npassed = 1\n', tmp_path) == [
        "line 2: `column` of `[not_to_exceed]` is missing or no logical name.",
        "line 3: `failed` of `[not_to_exceed]` is missing or no number of a choice.",
        "line 4: `passed` means nothing here; `[not_to_exceed]` has `column`, `failed`.",
    ]
    assert faults_of("[not_to_exceed]\nfailed = true\n", tmp_path) == [
        "line 1: `column` of `[not_to_exceed]` is missing or no logical name.",
        "line 2: `failed` of `[not_to_exceed]` is missing or no number of a choice.",
    ]


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match=r"absent\.toml can't be read: No such file or directory"):
        read(tmp_path / "absent.toml")
    with pytest.raises(NotConfigured, match=r"profile\.toml is no TOML file"):
        said_of("[[[", tmp_path)
