"""``python -m fuzz.target [libFuzzer's options]``: the program that libFuzzer drives.

The first byte of an input says as what the others are taken, so that mutations reach DER and not
only its base64.
"""

import hashlib
import sys
from base64 import encodebytes
from random import Random

import atheris

from fuzz.der_mutation import mutated
from fuzz.seeds import PASSWORD

with atheris.instrument_imports(include=["exporter.observe.certificates"]):
    from exporter.model.certificate import Certificate, CertificateFile, DistinguishedName
    from exporter.observe.certificates.files.file_formats import held_in
    from exporter.observe.certificates.parse.certificate import read_certificate
    from exporter.observe.certificates.parse.names import distinguished_name
    from exporter.observe.certificates.parse.parsing import parse


def one_input(data: bytes) -> None:
    """Take one input; raise if anything is not as promised."""
    if not data:
        return
    kind, rest = data[0] % 4, data[1:]
    match kind:
        case 0:
            _check_file(held_in(rest, "fuzzed", PASSWORD, named=True).file)
        case 1:
            _check_file(parse(_block(b"CERTIFICATE", rest), "fuzzed"))
        case 2:
            _check_file(parse(_block(b"X509 CRL", rest), "fuzzed"))
        case _:
            try:
                name = distinguished_name(rest)
            except ValueError:
                return
            _check_name(name)


def mutation(data: bytes, most_bytes: int, seed: int) -> bytes:
    """Return a changed input: every other time so that DER stays DER."""
    random = Random(seed)  # noqa: S311  nothing is to be kept secret
    if not data[1:] or random.choice((True, False)):
        return bytes(atheris.Mutate(data, most_bytes))
    changed = mutated(data[1:], random, lambda content: atheris.Mutate(content, len(content) + 16))
    return (data[:1] + changed)[:most_bytes]


def _block(label: bytes, der: bytes) -> bytes:
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label, encodebytes(der), label)


def _check_file(file: CertificateFile) -> None:
    for certificate in file.certificates:
        _check(certificate)
    for one in file.revocation_lists:
        _require(one.fingerprint == hashlib.sha256(one.der).hexdigest())
        _check_name(one.issuer)
    if file.certificates:
        again = read_certificate(file.certificates[0].der)
        _require(again == file.certificates[0])


def _check(certificate: Certificate) -> None:
    _require(certificate.fingerprint == hashlib.sha256(certificate.der).hexdigest())
    _check_name(certificate.subject)
    _check_name(certificate.issuer)
    str(certificate.serial_number)
    for text in (*certificate.names, certificate.key_type, certificate.signature_algorithm):
        text.encode()
    certificate.not_before.timestamp()
    certificate.not_after.timestamp()


def _check_name(name: DistinguishedName) -> None:
    name.slash.encode()
    _require(name.rfc2253.isascii() and name.rfc2253.isprintable())
    for common_name in name.common_names:
        _require("\0" not in common_name)
        common_name.encode()


def _require(holds: bool, /) -> None:  # noqa: FBT001  it is all that is said
    if not holds:
        raise AssertionError("not as promised")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input, custom_mutator=mutation)
    atheris.Fuzz()
