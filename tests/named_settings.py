"""Variables that a file of the project names, held to the settings there are."""

from __future__ import annotations

from pydantic import BaseModel

from include.settings import Settings


def assert_names_a_setting(variable: str) -> None:
    model: type[BaseModel] = Settings
    *path, last = variable.removeprefix("TIDEWATCH_").lower().split("__")
    for part in path:
        inner = model.model_fields[part].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, BaseModel)
        model = inner
    assert last in model.model_fields
