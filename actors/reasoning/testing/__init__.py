"""Test an agent as a caller would know it, in a plain pytest test: `conversation`, and what its model is to say.

The agent's real code runs (decisions, replies, tools, graph), on a log in memory and in virtual time: nothing waits, no
network, no keys, no sound.
"""

from actors.reasoning.testing.conversation import ScriptedConversation
from actors.reasoning.testing.faults import Die, Fail, Hang
from actors.reasoning.testing.judge import Judgement
from actors.reasoning.testing.opening import conversation
from actors.reasoning.testing.script import CallTool, Say, ScriptOver, Step, scripted_model
from actors.reasoning.testing.stand_ins import ToolRun
from actors.reasoning.testing.turns import CalledTool, TurnResult

__all__ = [
    "CallTool",
    "CalledTool",
    "Die",
    "Fail",
    "Hang",
    "Judgement",
    "Say",
    "ScriptOver",
    "ScriptedConversation",
    "Step",
    "ToolRun",
    "TurnResult",
    "conversation",
    "scripted_model",
]
