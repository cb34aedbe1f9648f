"""Finds the rules that apply to a client over transports other than TLS.

A rule that requires a certificate matches TLS only (``hostssl``), so for a client that connects
without TLS the evaluation continues with later rules (hba.c, check_hba()).
"""

from dataclasses import replace

from exporter.assess.posture import shown_certificate
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import CERTIFICATE_DEMANDS
from exporter.assess.rules.outcome import Outcomes, outcomes
from exporter.model.judgement import Demand

_WITHOUT_CERTIFICATE = frozenset({Demand.NOTHING})


def without_tls(case: Case) -> tuple[Outcomes, ...]:
    """Return the rules for the same role, address and database unencrypted, and over GSSAPI.

    Args:
        case: a client over TCP.
    """
    clients = (
        replace(case.client, tls=False, gss_encrypted=gss_encrypted)
        for gss_encrypted in (False, True)
    )
    return tuple(
        case.found if client == case.client else outcomes(client, case.in_force, case.surroundings)
        for client in clients
    )


def admits_without_certificate(case: Case) -> bool:
    """Return whether a rule certainly accepts the client without a certificate, but not over TLS.

    False also where it cannot be determined, and where the governing rule itself requires none.
    """
    if shown_certificate(case.wal_sender) is None or not case.demanded & CERTIFICATE_DEMANDS:
        return False
    if Demand.NOTHING in case.demanded:
        return False
    return any(found.demanded == _WITHOUT_CERTIFICATE for found in without_tls(case))
