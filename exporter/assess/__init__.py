"""Judgement: pure functions of what was observed; no I/O, no clock."""
