"""Limits the authentication methods that a server may ask for.

A server that is not verified may be an impostor. It can ask for the password in clear text or as an
MD5 hash, or report in the middle of SCRAM that the login succeeded. libpq refuses all three if
``require_auth`` is ``scram-sha-256``, and SCRAM proves that the server knows the password.
``none`` in addition would allow the third: libpq then does not check that SCRAM was completed.

Source: manual, `require_auth`; fe-auth.c, check_expected_areq().
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.libpq_options import options_of
from exporter.observe.postgres.session.login_files import Completed

_SCRAM = "scram-sha-256"
_GSS = ("gss", "sspi")
_NO_GSS = "!gss,!sspi"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to log in.

    Attributes:
        parameters: libpq's.
        scram_only: the server is not verified, so that it gets the password by SCRAM only.
    """

    parameters: dict[str, str]
    scram_only: bool


def authenticated(given: Mapping[str, str], found: Completed) -> Attempt:
    """Add the authentication methods that the server may ask for.

    What the configuration or the environment says about `require_auth` is left as it is.

    Args:
        given: libpq's parameters as they are configured, with password, host, hostaddr and port.
        found: what libpq completed them to.
    """
    login = options_of(found.settings)
    parameters = found.parameters
    if login.options.get("require_auth"):
        return Attempt(parameters, scram_only=False)
    wants_gss = given.get("gssencmode", "disable") != "disable" or "krbsrvname" in given
    if login.has_password and not login.verifies_server:
        methods = [_SCRAM, *(_GSS if wants_gss else ())]
        if login.has_client_certificate and not given.keys() & {"password", "passfile"}:
            # a login by certificate; libpq found a password that is perhaps for other servers
            methods.append("none")
        return Attempt({**parameters, "require_auth": ",".join(methods)}, scram_only=True)
    if login.has_password and login.sslmode == "verify-ca":
        # `require` would not verify if the root certificate were gone when libpq looks for it
        parameters = {**parameters, "sslmode": "verify-ca"}
    if not wants_gss:
        parameters = {**parameters, "require_auth": _NO_GSS}
    return Attempt(parameters, scram_only=False)
