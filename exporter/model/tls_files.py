"""TLS files of a server, and what a standby will use at its next connect, read through SQL."""

from dataclasses import dataclass

from exporter.model.certificate import CertificateFile
from exporter.model.failure import Read, Unread
from exporter.model.hba import FileTimes


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files that ``ssl_cert_file``, ``ssl_ca_file``, ``ssl_crl_file``, ``ssl_crl_dir`` name.

    They are as on disk; in force are those of the last reload that took them.

    Attributes:
        certificate: the server's own, leaf first.
        authority: who may sign clients; without path and certificates if the setting is empty.
        revocation: lists of the file and the directory; without path if neither is set.
        read_of: times of the files when this was read: equal times, equal content. Empty when it
            must be read again.
    """

    certificate: Read[CertificateFile]
    authority: Read[CertificateFile]
    revocation: Read[CertificateFile]
    read_of: tuple[FileTimes, ...] = ()

    @property
    def first_unread(self) -> Unread | None:
        """Return why one of the files was not read; None if all were."""
        files = (self.certificate, self.authority, self.revocation)
        return next((file for file in files if isinstance(file, Unread)), None)


@dataclass(frozen=True, slots=True)
class Receiver:
    """The WAL receiver of a standby, as pg_stat_wal_receiver shows the running connection.

    Attributes:
        role: that it logs in as (``user`` of its conninfo).
        application_name: that its walsender shows: ``application_name``, else
            ``fallback_application_name``.
        sender_host, sender_port: the server it is connected to, as the receiver names it.
        sslmode: libpq's.
        certificate: its ``sslcert`` file as it is on the standby's disk now; without path if it
            sends none.
        read_of: as in ``TlsFiles``.
    """

    status: str
    role: str
    application_name: str
    sender_host: str
    sender_port: int | None
    slot_name: str
    sslmode: str
    certificate: Read[CertificateFile]
    read_of: tuple[FileTimes, ...] = ()
