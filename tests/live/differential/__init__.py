"""The rule matcher against real servers: their own log shows which line accepted which client.

``test_random_rules.py`` makes random pg_hba.conf files and random clients, ``test_ordinary_rules``
takes the files in ``ordinary/``, ``test_random_maps`` makes random pg_ident.conf files. Each case
is one client that really connects; the server's log (17 and 18 write file and line of the rule
for every method) is compared with what the exporter, reading the same server through its own
door and with its own least-privilege login, says of such a connection.

A failure prints the seed, every file and the client. Environment:

``PGREPL_DIFFERENTIAL_CASES``
    clients to try over both majors together (default 2400, at least 600); the long mode is
    20000 and more.
``PGREPL_DIFFERENTIAL_SEED``
    any text; the same seed makes the same files and clients. Random if not set, and printed.

For example::

    PGREPL_DIFFERENTIAL_CASES=20000 nice pytest -s tests/live/differential/test_random_rules.py
"""
