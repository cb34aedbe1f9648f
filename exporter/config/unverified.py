"""A warning for each target that logs in with a password at a server that it does not verify."""

from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.login import Login
from exporter.config.shapes import TargetShape
from exporter.libpq_options import login_options

_FOUND = "a password that libpq finds (PGPASSWORD, PGPASSFILE, ~/.pgpass or PGSERVICE)"
_SCRAM_ONLY = "the exporter logs in there by SCRAM only"
_OWN_WORD = "require_auth decides in which form the server gets the password"


def unverified_server(
    document: Document, path: KeyPath, shape: TargetShape, login: Login
) -> Fault | None:
    """Return what is dangerous about a faultless login, and what to write instead; or None.

    Args:
        document: the file of the target.
        path: of the target in it.
        shape: the target as it is written there.
        login: the same as libpq gets it.
    """
    # without the key the exporter does not use GSSAPI, whatever the environment says
    options = login_options({"gssencmode": "disable", **login.parameters})
    configured = login.password is not None or "passfile" in login.parameters
    if options.verifies_server or not (configured or options.has_password):
        return None
    what = "a password" if configured else _FOUND
    consequence = _OWN_WORD if options.options.get("require_auth") else _SCRAM_ONLY
    return document.fault(
        (*path, "sslmode" if shape.conninfo is None else "conninfo"),
        f"target {shape.name} has {what}, and does not verify the server: anyone on the network"
        f" path can impersonate it; {consequence}; write sslmode: verify-full and sslrootcert",
    )
