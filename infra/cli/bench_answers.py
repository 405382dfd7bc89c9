"""`daredevil bench answers`: what the agent answers to the plain questions that somebody tries first."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import out, run_async

if TYPE_CHECKING:
    from infra.bench.answers import Answered


def answers(
    url: Annotated[
        str | None, typer.Option(help="Address of the page (`http://host:port`); by default the one running here.")
    ] = None,
    token: Annotated[str, typer.Option(help="Your JWT, if DAREDEVIL_AUTH is set.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask 120 plain questions by text (greetings, weather, news, sums, insults, follow-ups), each time as a stranger.

    Prints every answer to read, and marks those with something wrong that can be checked. They are checked for words:
    whether an answer makes sense, a person has to judge. If nothing is running here, the system is started for it.

    For example:

      daredevil bench answers

      DAREDEVIL_LLM=openai:gpt-4o-mini daredevil bench answers
    """
    from dataclasses import asdict

    from infra.bench.answers import summarise

    found = run_async(_ask(url, token, as_json))
    figures = summarise(found)
    if as_json:
        typer.echo(json.dumps(asdict(figures) | {"each": [asdict(each) for each in found]}, indent=2))
        return
    out().print(
        f"[bold]{figures.passed}/{figures.answers}[/] have nothing wrong that can be checked; "
        f"first token P50 {figures.first_token_p50_ms} ms, P95 {figures.first_token_p95_ms} ms"
    )


async def _ask(url: str | None, token: str, as_json: bool) -> "list[Answered]":
    import uuid

    from infra.bench.answer_questions import OTHER_WORDS, TRIED
    from infra.bench.answers import ask_all
    from infra.cli.system import page_or
    from infra.settings import settings

    async with page_or(url) as page:
        key = token or ("" if url is not None else settings().admin_key.strip())
        user = f"bench-answers-{uuid.uuid4().hex[:8]}"
        return await ask_all(page, (*TRIED, *OTHER_WORDS), user, _silent if as_json else _show, key)


def _show(answered: "Answered") -> None:
    out().print(f"{answered.about}: {answered.question}", markup=False, style="dim")
    out().print(f"  {answered.answer}", markup=False, style="red" if answered.wrong else "")
    for problem in answered.wrong:
        out().print(f"  {problem}", markup=False, style="red")


def _silent(_: "Answered") -> None:
    return
