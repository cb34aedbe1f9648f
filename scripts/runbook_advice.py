"""``python -m scripts.runbook_advice``: rewrites the tables of advice in docs/runbooks.

A page names the reasons that its alert has: ``<!-- advice: rule_trusts -->``, up to the next
``<!-- /advice -->``. The sentences are those of exporter/publish/words/advice.py.
"""

import re
import sys
from pathlib import Path

from exporter.model.judgement import Reason
from exporter.publish.words.advice import ADVICE

RUNBOOKS = Path(__file__).resolve().parent.parent / "docs" / "runbooks"
_TABLE = re.compile(r"<!-- advice: ([a-z_, ]+) -->\n.*?<!-- /advice -->\n", re.DOTALL)


def reasons_of(page: str) -> tuple[Reason, ...]:
    """Return the reasons that the tables of a page have a sentence for, in their order.

    Raises:
        ValueError: one of them does not exist.
    """
    return tuple(Reason(name) for found in _TABLE.finditer(page) for name in found[1].split(", "))


def with_tables(page: str) -> str:
    """Return ``page`` with its tables as they have to be.

    Raises:
        ValueError: a reason does not exist.
    """
    return _TABLE.sub(lambda found: _table(found[1].split(", ")), page)


def _table(names: list[str]) -> str:
    texts = {name: ADVICE[Reason(name)].replace("|", r"\|") for name in names}
    rows = [f"| `{name}` | {text} |" for name, text in texts.items()]
    return "\n".join(
        [
            f"<!-- advice: {', '.join(names)} -->",
            "| reason | in short |",
            "|---|---|",
            *rows,
            "<!-- /advice -->",
            "",
        ]
    )


def main() -> int:
    """Rewrite the pages that have tables."""
    for path in sorted(RUNBOOKS.glob("*.md")):
        page = path.read_text("utf-8")
        if with_tables(page) != page:
            path.write_text(with_tables(page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
