"""What the ``openssl`` command says of a certificate or list."""

import subprocess
from pathlib import Path


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    """Return what the command prints; it must succeed."""
    return subprocess.run(
        ["openssl", *map(str, arguments)], input=data, capture_output=True, check=True
    ).stdout


def takes(der: bytes) -> bool:
    """Return whether OpenSSL takes ``der`` for a certificate."""
    run = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-noout"], input=der, capture_output=True, check=False
    )
    return run.returncode == 0


def rfc2253(der: bytes) -> str:
    """Return the subject as ``-nameopt RFC2253`` prints it."""
    printed = openssl(
        "x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253", data=der
    )
    return printed.decode("ascii").removeprefix("subject=").removesuffix("\n")


def slash(der: bytes) -> str:
    """Return the subject, printed with the flags of X509_NAME_to_cstring(); one value per name.

    Those are ASN1_STRFLGS_RFC2253 without ASN1_STRFLGS_ESC_MSB.
    """
    options = "esc_2253,esc_ctrl,utf8,dump_nostr,dump_der,sname,sep_multiline"
    printed = openssl("x509", "-inform", "DER", "-noout", "-subject", "-nameopt", options, data=der)
    first, *lines = printed.decode().removesuffix("\n").split("\n")
    assert first == "subject="
    return "".join(f"/{line.removeprefix('    ')}" for line in lines)
