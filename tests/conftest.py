"""What holds for all tests."""

from hypothesis import settings

# a machine that is busy with servers makes no test of behaviour fail
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
