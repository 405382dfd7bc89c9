"""Filters of subjects, as NATS understands them, for logs that are no server."""


def is_on(subject: str, pattern: str) -> bool:
    """Return whether a subject matches a filter with NATS' wildcards; an empty filter takes all."""
    if not pattern:
        return True
    tokens, wanted = subject.split("."), pattern.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(tokens) <= len(wanted):
            return False
        tokens = tokens[: len(wanted)]
    return len(tokens) == len(wanted) and all(want in ("*", token) for token, want in zip(tokens, wanted, strict=True))
