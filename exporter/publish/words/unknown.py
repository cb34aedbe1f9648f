"""Why something could not be determined, in words."""

from typing import assert_never

from exporter.model.certificates_report import (
    CertificateFileEmpty,
    CertificateFileUnread,
    ChainsDiffer,
    InventoryGap,
    NoCertificateConfigured,
    NoneSent,
    NotFound,
    OutcomesDiffer,
    StandbyNotConfirmed,
    StandbyNotIdentified,
    StandbysDiffer,
    WhyNextUnknown,
    WhyNoStandby,
)
from exporter.model.doubt import (
    AddressNotShown,
    ConnectionHidden,
    Doubt,
    HostNameLookup,
    MayBeQuoted,
    MembershipUnread,
    NetworkInterfaces,
    NotEvaluated,
    RuleInDoubt,
    RulesNotKnown,
    SeveralVersions,
    WhyUndecided,
)
from exporter.publish.words.meanings import HBA_STATES
from exporter.publish.words.place import place

_INVENTORY_GAPS = {
    InventoryGap.NO_INVENTORY: "there is no inventory",
    InventoryGap.NO_CERTIFICATE: "the inventory has no certificate for it",
    InventoryGap.TOO_MANY: "more certificates of the inventory may be its own than are compared",
}


def undecided_text(why: WhyUndecided) -> str:
    """Return a sentence on why it is not decided which rule governs a connection."""
    match why:
        case RuleInDoubt(location, doubts):
            return f"{place(location)}: {'; '.join(map(doubt_text, doubts))}."
        case SeveralVersions():
            return "Several versions of the rules may be in force."
        case RulesNotKnown(state):
            return HBA_STATES[state]
        case ConnectionHidden():
            return "How it is connected is hidden from the exporter's role."
        case _:
            assert_never(why)


def doubt_text(doubt: Doubt) -> str:
    """Return why a rule may match, without a full stop."""
    match doubt:
        case AddressNotShown():
            return "the server does not show its address"
        case NetworkInterfaces(keyword):
            return f"{keyword} depends on the server's network interfaces"
        case HostNameLookup(host_name):
            return f"the server looks up the host name {host_name} when a client connects"
        case MayBeQuoted(token, is_address):
            literal = "is a host name" if is_address else "is not a keyword"
            return f'"{token}" may be in quotes there, and then it {literal}'
        case MembershipUnread(group):
            return f"membership in {group} could not be read"
        case NotEvaluated(regular_expression):
            return f"the regular expression {regular_expression} was not evaluated"
        case _:
            assert_never(doubt)


def next_unknown_text(why: WhyNextUnknown) -> str:
    """Return why it is not known which certificate a client sends next, without a full stop."""
    match why:
        case NotFound(standby, inventory):
            return f"{_no_standby_text(standby)}, and {_INVENTORY_GAPS[inventory]}"
        case NoneSent(reasons):
            return ", or ".join(map(_none_sent_text, reasons))
        case StandbysDiffer(standbys):
            return f"it may be {' or '.join(standbys)}, which would not send the same certificate"
        case ChainsDiffer(standbys):
            return (
                f"it may be {' or '.join(standbys)}, which send different chains, and these would "
                "not have the same result"
            )
        case OutcomesDiffer(candidates):
            several = ", ".join(f"{c.serial_number} ({path})" for c, path in candidates)
            return (
                "it may be one of several certificates that would not have the same result: serial "
                f"number {several}"
            )
        case _:
            assert_never(why)


def _no_standby_text(why: WhyNoStandby) -> str:
    match why:
        case StandbyNotIdentified():
            return "none of the configured targets could be identified as this standby"
        case StandbyNotConfirmed(standbys):
            return (
                f"it may be {' or '.join(standbys)}, but neither slot, address nor sender "
                "confirms it"
            )
        case CertificateFileUnread():
            return _none_sent_text(why)
        case CertificateFileEmpty(target, path):
            return f"{path} on {target} contains no certificate"
        case _:
            assert_never(why)


def _none_sent_text(why: CertificateFileUnread | NoCertificateConfigured) -> str:
    match why:
        case CertificateFileUnread(target, detail, is_missing):
            verb = "opened" if is_missing else "read"
            return f"the certificate file of {target} cannot be {verb}: {detail}"
        case NoCertificateConfigured(target):
            return f"{target} is configured to send none"
        case _:
            assert_never(why)
