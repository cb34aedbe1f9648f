"""When the chain that a target serves is looked at; in which order standbys are handed out."""

from dataclasses import replace
from datetime import timedelta

from exporter.certificate_store import CertificateStore
from exporter.model.failure import FailureReason, Unread
from exporter.model.served import ServedCertificateCheck
from tests.unit.assess.facts import SERVER, TARGET
from tests.unit.assess.with_certificates import RECEIVER, SEEN, SERVED, OpenSsl

EVERY_MINUTE = replace(TARGET, served_certificate=ServedCertificateCheck(interval_seconds=60.0))
LOADED_AT = SERVER.configuration_loaded_at
RELOADED = replace(
    SEEN, server=replace(SERVER, configuration_loaded_at=LOADED_AT - timedelta(hours=1))
)
"""By a clock that was set back: it is another load all the same."""
UNREAD = Unread(FailureReason.TIMEOUT, "")


def test_the_interval_is_that_of_the_target() -> None:
    store = CertificateStore()
    assert store.served_is_due(EVERY_MINUTE, 0.0)
    store.post_served(TARGET.name, SERVED, 1000.0, None)
    assert not store.served_is_due(EVERY_MINUTE, 1059.0)
    assert store.served_is_due(EVERY_MINUTE, 1060.0)
    assert not store.served_is_due(replace(TARGET, served_certificate=None), 1060.0)


def test_what_could_not_be_seen_is_checked_again_at_the_next_poll() -> None:
    store = CertificateStore()
    store.post_served(TARGET.name, UNREAD, 1000.0, None)
    assert store.served_is_due(EVERY_MINUTE, 1000.0)


def test_a_chain_is_outdated_once_the_server_has_loaded_its_files_again() -> None:
    store = CertificateStore()
    name = TARGET.name
    assert not store.served_is_outdated(name)
    store.post_served(name, SERVED, 0.0, store.loaded_at(name))
    # no poll has seen any load
    assert not store.served_is_outdated(name)
    store.post_observed(TARGET, SEEN)
    # the files were read before the poll that saw the load: perhaps before the load as well
    assert store.served_is_outdated(name)
    store.post_served(name, SERVED, 0.0, store.loaded_at(name))
    assert not store.served_is_outdated(name)
    store.post_observed(TARGET, UNREAD)
    store.post_observed(TARGET, SEEN)
    assert not store.served_is_outdated(name)
    store.post_observed(TARGET, RELOADED)
    assert store.served_is_outdated(name)
    store.post_served(name, UNREAD, 0.0, LOADED_AT)
    # that is due in any case
    assert not store.served_is_outdated(name)


def test_standbys_are_handed_out_in_the_same_order_after_every_poll() -> None:
    store = CertificateStore()
    receives = replace(SEEN, receiver=RECEIVER)
    b, a, c = (replace(TARGET, name=name) for name in "bac")
    verify = OpenSsl()
    for target in (b, a, c):
        store.post_observed(target, receives)
    before = store.knowledge("db1", SERVER.system_identifier, verify)
    assert [standby.target for standby in before.standbys] == ["a", "b", "c"]
    for target in (a, c, b, a):
        store.post_observed(target, receives)
        assert store.knowledge("db1", SERVER.system_identifier, verify) == before


def test_of_a_target_that_is_gone_nothing_is_left() -> None:
    store = CertificateStore()
    store.post_observed(TARGET, SEEN)
    store.forget(lambda name: name != TARGET.name)
    assert store.loaded_at(TARGET.name) == LOADED_AT
    store.forget(lambda name: name == TARGET.name)
    assert store.loaded_at(TARGET.name) is None
