"""Makes text from servers and libraries safe to show: one line of a limited length."""

MAXIMUM_DETAIL = 400
"""Characters of a detail; a hostile server may send megabytes."""


def one_line(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Make one bounded line of printable characters, with every secret replaced."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "********")
    line = " ".join(text[: 4 * MAXIMUM_DETAIL].split())
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= MAXIMUM_DETAIL else f"{line[: MAXIMUM_DETAIL - 1]}…"
