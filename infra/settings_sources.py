"""How the variables of the environment and of `.env` become settings: only those that are there are looked at.

pydantic-settings looks for each of its fields in each of its sources, and works out every time what type each field
has: 2 ms for settings of which three are given.
"""

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, PydanticBaseSettingsSource, SettingsError


class GivenVariables(PydanticBaseSettingsSource):
    """The variables that a source has, as that source reads them."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        assert isinstance(source, EnvSettingsSource)
        self._source = source

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the text of a field's variable, the field's name, and whether it is JSON."""
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """Return the values by the names of their fields. Raises SettingsError for what is no JSON and has to be."""
        fields = self.settings_cls.model_fields
        prefix = self._source.env_prefix.lower()
        names = (variable.removeprefix(prefix) for variable in self._source.env_vars if variable.startswith(prefix))
        values = {name: self._value(name, fields[name]) for name in names if name in fields}
        # In a file a name may stand without a value.
        return {name: value for name, value in values.items() if value is not None}

    def _value(self, name: str, field: FieldInfo) -> Any:
        text, _, is_json = self._source.get_field_value(field, name)
        try:
            return self._source.prepare_field_value(name, field, text, is_json)
        except ValueError as error:
            raise SettingsError(f"the value of {name} cannot be read: {error}") from error
