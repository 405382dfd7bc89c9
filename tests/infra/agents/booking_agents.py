"""An agent as its author writes it, for tests."""

from langchain_core.tools import tool

from actors.reasoning import Agent, Call, action


@tool
def find_tables(day: str, people: int = 2) -> list[str]:
    """Free tables of a day."""
    return [f"{day}-{people}"]


@action(idempotent=True)
@tool
async def book_table(table: str, call: Call) -> str:
    """Book a table."""
    return f"{table} for {call.user_id} by {call.idempotency_key}"


agent = Agent(
    name="booking",
    instructions="You take bookings for {restaurant}. Today is {today}.",
    tools=[find_tables, book_table],
    greeting="Good evening, {restaurant}.",
    variables={"restaurant": "Chez Nous"},
)
