"""What a reader of the overview asks for: words, a verdict, a page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from exporter.model.judgement import Verdict

MAX_WORDS = 200
"""Characters of the search that count."""

_NUMBER = re.compile(r"[0-9]{1,6}")

ANY = ""
UNREADABLE = "unreadable"
"""In place of a verdict: targets that could not be read."""


@dataclass(frozen=True, slots=True)
class Query:
    """The query of the overview's URL; always valid, whatever the URL contains.

    Attributes:
        words: each of them must be found somewhere in a target or connection, in any case.
        verdict: of a connection; ANY, or UNREADABLE for targets that could not be read.
        page: from 1.
    """

    words: str = ""
    verdict: str = ANY
    page: int = 1

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Query":
        """Return the query that ``parameters`` of a URL make."""
        verdict = parameters.get("verdict", ANY)
        if verdict not in (UNREADABLE, *Verdict):
            verdict = ANY
        page = parameters.get("page", "1")
        return cls(
            words=parameters.get("q", "")[:MAX_WORDS].strip(),
            verdict=verdict,
            page=max(1, int(page)) if _NUMBER.fullmatch(page) else 1,
        )

    def matches(self, texts: str) -> bool:
        """Return whether every word is in ``texts``, which is in lower case."""
        return all(word in texts for word in self.words.casefold().split())

    def url(self, page: int) -> str:
        """Return the URL of this query's page number ``page``."""
        asked = replace(self, page=page)
        pairs = {"q": asked.words, "verdict": asked.verdict, "page": str(page) if page > 1 else ""}
        query = urlencode({key: value for key, value in pairs.items() if value})
        return f"/?{query}" if query else "/"
