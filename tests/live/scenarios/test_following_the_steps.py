"""A remedy, followed to the letter, ends in a required certificate and locks no client out."""

from collections.abc import Iterator

import pytest

from exporter.model.judgement import Posture, Verdict
from lab import modes
from lab.modes import MODES, Mode
from tests.live.primaries import Primaries
from tests.live.scenarios.following import Operator
from tests.live.scenarios.stage import Stage, stage

pytestmark = pytest.mark.live

INSECURE = [mode for mode in MODES if mode.verdict is Verdict.INSECURE]


@pytest.fixture(scope="module", params=[13, 15, 18])
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Stage]:
    with stage(primaries, request.param, modes.hba_text()) as started:
        yield started


@pytest.fixture(scope="module")
def password(shared: Stage) -> str:
    return modes.create_roles(shared.primary.server)


@pytest.fixture
def on(shared: Stage) -> Stage:
    shared.primary.server.write_ident(modes.ident_text())
    shared.load_hba(modes.hba_text())
    shared.restart_exporter()
    return shared


def follow(on: Stage, parameters: dict[str, str], mode: Mode, password: str) -> None:
    """Do the steps; after each, the client must still be accepted."""
    operator = Operator(on, parameters, mode.kind)
    try:
        assert operator.connection().posture is mode.posture
        for _ in operator.follow():
            pass
        connection = operator.connection()
        operator.is_refused_without_certificate(password)
    finally:
        operator.close()
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.verdict is Verdict.SECURE
    assert connection.remedy == ()


@pytest.mark.parametrize("mode", INSECURE, ids=lambda mode: mode.name)
def test_the_steps_end_in_a_required_certificate(on: Stage, password: str, mode: Mode) -> None:
    primary = on.primary
    follow(
        on,
        dict(modes.parameters(mode, primary.server, primary.authority, password)),
        mode,
        password,
    )


def test_a_hostile_application_name_stays_inside_its_quotes(on: Stage, password: str) -> None:
    mode, primary = modes.TLS_WITHOUT_CERTIFICATE, on.primary
    parameters = dict(modes.parameters(mode, primary.server, primary.authority, password))
    follow(on, parameters | {"application_name": "it's \\' OR true; --"}, mode, password)


@pytest.mark.parametrize("settings", [{"ssl_ca_file": ""}, {"ssl": "off", "ssl_ca_file": ""}])
def test_a_server_that_asks_for_no_certificate_is_made_to_ask_first(
    primaries: Primaries, settings: dict[str, str]
) -> None:
    mode = modes.PLAINTEXT
    with stage(primaries, 17, modes.hba_text([mode]), settings=settings) as on:
        secret = modes.create_roles(on.primary.server, [mode])
        parameters = modes.parameters(mode, on.primary.server, on.primary.authority, secret)
        follow(on, dict(parameters), mode, secret)
