"""Choices that several columns share, columns of money, and definitions that change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.dataverse.test_definitions import CRM, attribute, label, table

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

COLOURS = {
    "@odata.type": f"{CRM}OptionSetMetadata",
    "Name": "psac_Colour",
    "DisplayName": label("Colour"),
    "OptionSetType": "Picklist",
    "Options": [{"Value": 1, "Label": label("Red")}, {"Value": 2, "Label": label("Blue")}],
}
COMMAND = "EntityDefinitions(LogicalName='psac_command')"


def colours(api: Api) -> str:
    """Make the choice; its address."""
    answer = api("POST", "GlobalOptionSetDefinitions", json=COLOURS)
    assert answer.status_code == 204, answer.text
    return answer.headers["OData-EntityId"].removeprefix(f"{api.root}/")


def test_a_global_choice_is_made_read_and_shared_by_columns(api: Api) -> None:
    address = colours(api)
    for found in (api.get(address), api.get("GlobalOptionSetDefinitions(Name='psac_Colour')")):
        labels = [one["Label"]["UserLocalizedLabel"]["Label"] for one in found["Options"]]
        assert (found["Name"], found["IsGlobal"], labels) == ("psac_Colour", True, ["Red", "Blue"])
    assert [one["Name"] for one in api.get("GlobalOptionSetDefinitions?$select=Name")["value"]] == ["psac_Colour"]
    bound = {"GlobalOptionSet@odata.bind": f"/{address}"}
    column = attribute("Picklist", "psac_Paint", **bound)
    assert api("POST", "EntityDefinitions", json=table(column)).status_code == 204
    several = attribute("MultiSelectPicklist", "psac_Paints", **bound)
    assert api("POST", f"{COMMAND}/Attributes", json=several).status_code == 204
    id = api.create("psac_commands", {"psac_paint": 2, "psac_paints": "1,2"})
    shown = api.get(f"psac_commands({id})", Prefer='odata.include-annotations="*"')
    assert shown["psac_paint@OData.Community.Display.V1.FormattedValue"] == "Blue"
    assert shown["psac_paints@OData.Community.Display.V1.FormattedValue"] == "Red; Blue"
    assert api.refused("POST", "psac_commands", {"psac_paint": 3})[1] == "0x8004431a"
    cast = f"{COMMAND}/Attributes(LogicalName='psac_paint')/{CRM}PicklistAttributeMetadata"
    told = api.get(f"{cast}?$select=LogicalName&$expand=GlobalOptionSet($select=Name),OptionSet($select=IsGlobal)")
    assert (told["GlobalOptionSet"], told["OptionSet"]) == ({"Name": "psac_Colour"}, {"IsGlobal": True})
    assert len(api.get(f"{cast}/OptionSet")["Options"]) == 2


def test_a_global_choice_in_use_stays_and_one_that_is_not_goes(api: Api) -> None:
    address = colours(api)
    column = attribute("Picklist", "psac_Paint", **{"GlobalOptionSet@odata.bind": f"/{address}"})
    api("POST", "EntityDefinitions", json=table(column))
    assert api.refused("DELETE", address)[1] == "0x8004f01f"
    assert api("DELETE", f"{COMMAND}/Attributes(LogicalName='psac_paint')").status_code == 204
    assert api("DELETE", address).status_code == 204
    assert api.refused("GET", address)[0] == 404


def test_global_choices_cannot_be_filtered_made_twice_or_without_options(api: Api) -> None:
    colours(api)
    assert api.refused("GET", "GlobalOptionSetDefinitions?$filter=Name eq 'psac_Colour'")[1] == "0x80060888"
    assert "unique name" in api.refused("POST", "GlobalOptionSetDefinitions", COLOURS)[2]
    bare = COLOURS | {"Name": "psac_Other", "Options": []}
    assert api.refused("POST", "GlobalOptionSetDefinitions", bare)[0] == 400
    twice = COLOURS | {"Name": "psac_Other", "Options": [COLOURS["Options"][0]] * 2}  # type: ignore[index]
    assert api.refused("POST", "GlobalOptionSetDefinitions", twice)[0] == 400


def test_a_column_of_money_comes_with_its_base_and_a_currency(api: Api) -> None:
    euro = api.create(
        "transactioncurrencies",
        {
            "isocurrencycode": "EUR",
            "currencyname": "Euro",
            "currencysymbol": "€",
            "currencyprecision": 2,
            "exchangerate": 0.5,
        },
    )
    api("POST", "EntityDefinitions", json=table())
    money = attribute("Money", "psac_Worth", MinValue=0, MaxValue=1000, Precision=2)
    assert api("POST", f"{COMMAND}/Attributes", json=money).status_code == 204
    values: dict[str, Any] = {
        "psac_worth": 10,
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({euro})",
    }
    row = api.get(f"psac_commands({api.create('psac_commands', values)})")
    assert (row["psac_worth"], row["psac_worth_base"], row["exchangerate"]) == (10, 20, 0.5)
    assert api.refused("POST", "psac_commands", {"psac_worth": 1001})[0] == 400
    facts = api.get(f"{COMMAND}/Attributes/{CRM}MoneyAttributeMetadata?$select=LogicalName,Precision,MaxValue")
    shown = {one["LogicalName"]: (one["Precision"], one["MaxValue"]) for one in facts["value"]}
    assert shown["psac_worth"] == (2, 1000)
    assert api.refused("DELETE", f"{COMMAND}/Attributes(LogicalName='psac_worth_base')")[0] == 400
    assert api("DELETE", f"{COMMAND}/Attributes(LogicalName='psac_worth')").status_code == 204
    assert "psac_worth_base" not in api.get(f"psac_commands({api.create('psac_commands', {})})")


def test_the_words_of_a_flag_are_told_and_shown(api: Api) -> None:
    options = {"TrueOption": {"Value": 1, "Label": label("Done")}, "FalseOption": {"Value": 0, "Label": label("Open")}}
    api("POST", "EntityDefinitions", json=table(attribute("Boolean", "psac_Flag", OptionSet=options)))
    id = api.create("psac_commands", {"psac_flag": True})
    shown = api.get(f"psac_commands({id})?$select=psac_flag", Prefer='odata.include-annotations="*"')
    assert shown["psac_flag@OData.Community.Display.V1.FormattedValue"] == "Done"
    cast = f"{COMMAND}/Attributes(LogicalName='psac_flag')/{CRM}BooleanAttributeMetadata"
    told = api.get(f"{cast}?$select=LogicalName&$expand=OptionSet")["OptionSet"]
    assert told["FalseOption"]["Label"]["UserLocalizedLabel"]["Label"] == "Open"


def test_a_columns_definition_is_replaced_and_its_type_stays(api: Api) -> None:
    api("POST", "EntityDefinitions", json=table(attribute("String", "psac_Text", MaxLength=5)))
    address = f"{COMMAND}/Attributes(LogicalName='psac_text')"
    assert api.refused("POST", "psac_commands", {"psac_text": "longer"})[1] == "0x80044331"
    longer = attribute("String", "psac_Text", MaxLength=10, DisplayName=label("Words"))
    assert api("PUT", address, json=longer).status_code == 204
    api.create("psac_commands", {"psac_text": "longer"})
    assert api.get(address)["DisplayName"]["UserLocalizedLabel"]["Label"] == "Words"
    assert api.refused("PUT", address, attribute("Memo", "psac_Text"))[0] == 400
    assert (
        api.refused("PUT", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='name')", longer)[0] == 501
    )


def test_a_column_made_on_a_shipped_table_can_be_taken_away_and_a_shipped_one_not(api: Api) -> None:
    account = "EntityDefinitions(LogicalName='account')/Attributes"
    assert api("POST", account, json=attribute("String", "psac_Note")).status_code == 204
    assert api.get(f"{account}(LogicalName='psac_note')")["IsCustomAttribute"] is True
    assert api("DELETE", f"{account}(LogicalName='psac_note')").status_code == 204
    assert api.refused("DELETE", f"{account}(LogicalName='name')")[1] == "0x80047005"
