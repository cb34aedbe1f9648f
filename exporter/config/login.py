"""How the exporter logs in to one target: libpq's parameters, and where the password comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config.conninfo import (
    KEYWORDS,
    PASSWORD,
    REFUSED,
    UnusableConninfo,
    parse_conninfo,
)
from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.files import password_file_fault
from exporter.config.parameters import (
    PATHS,
    SYSTEM_AUTHORITIES,
    parameter_fault,
    together_faults,
)
from exporter.config.shapes import TargetShape
from exporter.config.suggest import did_you_mean
from exporter.model.target import ClearPassword, Password, PasswordFile, PasswordVariable

_OWN_KEYS = (
    "host",
    "hostaddr",
    "port",
    "user",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslcrl",
)
_DEFAULT_DATABASE = "postgres"
_SAY_SO = "add password_in_clear: true, or better use password_file or password_env"


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in.

    Attributes:
        parameters: libpq connection parameters by keyword, without any secret.
    """

    parameters: Mapping[str, str]
    password: Password


@dataclass(frozen=True, slots=True)
class _Given:
    """One parameter and where it was given.

    Attributes:
        prefix: the keyword, where ``path`` does not end in it.
    """

    path: KeyPath
    prefix: str
    value: str = field(repr=False)


class LoginReader:
    """Reads the login of one target and collects what is wrong with it."""

    def __init__(
        self,
        document: Document,
        path: KeyPath,
        shape: TargetShape,
        failed: frozenset[str],
        environment: Mapping[str, str],
    ) -> None:
        self.faults: list[Fault] = []
        self._document = document
        self._path = path
        self._shape = shape
        self._failed = failed
        self._environment = environment

    def read(self) -> Login:
        """Return the login; it is valid only if there are no ``faults``."""
        given = self._given()
        in_conninfo = given.pop(PASSWORD, None)
        parameters = {keyword: self._checked(keyword, one) for keyword, one in given.items()}
        self._check_together(given)
        parameters.setdefault("dbname", _DEFAULT_DATABASE)
        return Login(parameters, self._password(in_conninfo))

    def _given(self) -> dict[str, _Given]:
        shape = self._shape
        own = {
            keyword: _Given((*self._path, keyword), "", value)
            for keyword in _OWN_KEYS
            if (value := getattr(shape, keyword)) is not None
        }
        if shape.conninfo is None:
            return own | dict(self._under_parameters())
        for keyword in own:
            self._fault((keyword,), "conninfo is given too: write this into it, or leave it out")
        if shape.parameters:
            self._fault(
                ("parameters",), "conninfo is given too: write these into it, or leave it out"
            )
        path = (*self._path, "conninfo")
        try:
            parameters = parse_conninfo(shape.conninfo)
        except UnusableConninfo as error:
            self._fault(("conninfo",), str(error))
            self._failed |= {"conninfo"}
            return {}
        return {
            keyword: _Given(path, f"{keyword}: ", value) for keyword, value in parameters.items()
        }

    def _under_parameters(self) -> Iterator[tuple[str, _Given]]:
        for keyword, value in self._shape.parameters.items():
            if keyword in TargetShape.model_fields:
                self._fault(("parameters", keyword), "is a key of the target: write it there")
            elif keyword not in KEYWORDS:
                self._fault(
                    ("parameters", keyword),
                    f"is not a connection parameter that libpq knows{_close(keyword)}",
                )
            else:
                yield keyword, _Given((*self._path, "parameters", keyword), "", value)

    def _checked(self, keyword: str, given: _Given) -> str:
        """Return the value to pass to libpq; paths are made absolute."""
        value = given.value
        if value and keyword in PATHS and (keyword, value) != SYSTEM_AUTHORITIES:
            value = str(self._absolute(value))
        if fault := parameter_fault(keyword, value):
            self._faults_of(given, fault)
        return value

    def _check_together(self, given: Mapping[str, _Given]) -> None:
        values = {keyword: one.value for keyword, one in given.items()}
        for keyword, fault in together_faults(values, self._failed):
            self._faults_of(given[keyword], fault)
        named = given.keys() | self._failed
        if not named & {"host", "hostaddr", "conninfo"}:
            key = () if self._shape.conninfo is None else ("conninfo",)
            self._fault(key, "names no server: write host or hostaddr")

    def _password(self, in_conninfo: _Given | None) -> Password:
        shape = self._shape
        sources: dict[str, Password] = {}
        if shape.password_file is not None:
            file = self._absolute(shape.password_file)
            sources["password_file"] = PasswordFile(file)
            if fault := password_file_fault(file):
                self._fault(("password_file",), fault)
        if shape.password_env is not None:
            sources["password_env"] = PasswordVariable(shape.password_env)
            if not self._environment.get(shape.password_env):
                self._fault(("password_env",), "is not set in the exporter's environment, or empty")
        if shape.password is not None:
            sources["password"] = ClearPassword(shape.password)
        if in_conninfo is not None:
            sources["conninfo"] = ClearPassword(in_conninfo.value)
        self._check_clear(sources)
        first, *others = sources or {"": None}
        for other in others:
            message = f"is a second password: {first} gives one already"
            if other == "conninfo":
                message = f"holds a second password: {first} gives one already"
            self._fault((other,), message)
        return sources.get(first)

    def _check_clear(self, sources: Mapping[str, Password]) -> None:
        in_clear = [key for key in ("password", "conninfo") if key in sources]
        if self._shape.password_in_clear:
            if not in_clear and not self._failed & {"password", "conninfo"}:
                self._fault(
                    ("password_in_clear",), "no password is written in clear text: remove it"
                )
            return
        if "password_in_clear" in self._failed:
            return
        for key in in_clear:
            what = "is a password" if key == "password" else "holds a password"
            self._fault((key,), f"{what} in clear text: {_SAY_SO}")

    def _absolute(self, path: str) -> Path:
        # Relative to the file that contains it: the exporter's working directory is arbitrary.
        return (self._document.file.parent / path).absolute()

    def _faults_of(self, given: _Given, message: str) -> None:
        self.faults.append(self._document.fault(given.path, f"{given.prefix}{message}"))

    def _fault(self, path: KeyPath, message: str) -> None:
        self.faults.append(self._document.fault((*self._path, *path), message))


def _close(keyword: str) -> str:
    suggestion = did_you_mean(keyword, KEYWORDS - REFUSED.keys())
    return f": {suggestion}" if suggestion.startswith("did") else ""
