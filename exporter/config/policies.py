"""The policy of a target, and what is wrong with its exemptions as a whole."""

from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.models import same_named
from exporter.config.shapes import ExemptionShape, PolicyShape
from exporter.config.values import Never
from exporter.model.policy import Exemption, Policy


def repeated_exemptions(
    document: Document, path: KeyPath, shape: PolicyShape, base: PolicyShape
) -> list[Fault]:
    """Return a fault for each exemption of ``shape`` whose name is used before it, or in ``base``.

    Args:
        document: the file in which ``shape`` was written.
        path: of ``shape`` in ``document``.
        shape: as it was written.
        base: the defaults of ``shape``.
    """
    names = {exemption.name for exemption in base.exemptions}
    faults = []
    for position, exemption in enumerate(shape.exemptions):
        # a name that is not valid is empty here, and has a fault of its own
        if exemption.name and exemption.name in names:
            at = (*path, "exemptions", position, "name")
            faults.append(document.fault(at, "is the name of an exemption above or in defaults"))
        names.add(exemption.name)
    return faults


def policy(shape: PolicyShape) -> Policy:
    """Return the policy that ``shape``, merged with the defaults, describes."""
    return Policy(
        explicit="require" in shape.model_fields_set,
        minimum_tls_version=shape.min_tls_version,
        exemptions=tuple(_exemption(exemption) for exemption in shape.exemptions),
        **same_named(shape, Policy, "exemptions"),
    )


def _exemption(shape: ExemptionShape) -> Exemption:
    return Exemption(
        until=None if isinstance(shape.until, Never) else shape.until,
        roles=frozenset(shape.roles),
        application_names=frozenset(shape.application_names),
        **same_named(shape, Exemption, "until", "roles", "application_names"),
    )
