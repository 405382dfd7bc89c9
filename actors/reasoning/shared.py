"""What all replies of one copy of reasoning share."""

from dataclasses import dataclass, field

from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels
from actors.reasoning.graph import Graph, compile_graph
from actors.reasoning.learned import Learned
from infra.engines.tokens import TokenCounter
from infra.memory.response_cache import ResponseCache
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Shared:
    """Engines, and what is known about them. A reply asks them through the tape of its session."""

    settings: Settings
    models: ChatModels
    backgrounds: Backgrounds
    cache: ResponseCache
    tokens: TokenCounter
    learned: Learned = field(default_factory=Learned)
    graph: Graph = field(default_factory=compile_graph)
