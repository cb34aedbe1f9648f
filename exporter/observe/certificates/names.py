"""Distinguished names in the two forms in which PostgreSQL has them."""

from cryptography import x509

from exporter.model.certificate import DistinguishedName


def distinguished_name(name: x509.Name) -> DistinguishedName:
    """Return ``name`` in both forms."""
    slash = "".join(f"/{a.rfc4514_attribute_name}={a.value!s}" for a in name)
    common_names = tuple(
        str(a.value) for a in name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    )
    return DistinguishedName(slash, name.rfc4514_string(), common_names)
