"""A hotline: it asks for a PIN by the phone's keys, hands over to another agent, puts callers through, and hangs up.

.venv/bin/daredevil run docs/examples/hotline.py
"""

from actors.reasoning import Agent, Call, Handoff, ToolFailed, action

PINS = {"+49301234": "4711"}
"""By the caller's number; a bank has this somewhere else."""
DESK = "tel:+49305678"


@action(timeout_s=60)
async def check_pin(call: Call) -> str | Handoff:
    """Ask the caller to type their PIN; with the right one the accounts agent takes over."""
    await call.say("Please type your four digits.")
    if await call.dtmf(4) == PINS.get(call.attributes.get("sip.phoneNumber", "")):
        return Handoff("accounts", say="Thank you.")
    return "The PIN is wrong."


@action
async def to_a_colleague(call: Call) -> str:
    """Put the caller through to a person."""
    try:
        await call.transfer(DESK)
    except ToolFailed as failure:
        return f"That is not possible now: {failure}."
    return "It is ringing."


@action
async def hang_up(call: Call) -> str:
    """End the call when the caller has said goodbye."""
    await call.end("solved")
    return "The call ends after your answer."


hotline = Agent(
    name="hotline",
    instructions="You welcome callers of a bank. Have their PIN checked before you speak of accounts.",
    greeting="Welcome to the bank. What can I do for you?",
    tools=[check_pin, to_a_colleague, hang_up],
)
accounts = Agent(
    name="accounts",
    instructions="You answer questions about the caller's account, in one or two short sentences.",
    tools=[to_a_colleague, hang_up],
)
