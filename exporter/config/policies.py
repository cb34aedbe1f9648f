"""What is demanded of a target: its own policy over the defaults."""

from exporter.config.checking import check
from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.shapes import ExemptionShape, PolicyShape
from exporter.config.values import Never
from exporter.model.policy import Exemption, Policy


def read_policy(
    document: Document, path: KeyPath, value: object, base: Policy, faults: list[Fault]
) -> Policy:
    """Return ``base`` with what ``value`` says key by key; the exemptions of both, base first."""
    shape, _ = check(PolicyShape, document, path, value, faults)
    exemptions = {exemption.name: exemption for exemption in base.exemptions}
    for position, one in enumerate(shape.exemptions):
        at = (*path, "exemptions", position)
        exemption = _exemption(document, at, one, faults)
        if exemption.name in exemptions:
            faults.append(
                document.fault((*at, "name"), "is the name of an exemption above or in defaults")
            )
        elif exemption.name:
            exemptions[exemption.name] = exemption
    return Policy(
        require=base.require if shape.require is None else shape.require,
        explicit=base.explicit or shape.require is not None,
        minimum_tls_version=(
            base.minimum_tls_version if shape.min_tls_version is None else shape.min_tls_version
        ),
        exempt_loopback=(
            base.exempt_loopback if shape.exempt_loopback is None else shape.exempt_loopback
        ),
        exemptions=tuple(exemptions.values()),
    )


def _exemption(document: Document, path: KeyPath, value: object, faults: list[Fault]) -> Exemption:
    shape, failed = check(ExemptionShape, document, path, value, faults)
    if not shape.roles and not shape.networks and not failed & {"roles", "networks"}:
        faults.append(
            document.fault(
                path,
                "names neither roles nor networks: one of them is needed, because an application"
                " name alone is the client's to choose",
            )
        )
    return Exemption(
        name=shape.name,
        reason=shape.reason,
        until=None if isinstance(shape.until, Never) else shape.until,
        roles=frozenset(shape.roles),
        networks=shape.networks,
        application_names=frozenset(shape.application_names),
    )
