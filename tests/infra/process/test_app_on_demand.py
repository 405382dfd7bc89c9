"""Packages whose app is made when it is asked for."""

import sys
from types import ModuleType

import pytest

from infra.process.app_on_demand import app_made_in


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package with a module `app` in it, which has the name that the package's app has, too."""
    package, module = ModuleType("made_up"), ModuleType("made_up.app")
    vars(module)["make"] = object
    vars(package).update(app=module, __getattr__=app_made_in("made_up", "app"))
    monkeypatch.setitem(sys.modules, "made_up", package)
    monkeypatch.setitem(sys.modules, "made_up.app", module)
    return package


def test_the_app_is_made_once_and_stands_in_the_package(package: ModuleType) -> None:
    made = package.__getattr__("app")
    assert package.app is made
    assert not isinstance(made, ModuleType)


def test_what_is_not_there_is_reported_as_of_any_module(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="'made_up' has no attribute 'nothing'"):
        package.__getattr__("nothing")
