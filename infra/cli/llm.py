"""`daredevil llm`: only the local language model's server, for actors that are started by hand."""

from typing import Annotated

import typer

from infra.cli.output import fail, progress


def llm(
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1 to serve on.", min=1, max=65535)] = 8031,
) -> None:
    """Serve only the local language model, until Ctrl-C.

    `daredevil run` starts it by itself. If you start the actors by hand (`faststream run actors.reasoning:app`), start
    it with this command, and give them its address:

      daredevil llm

      DAREDEVIL_LLM_URL=http://127.0.0.1:8031 faststream run actors.reasoning:app
    """
    from infra.system.page_port import port_problem

    if problem := port_problem("127.0.0.1", port):
        fail(f"{problem[0]}: choose another port with --port")
    from infra.system.llm import main

    progress(f"serving on http://127.0.0.1:{port}: set DAREDEVIL_LLM_URL to this address; Ctrl-C stops it")
    main(["--port", str(port)])
