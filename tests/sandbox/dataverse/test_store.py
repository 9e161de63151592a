"""What the rows are kept in."""

from __future__ import annotations

from sandbox.dataverse.catalog import Catalog
from sandbox.dataverse.store import Store


def test_a_database_that_begins_with_an_image_may_grow_as_any_other() -> None:
    """One that is opened from bytes has a name, and refuses to grow beyond a gigabyte."""
    image = Store(Catalog()).image()
    for store in (Store(Catalog()), Store(Catalog(), image=image)):
        assert [name for _, _, name in store.execute("PRAGMA database_list")] == [""]
