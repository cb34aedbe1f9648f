"""A remedy followed literally without a server: files, certificates, and who is accepted.

What the matcher and the names say of the files after each step stands for the server.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.assess.advice.accepted_names import accepts
from exporter.assess.certificates.forecast import demands_name
from exporter.assess.certificates.name import admits
from exporter.assess.rules.demand import map_name
from exporter.assess.rules.identity import certificate_name, distinguished_name
from exporter.assess.rules.outcome import InForce, Outcomes, outcomes
from exporter.assess.rules.peers import client_of
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.hba import (
    HbaContent,
    HbaRule,
    IdentContent,
    IdentMapping,
    LineTraits,
    RuleLocation,
)
from exporter.model.judgement import Demand
from exporter.model.remedy import FileEdit, Step
from exporter.model.report import Undecided
from exporter.model.wal_sender import PeerCertificate, SlashName, WalSender
from tests.steps import action, exact_edit
from tests.steps import lines as printed
from tests.unit.assess.facts import CERTIFICATE, HBA, IDENT, TLS
from tests.unit.assess.pg_hba import read, tokens
from tests.unit.assess.remedies import kind


@dataclass
class Files:
    """What is written on disk; a load takes it.

    Attributes:
        rules: with their lines' traits.
    """

    rules: HbaContent
    maps: IdentContent

    def edit(self, edit: FileEdit) -> None:
        """Write ``edit``, which must address a line that the file has; parse what it writes."""
        assert not any(c in line for line in edit.new for c in "\r\n"), edit
        assert edit.line_number is not None
        at, end = edit.line_number - 1, edit.line_number - (edit.old is None)
        if edit.file_name == HBA:
            new = read(HBA, edit.new)
            written = [(rule, self.rules.lines or {}) for rule in self.rules.rules]
            assert 0 <= at < len(written), edit
            written[at:end] = [(rule, new.lines or {}) for rule in new.rules]
            self.rules = _numbered(written)
        else:
            assert edit.file_name == IDENT
            lines = list(self.maps.mappings)
            assert 0 <= at < len(lines), edit
            lines[at:end] = [_mapping(line) for line in edit.new]
            located = tuple(
                replace(m, location=RuleLocation(IDENT, n)) for n, m in enumerate(lines, start=1)
            )
            self.maps = IdentContent(located, (), digest=repr(located))


Written = tuple[HbaRule, Mapping[RuleLocation, LineTraits]]


def _numbered(written: Sequence[Written]) -> HbaContent:
    rules: list[HbaRule] = []
    lines: list[LineTraits] = []
    for n, (rule, of) in enumerate(written, start=1):
        location = RuleLocation(HBA, n)
        rules.append(replace(rule, location=location))
        if rule.location in of:
            lines.append(replace(of[rule.location], location=location))
    return HbaContent(tuple(rules), (), digest=repr(rules)).with_lines(tuple(lines))


def _mapping(line: str) -> IdentMapping:
    ((name, _),), ((system_name, _),), ((role, _),) = tokens(line)
    return IdentMapping(RuleLocation(IDENT, 1), name, system_name, role)


@dataclass
class Follower:
    """Somebody who does what the steps say, with a client that has to stay.

    Attributes:
        sender: the client as it connects when it connects next.
        others: by their application names, which differ.
        requests: the server requests certificates.
        around: by role.
    """

    sender: WalSender
    others: Sequence[WalSender]
    files: Files
    requests: bool
    around: dict[str, Surroundings]
    issued: str | None = None
    done: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loaded = InForce((self.files.rules,), (self.files.maps,))

    def follow(self, steps: Iterable[Step]) -> bool:
        """Do the steps, each followed by a reconnect of everybody; False where one is not exact."""
        stays = {
            sender.application_name
            for sender in (self.sender, *self.others)
            if self.admitted(sender) is Truth.YES
        }
        for step in steps:
            self.done.append(step)
            for line in printed(step):
                if line.startswith("subject: "):
                    self.issued = line.removeprefix("subject: ")
            if kind(step) == "try":
                tried = self._with_certificate()
                is_decided = not isinstance(self._met(tried).match, Undecided)
                assert not is_decided or self.admitted(tried) is not Truth.NO, step
            if not self._do(step):
                return False
            for sender in (self.sender, *self.others):
                name = sender.application_name
                if name in stays and self.admitted(sender) is Truth.NO:
                    assert any(name in action(done) for done in self.done), f"{name} after {step}"
                    stays.discard(name)
        return True

    def admitted(self, sender: WalSender) -> Truth:
        """Return whether the server would accept ``sender`` now."""
        answers = {
            self._by(rule, demand, sender)
            for rule, requirements in self._met(sender).possible
            for demand in requirements
        }
        return answers.pop() if len(answers) == 1 else Truth.MAY

    def _met(self, sender: WalSender) -> Outcomes:
        return outcomes(client_of(sender), self.loaded, self.around[sender.role])

    def _by(self, rule: HbaRule | None, demand: Demand, sender: WalSender) -> Truth:
        if rule is None or demand in {Demand.REFUSES, Demand.NOTHING}:
            return Truth.YES if demand is Demand.NOTHING else Truth.NO
        shown = None if sender.tls is None else sender.tls.client_certificate
        if shown is None or not self.requests:
            return Truth.NO
        return self._by_name(rule, shown, sender) if demands_name(rule) else Truth.YES

    def _by_name(self, rule: HbaRule, shown: PeerCertificate, sender: WalSender) -> Truth:
        whole = self.loaded.rules[0].compares_whole_name(rule)
        name = distinguished_name(shown.subject) if whole else certificate_name(shown.subject)
        if name is None:
            return Truth.MAY
        around = self.around[sender.role]
        if accepts(rule, name, sender.role, self.loaded.maps, around):
            return Truth.YES
        lines = [m for m in self.loaded.maps[0].mappings if m.map_name == map_name(rule)]
        answers = {admits(m, name, sender.role, around) for m in lines}
        return Truth.MAY if Truth.MAY in answers else Truth.NO

    def _do(self, step: Step) -> bool:
        """Do one step; False where it does not say exactly what to do."""
        match kind(step):
            case "require" | "open" | "close" | "complete" | "narrow":
                edit = exact_edit(step)
                if edit is not None:
                    self.files.edit(edit)
                return edit is not None
            case "load rules":
                self.loaded = replace(self.loaded, rules=(self.files.rules,))
            case "load maps":
                self.loaded = replace(self.loaded, maps=(self.files.maps,))
            case "request":
                self.requests = True
            case "issue" | "replace" if not printed(step):
                return False
            case "check name":
                # of a certificate that the server's view does not show, it may be another one
                return self.issued is not None
            case "set" | "replace":
                self.sender = self._with_certificate()
            case name:
                assert name in {"issue", "try", "see", "reconnect"}, step
        return True

    def _with_certificate(self) -> WalSender:
        assert self.issued is not None
        # as the server shows it: attributes in encoded order, each behind a slash
        subject = "".join(f"/{part}" for part in reversed(re.split(r"(?<!\\),", self.issued)))
        shown = replace(CERTIFICATE, subject=SlashName(subject, may_be_cut=False))
        tls = replace(TLS, client_certificate=shown)
        return replace(self.sender, tls=tls, gss_encrypted=False)
