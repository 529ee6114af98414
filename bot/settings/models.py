"""The shape of the configuration: sections, types and bounds; strategy and risk sections mirror their own parameters.

The numbers a decision uses live in msgspec structs of the pure floors (CondorParams, Limits, EngineParams). Their
sections here are generated from those structs, so there is one list of names; the structs judge their own values.
"""

from __future__ import annotations

import math
import re
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.engine.state import EngineParams
from bot.notify.kinds import DEFAULTS, Loudness
from risk.governance import GovernanceParams
from risk.limits import Limits
from strategies.alvh.params import AlvhParams
from strategies.condor.params import CondorParams
from strategies.signals.signals import SignalParams

SCHEMA_VERSION = 1


class Section(BaseModel):
    """Unknown keys are refused, values do not change after loading, errors never show secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """`true` would pass for the number 1."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and wanted is not bool:
            raise ValueError(f"is {str(value).lower()}, which is neither a number nor a text")
        return value


class AccountSection(Section):
    """Which account may be traded: paper only, judged by the broker's own answer at every connect."""

    mode: Literal["paper"] = "paper"
    id: str = ""

    @field_validator("id")
    @classmethod
    def _paper_only(cls, value: str) -> str:
        if value and not re.fullmatch(r"DU\d{3,}", value):
            what = "is a live account" if re.fullmatch(r"U\d+", value) else "is not a paper account"
            raise ValueError(f"{what}. This program trades paper accounts only (DU and digits)")
        return value


class BrokerSection(Section):
    """How to reach the gateway and how patiently; durations in seconds of real time."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 4002
    client_id: Annotated[int, Field(ge=1, le=999)] = 17
    connect_timeout_s: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] = 15.0
    request_timeout_s: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] = 10.0
    history_timeout_s: Annotated[float, Field(gt=0, le=7200, allow_inf_nan=False)] = 60.0
    margin_timeout_s: Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)] = 3.0
    heartbeat_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 4.0
    half_open_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 9.0
    reconnect_initial_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 1.0
    reconnect_max_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = 60.0
    max_market_data_lines: Annotated[int, Field(ge=20, le=90)] = 90
    messages_per_s: Annotated[int, Field(ge=5, le=45)] = 40


class ClockSection(Section):
    """`follow` names the control port of a simulated gateway (host:port, loopback only); empty means real time."""

    follow: str = ""
    ahead: Annotated[int, Field(ge=0, le=10)] = 0

    @field_validator("follow")
    @classmethod
    def _loopback(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and (host not in ("127.0.0.1", "localhost", "::1") or not port.isdigit()):
            raise ValueError("must be empty or a loopback address like 127.0.0.1:4102: real gateways have no such port")
        return value


class KillerSection(Section):
    """The process that cancels everything by a connection of its own; times of real time."""

    enabled: bool = True
    client_id: Annotated[int, Field(ge=1, le=999)] = 917
    poll_ms: Annotated[int, Field(ge=20, le=1000)] = 100
    hung_s: Annotated[float, Field(ge=5, le=600, allow_inf_nan=False)] = 30.0
    cancel_opens_after_s: Annotated[float, Field(ge=5, le=3600, allow_inf_nan=False)] = 30.0


class MacroSection(Section):
    """The events calendar entries keep away from."""

    events: Path = Path("config/events.toml")
    kinds: tuple[str, ...] = ("FOMC", "CPI")


class RunSection(Section):
    """The loop's rhythm and what a run leaves behind."""

    quote_cadence_ms: Annotated[int, Field(ge=0, le=60_000)] = 250
    pulse_s: Annotated[float, Field(ge=1, le=300, allow_inf_nan=False)] = 5.0
    latch_poll_ms: Annotated[int, Field(ge=50, le=5000)] = 250
    log_level: Literal["debug", "info", "warning"] = "info"


class ReportSection(Section):
    """The report written when a session is over (docs/report.md), into STATE/reports."""

    each_session: bool = True
    formats: tuple[Literal["html", "json", "md", "text"], ...] = ("html", "json")
    deadline_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 900.0


