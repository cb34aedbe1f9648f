"""pg_hba.conf as the server reads it: next_token() of hba.c, for the lines that remedies write."""


def tokens(line: str) -> list[list[tuple[str, bool]]]:
    """Return the fields of a line, each a list of tokens with whether a quote begins it."""
    fields: list[list[tuple[str, bool]]] = []
    position, comma = 0, False
    while True:
        while position < len(line) and line[position] in " \t\r":
            position += 1
        if position == len(line):
            return fields
        text, position, initial_quote, next_comma = _token(line, position)
        if comma:
            fields[-1].append((text, initial_quote))
        else:
            fields.append([(text, initial_quote)])
        comma = next_comma


def _token(line: str, position: int) -> tuple[str, int, bool, bool]:
    text, in_quote, was_quote, initial_quote = "", False, False, False
    while position < len(line):
        c = line[position]
        if c in " \t\r" and not in_quote:
            break
        if c == "#" and not in_quote:
            return text, len(line), initial_quote, False
        position += 1
        if c == "," and not in_quote:
            return text, position, initial_quote, True
        if c != '"' or was_quote:
            text += c
        was_quote = (not was_quote) if in_quote and c == '"' else False
        if c == '"':
            in_quote = not in_quote
            initial_quote = initial_quote or not text
    return text, position, initial_quote, False
