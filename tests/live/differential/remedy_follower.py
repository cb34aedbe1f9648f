"""Following remedies of random cases, which may stop by themselves."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509

from exporter.model.certificate import CertificateSource
from exporter.model.client_steps import (
    CheckName,
    IssueCertificate,
    ReplaceCertificate,
    UseCertificate,
)
from exporter.model.remedy import FileEdit, Step
from exporter.model.server_steps import InstallFunctions
from exporter.model.wal_sender import ReplicationKind
from lab.replication import ReplicationRefusedError
from tests.live.scenarios.following import Operator, Other
from tests.live.scenarios.stage import Stage
from tests.steps import action, lines


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
        before = self.connection()
        self.remedy = before.remedy
        self.judged = f"{before.posture} {before.reasons} {before.rule_match}"

    def do(self, step: Step) -> None:
        """Do one step.

        Raises:
            StopError: the step is not complete, or its own check failed.
        """
        if isinstance(step.edit, FileEdit) and not step.edit.is_exact:
            raise StopError("an edit that is not exact")
        if isinstance(step.kind, IssueCertificate | ReplaceCertificate) and not lines(step):
            raise StopError("a certificate whose name is not exact")
        if isinstance(step.kind, InstallFunctions):
            raise StopError("rights of the exporter")
        if (
            isinstance(step.kind, UseCertificate)
            and step.kind.certificate.source is CertificateSource.INVENTORY
        ):
            path = Path(step.kind.certificate.path)
            # it is the one that the sentence names
            assert f"the inventory has it in {path})" in action(step)
            self.files = {
                "client.crt": str(path),
                "client.key": str(path.with_suffix(".key")),
                "root.crt": str(self.authority.certificate_path),
            }
        super().do(step)

    def _check_name(self, step: Step) -> None:
        data = Path(self.parameters["sslcert"]).read_bytes()
        subject = x509.load_pem_x509_certificate(data).subject
        name = subject.rfc4514_string()
        assert isinstance(step.kind, CheckName)
        required = step.kind.name
        if not required.is_whole:
            (common_name,) = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            name = str(common_name.value)
        if not required.names and not required.patterns:
            raise StopError("a name to check that is not exact")
        if required.names:
            accepted = name in required.names
        else:
            patterns = (pattern.removeprefix("/") for pattern in required.patterns)
            accepted = any(re.search(pattern, name) for pattern in patterns)
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
                (f"{'done' if step in self.done else '    '} {action(step)}", *lines(step))
            )
            for step in self.remedy
        )