class WebSection(Section):
    """The dashboard (docs/dashboard.md): on this machine's loopback only; port 0 takes any free one."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8787
    refresh_ms: Annotated[int, Field(ge=100, le=60_000)] = 500

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if value not in ("127.0.0.1", "::1"):
            raise ValueError(
                "must be 127.0.0.1 or ::1: the page can stop the bot and is not made for a network. From another "
                "machine use a tunnel, for example: ssh -L 8787:127.0.0.1:8787 HOST"
            )
        return value


LevelsSection: type[Section] = create_model(
    "LevelsSection",
    __base__=Section,
    __doc__="How loudly each kind of news is told: off, quiet, normal or urgent.",
    **{kind.value: (Loudness, level) for kind, level in DEFAULTS.items()},  # type: ignore[call-overload]
)


class NotifySection(Section):
    """Alerts to people (docs/alerts.md). Addresses are secrets and stand in a file of their own, never here."""

    file: str = ""
    deadline_s: Annotated[float, Field(ge=1, le=120, allow_inf_nan=False)] = 20.0
    queue_most: Annotated[int, Field(ge=5, le=1000)] = 50
    blind_after_s: Annotated[float, Field(ge=5, le=3600, allow_inf_nan=False)] = 60.0
    login_after_s: Annotated[float, Field(ge=60, le=7200, allow_inf_nan=False)] = 600.0
    ack_within_min: Annotated[float, Field(ge=0, le=10_080, allow_inf_nan=False)] = 720.0
    ping_every_s: Annotated[float, Field(ge=10, le=3600, allow_inf_nan=False)] = 60.0
    attach_report: bool = True
    levels: LevelsSection = Field(default_factory=LevelsSection)  # type: ignore[valid-type]  # made from Kind


def _finite(value: Any) -> Any:
    numbers = value if isinstance(value, tuple) else tuple(value.values()) if isinstance(value, dict) else (value,)
    if any(isinstance(n, float) and not math.isfinite(n) for n in numbers):
        raise ValueError("must be a finite number; NaN and infinity would make a limit that never fires")
    return value


def _mirror(name: str, struct: type[msgspec.Struct], fixed: frozenset[str] = frozenset()) -> type[Section]:
    """A pydantic section with the fields of a msgspec struct, nested structs as nested sections.

    Missing values take the struct's own defaults; a field without one must be written. `fixed` fields are code, not
    configuration.
    """
    hints = typing.get_type_hints(struct)
    fields: dict[str, Any] = {}
    for spec in msgspec.structs.fields(struct):
        hint = hints[spec.name]
        if spec.name in fixed:
            continue
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            nested = _mirror(f"{name}{spec.name.title()}", hint)
            fields[spec.name] = (nested, Field(default_factory=nested))
        elif spec.default_factory is not msgspec.NODEFAULT:
            fields[spec.name] = (Annotated[hint, AfterValidator(_finite)], Field(default_factory=spec.default_factory))
        else:
            default = ... if spec.default is msgspec.NODEFAULT else spec.default
            fields[spec.name] = (Annotated[hint, AfterValidator(_finite)], default)
    model: type[Section] = create_model(name, __base__=Section, __doc__=struct.__doc__, **fields)
    return model


FIXED_LIMITS = frozenset(("whitelist", "account_prefix"))
"""What may be traded and which accounts are paper is decided in code, reviewed and tested, not configured."""

CondorSection = _mirror("CondorSection", CondorParams)
RiskSection = _mirror("RiskSection", Limits, FIXED_LIMITS)
EngineSection = _mirror("EngineSection", EngineParams)
GovernanceSection = _mirror("GovernanceSection", GovernanceParams)
AlvhSection = _mirror("AlvhSection", AlvhParams)
SignalsSection = _mirror("SignalsSection", SignalParams, frozenset(("curve", "tiers")))
"""Curve and tiers are written once, in the condor's section, and are the hedge's too."""


class Settings(BaseSettings):
    """The effective configuration. Later wins: TOML files in order (deep merge), CONDOR_* variables, `--set`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    schema_version: Literal[1]
    profile: str = "paper"
    account: AccountSection = AccountSection()
    broker: BrokerSection = BrokerSection()
    clock: ClockSection = ClockSection()
    killer: KillerSection = KillerSection()
    macro: MacroSection = MacroSection()
    run: RunSection = RunSection()
    report: ReportSection = ReportSection()
    web: WebSection = WebSection()
    notify: NotifySection = NotifySection()
    condor: CondorSection  # type: ignore[valid-type]  # generated from CondorParams
    risk: RiskSection  # type: ignore[valid-type]  # generated from Limits
    alvh: AlvhSection  # type: ignore[valid-type]  # generated from AlvhParams
    signals: SignalsSection  # type: ignore[valid-type]  # generated from SignalParams
    engine: EngineSection  # type: ignore[valid-type]  # generated from EngineParams
    governance: GovernanceSection  # type: ignore[valid-type]  # generated from GovernanceParams

    @model_validator(mode="after")
    def _killer_apart(self) -> Settings:
        if self.killer.enabled and self.killer.client_id == self.broker.client_id:
            raise ValueError(
                f"killer.client_id {self.killer.client_id} is the bot's own: a gateway takes only one of them"
            )
        if self.killer.enabled and self.killer.hung_s < 3.0 * self.run.pulse_s:
            raise ValueError(
                f"killer.hung_s is {self.killer.hung_s:g} s: it must be at least three times run.pulse_s "
                f"({self.run.pulse_s:g} s), or a quiet market looks like a hung bot"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment and `--set` (read by `layers`, which knows unknown names) over TOML files; nothing is secret."""
        return (init_settings, TomlConfigSettingsSource(settings_cls, deep_merge=True))


def known_keys() -> frozenset[str]:
    """Every dotted setting name."""
    return frozenset(("schema_version", "profile", *_keys(Settings, "")))


def _keys(model: type[BaseModel], prefix: str) -> list[str]:
    keys: list[str] = []
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            keys += _keys(info.annotation, f"{prefix}{name}.")
        elif prefix:
            keys.append(f"{prefix}{name}")
    return keys
