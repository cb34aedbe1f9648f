"""What the environment says about how much to try, and from which seed."""

import os
import secrets

CASES = max(600, int(os.environ.get("PGREPL_DIFFERENTIAL_CASES", "2400")))
"""Clients, over all majors together; with fewer, too few rules would match to prove anything."""

SEED = os.environ.get("PGREPL_DIFFERENTIAL_SEED") or secrets.token_hex(4)
