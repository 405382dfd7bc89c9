"""What the site of the documents has beyond the pages in `docs/`: a hook of MkDocs (`mkdocs.yml`, `make docs`).

Tables of what each process takes and sends come from the topology, so that no page repeats it. Files of the repository
that pages link to come along.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.topology import CHANNELS, DURABLES, EVENTS, FACTS, LISTENERS, REQUESTS, role_of

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ELSEWHERE = "repository"
"""Folder of the site in which files of the repository are."""

LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)\s]+)\)")
SUBJECTS = re.compile(r"<!-- subjects of ([a-z-]+) -->")
ALL_SUBJECTS = "<!-- all subjects -->"


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the files of the repository to which pages link."""
    from mkdocs.structure.files import File

    for page in list(files.documentation_pages()):
        for _, target in LINK.findall(page.content_string):
            path = _path(page.src_uri, target)
            if path.is_file() and _is_elsewhere(path) and files.get_file_from_path(_copy_of(path)) is None:
                files.append(File.generated(config, _copy_of(path), content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: "Page", config: Any, files: Any) -> str:
    """Put the tables in, and lead links out of `docs/` to the copies."""
    source = page.file.src_uri
    if source.startswith(f"{ELSEWHERE}/"):
        return LINK.sub(r"\1", markdown)  # where they lead is not in the site
    with_table = SUBJECTS.sub(lambda match: subjects_of(match.group(1)), markdown)
    return LINK.sub(lambda match: _led(source, match), with_table.replace(ALL_SUBJECTS, all_subjects()))


def _led(source: str, link: "re.Match[str]") -> str:
    """Return a link of the page `source` as it is in the site: a folder is nothing that can be opened there."""
    text, target = link.groups()
    path = _path(source, target)
    if path.is_dir():
        return text
    if not _is_elsewhere(path):
        return link.group()
    _, hash_sign, anchor = target.partition("#")
    return f"[{text}]({'../' * source.count('/')}{_copy_of(path)}{hash_sign}{anchor})"


def _path(source: str, target: str) -> Path:
    return ((DOCS / source).parent / target.partition("#")[0]).resolve()


def _is_elsewhere(path: Path) -> bool:
    return ROOT in path.parents and DOCS not in path.parents


def _copy_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    # MkDocs leaves out what begins with a dot.
    return f"{ELSEWHERE}/{relative.with_name(relative.name.lstrip('.')).as_posix()}"


def subjects_of(process: str) -> str:
    """Return what a process takes, hears, appends, answers and sends, as a table."""
    role = role_of(process)
    takes = [event for durable in DURABLES if durable.actor == process for event in durable.events]
    every = any(durable.actor == process and not durable.events for durable in DURABLES)
    hears = [event for listener in LISTENERS if listener.process == process for event in listener.events]
    follows = any(listener.process == process and not listener.events for listener in LISTENERS)
    rows = [
        ("takes, each once", ["every fact"] if every else [event.__name__ for event in takes]),
        ("hears as it is stored", [event.__name__ for event in hears] + ["all facts of its sessions"] * follows),
        ("appends", [row.event.__name__ for row in EVENTS if role in row.publishers or process in row.publishers]),
        ("answers", [f"`{row.address.text}`" for row in REQUESTS if process in row.answered_by]),
        ("sends", [f"`{row.address.text}`" for row in CHANNELS if process in row.senders]),
        ("listens to", [f"`{row.address.text}`" for row in CHANNELS if process in row.listeners]),
    ]
    lines = [f"| {what} | {', '.join(dict.fromkeys(names))} |" for what, names in rows if names]
    return "\n".join(["| | |", "|---|---|", *lines])


def all_subjects() -> str:
    """Return every subject with what it carries."""
    lines = ["### Facts", "", "| subject | event | appended by |", "|---|---|---|"]
    for row in EVENTS:
        noun, state = row.tail.split(".")
        subject = FACTS.text.replace("{noun}", noun).replace("{state}", state)
        lines.append(f"| `{subject}` | {row.event.__name__} | {', '.join(row.publishers)} |")
    lines += ["", "### Requests", "", "| subject | what it asks | answered by |", "|---|---|---|"]
    for request in REQUESTS:
        lines.append(
            f"| `{request.address.text}` | {request.description} | {', '.join(dict.fromkeys(request.answered_by))} |"
        )
    lines += ["", "### What is no fact", "", "| subject | messages | what for |", "|---|---|---|"]
    for channel in CHANNELS:
        lines.append(f"| `{channel.address.text}` | {', '.join(channel.messages)} | {channel.description} |")
    return "\n".join(lines)
