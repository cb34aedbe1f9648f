"""Following remedies of random cases, which may stop by themselves."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509

from exporter.model.remedy import Step
from exporter.model.wal_sender import ReplicationKind
from lab.replication import ReplicationRefusedError
from tests.live.scenarios.following import Operator, Other
from tests.live.scenarios.stage import Stage

_KNOWN_FILE = re.compile(r"the inventory has it in (\S+)\.crt\)")
_NOT_EXACT = "a name that the rule accepts"
_PATTERNS = "a name that matches "


class WrongRemedyError(AssertionError):
    """A remedy did harm, or did not work."""


class StopError(Exception):
    """A step that a program cannot do, or that says itself to stop."""


class Follower(Operator):
    """An operator who also knows when a step leaves something to be decided.

    Attributes:
        remedy: what is followed.
        judged: the connection before, in words.
    """

    def __init__(
        self,
        on: Stage,
        parameters: Mapping[str, str],
        kind: ReplicationKind,
        others: Iterable[Other],
    ) -> None:
        super().__init__(on, parameters, kind, others)
        before = self.told()
        self.remedy = before.remedy
        self.judged = f"{before.posture} {before.reasons} {before.rule_match}"

    def do(self, step: Step) -> None:
        """Do one step.

        Raises:
            StopError: the step is not complete, or its own check failed.
        """
        if step.edit is None and any(line.startswith("+ ") for line in step.lines):
            raise StopError("an edit that is not exact")
        if step.action.startswith("Issue a client certificate") and not step.lines:
            raise StopError("a certificate whose name is not exact")
        if step.action.startswith("Give the exporter its rights"):
            raise StopError("rights of the exporter")
        known = _KNOWN_FILE.search(step.action)
        if step.action.startswith("Use the certificate") and known is not None:
            self.files = {
                "client.crt": f"{known[1]}.crt",
                "client.key": f"{known[1]}.key",
                "root.crt": str(self.authority.certificate_path),
            }
        super().do(step)

    def _check_name(self, step: Step) -> None:
        data = Path(self.parameters["sslcert"]).read_bytes()
        subject = x509.load_pem_x509_certificate(data).subject
        name = subject.rfc4514_string()
        if not step.action.startswith("Check that the distinguished name"):
            (common_name,) = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            name = str(common_name.value)
        expected = step.action.partition(" is ")[2].partition(". If it is not")[0]
        if expected.startswith(_NOT_EXACT):
            raise StopError("a name to check that is not exact")
        several = expected.removeprefix(_PATTERNS).split(" or ")
        if expected.startswith(_PATTERNS):
            accepted = any(re.search(pattern.removeprefix("/"), name) for pattern in several)
        else:
            accepted = name in several
        if not accepted:
            raise StopError("the name is checked, and is another")

    def _try(self, step: Step) -> None:
        try:
            super()._try(step)
        except ReplicationRefusedError as refused:
            raise WrongRemedyError(f"the trial is refused: {refused}") from refused

    def __str__(self) -> str:
        """Return the remedy, as far as it is done."""
        return "\n".join(
            "\n      ".join(
                (f"{'done' if step in self.done else '    '} {step.action}", *step.lines)
            )
            for step in self.remedy
        )
