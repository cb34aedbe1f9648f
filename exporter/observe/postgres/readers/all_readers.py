"""All readers of a poll, in the order in which their statements are sent."""

from exporter.observe.postgres.readers import (
    file_times,
    hba_lines,
    hba_rules,
    ident_mappings,
    receiver,
    regular_expressions,
    role_memberships,
    server,
    tls_files,
    wal_senders,
)
from exporter.observe.postgres.readers.spec import ReaderSpec

READERS: tuple[ReaderSpec, ...] = (
    # first, so that a poll that is cut off still says which server it was
    server.SPEC,
    # before the file times: a file that is written meanwhile must not look older than it is
    wal_senders.SPEC,
    hba_rules.SPEC,
    ident_mappings.SPEC,
    # asks for the file times again, after the lines and before the other files
    hba_lines.SPEC,
    file_times.SPEC,
    tls_files.SPEC,
    regular_expressions.SPEC,
    role_memberships.SPEC,
    receiver.SPEC,
)
