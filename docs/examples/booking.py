"""An agent of your own: it takes bookings for a restaurant, with one tool that reads and one that changes the world.

.venv/bin/daredevil run docs/examples/booking.py
"""

from langchain_core.tools import tool

from actors.reasoning import Agent, Call, action

TABLES = {"1": 2, "2": 2, "3": 4, "4": 6}
"""Seats at each table; a restaurant has this in a database."""
BOOKED: dict[str, tuple[str, str]] = {}
"""Day and table of each booking, by its key."""


@tool
def find_tables(day: str, people: int) -> list[str]:
    """Find the free tables of a day for so many people."""
    taken = {table for booked_day, table in BOOKED.values() if booked_day == day}
    return [table for table, seats in TABLES.items() if seats >= people and table not in taken]


@action(idempotent=True, timeout_s=5)
@tool
async def book_table(day: str, table: str, call: Call) -> str:
    """Book a table that is free on that day."""
    if call.idempotency_key in BOOKED:
        return "It is booked."  # it has run before, and its answer was lost
    if (day, table) in BOOKED.values() or table not in TABLES:
        return f"Table {table} is not free on {day}."
    BOOKED[call.idempotency_key] = (day, table)
    return f"Table {table} is booked for {day}."


agent = Agent(
    name="booking",
    instructions="You take bookings for {restaurant}. Today is {today}. Ask for the day and how many people come, "
    "offer a table that is free, and book it when the caller agrees. Answer in one or two short sentences.",
    variables={"restaurant": "Luna"},
    tools=[find_tables, book_table],
    greeting="Good evening, this is {restaurant}. When would you like to come?",
)
