"""The actor that answers turns, with drafts while they may still be going on: `faststream run actors.reasoning:app`.

What an agent is written with is here too: `from actors.reasoning import Agent, Call, Handoff, action, reader`; what its
guards return, as well: `Drop`, `Replace`, `Answer`.
"""

from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.errors import ToolFailed
from infra.agents.guard import Answer, Drop, Replace
from infra.agents.handoff import Handoff
from infra.agents.tool import action, reader
from infra.process.app_on_demand import app_made_in

__all__ = ["Agent", "Answer", "Call", "Drop", "Handoff", "Replace", "ToolFailed", "action", "reader"]

__getattr__ = app_made_in(__name__, "actor")
