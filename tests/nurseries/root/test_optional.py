import importlib
import inspect

import pytest

from config.settings.families import FAMILIES, Settings
from nurseries.root.optional import OPTIONAL, Optional


@pytest.mark.parametrize("optional", OPTIONAL, ids=lambda optional: optional.component)
def test_each_is_built_by_its_own_module(optional: Optional) -> None:
    build = importlib.import_module(optional.module).build
    assert list(inspect.signature(build).parameters) == ["settings", "needs", "additions"]


def test_each_is_asked_for_by_a_family_of_settings() -> None:
    fields = set(Settings.__struct_fields__)
    assert {optional.field for optional in OPTIONAL} <= fields
    assert {optional.field for optional in OPTIONAL} <= {family.field for family in FAMILIES}
