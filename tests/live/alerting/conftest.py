"""Each test with the distribution's Prometheus and Alertmanager, and with the newest."""

import pytest

from lab.monitoring import SUITES, Suite


@pytest.fixture(params=SUITES, ids=lambda suite: suite.name)
def suite(request: pytest.FixtureRequest) -> Suite:
    chosen: Suite = request.param
    return chosen
