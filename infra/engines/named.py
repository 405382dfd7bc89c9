"""Engines by name: a LiveKit plugin as `deepgram.STT`, or a class of LiveKit's interfaces as `package.module:Class`."""

import importlib
from typing import Any


def how_to_get(name: str) -> str:
    """Say what is to be installed for an engine of that name."""
    module, colon, _ = name.partition(":")
    if colon:
        return f"is the package that has {module} installed, or its folder in PYTHONPATH?"
    return f"is livekit-plugins-{name.partition('.')[0].replace('_', '-')} installed?"


def engine_class(name: str, default_class: str) -> Any:
    """Return the class that `name` means; a plugin named alone means its `default_class`.

    Raises ImportError or AttributeError, or whatever a module raises when it is imported.
    """
    module, colon, class_name = name.partition(":")
    if not colon:
        plugin, _, class_name = name.partition(".")
        module = f"livekit.plugins.{plugin}"
    return getattr(importlib.import_module(module), class_name or default_class)
