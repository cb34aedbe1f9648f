"""The name of a certificate's issuer, from what pg_stat_ssl shows of it."""

import pytest

from exporter.assess.rules.identity import issuer_name
from exporter.model.wal_sender import SlashName


@pytest.mark.parametrize(
    ("shown", "name"),
    {
        "one": ("/C=XX/O=Lab/CN=Lab Root CA", "Lab Root CA"),
        "not at the end": ("/CN=Lab Root CA/O=Lab", "Lab Root CA"),
        "the last of several": ("/CN=Lab/O=Lab/CN=Issuing CA 2", "Issuing CA 2"),
        "with a slash": ("/CN=Lab/Issuing CA", "Lab/Issuing CA"),
        "with escapes": (r"/CN=Lab\, Inc\0A", "Lab, Inc\n"),
        "empty": ("/O=Lab/CN=", ""),
        "none": ("/O=Lab/OU=CNs", None),
        "another attribute": ("/O=Lab/XCN=Lab", None),
    }.values(),
)
def test_it_is_the_last_cn(shown: str, name: str | None) -> None:
    assert issuer_name(SlashName(shown, may_be_cut=False)) == name


def test_of_a_name_that_may_have_been_cut_it_is_not_known() -> None:
    assert issuer_name(SlashName("/CN=Lab Root CA/O=Lab", may_be_cut=True)) is None


def test_an_empty_issuer_has_none() -> None:
    assert issuer_name(None) is None
