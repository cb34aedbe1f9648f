"""Colours, units, thresholds, and the words that stand for values.

The colours are those of Okabe and Ito, which people with any kind of colour vision tell apart. No
colour stands alone: wherever it says something, a word or a number says it too.
"""

from collections.abc import Mapping

from grafana.source.sdk import build, model

VERMILION = "#D55E00"
ORANGE = "#E69F00"
YELLOW = "#F0E442"
GREEN = "#009E73"
SKY = "#56B4E9"
BLUE = "#0072B2"
PURPLE = "#CC79A7"
GREY = "#8C8C8C"

BAD, DOUBTFUL, GOOD, ACCEPTED = VERMILION, ORANGE, GREEN, BLUE

DAYS = "suffix: d"
WARN_DAYS, ACT_DAYS = 28.0, 3.0

VERDICTS = {"insecure": BAD, "unknown": DOUBTFUL, "exempt": ACCEPTED, "secure": GOOD}
POSTURES = {
    "plaintext": VERMILION,
    "hidden": GREY,
    "tls_without_certificate": ORANGE,
    "gss_encrypted": PURPLE,
    "certificate_unconfirmed": YELLOW,
    "certificate_optional": "#F5C26B",
    "certificate_chain_required": "#8FD3BC",
    "unix_socket": SKY,
    "certificate_required": GREEN,
}
FORECASTS = {
    "refused": (BAD, "refused"),
    "admitted_without_certificate": (DOUBTFUL, "without certificate"),
    "admitted_with_certificate": (GOOD, "with certificate"),
    "unknown": (GREY, "not known"),
}


def steps(first: str, *others: tuple[float, str]) -> build.ThresholdsConfig:
    """Return thresholds: a colour, and from each value on another."""
    found = [model.Threshold(value=None, color=first)]
    found += [model.Threshold(value=value, color=colour) for value, colour in others]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def none_is_good(worse: str = BAD) -> build.ThresholdsConfig:
    """Return thresholds for a number of things that should not be."""
    return steps(GOOD, (1, worse))


def days_left() -> build.ThresholdsConfig:
    """Return thresholds for days until something ends."""
    return steps(BAD, (ACT_DAYS, DOUBTFUL), (WARN_DAYS, GOOD))


def words(meaning: Mapping[str, tuple[str | None, str]]) -> model.ValueMap:
    """Return a mapping from values to a colour and a text."""
    return model.ValueMap(
        options={
            value: model.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (colour, text)) in enumerate(meaning.items())
        }
    )


def ranges(meaning: list[tuple[float, float, str, str]]) -> list[model.ValueMapping]:
    """Return mappings from ranges (first, last, colour, text)."""
    return [
        model.RangeMap(
            options=model.DashboardRangeMapOptions(
                from_val=first,
                to=last,
                result=model.ValueMappingResult(text=text, color=colour, index=index),
            )
        )
        for index, (first, last, colour, text) in enumerate(meaning)
    ]
