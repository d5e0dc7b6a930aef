"""Types of settings: each couples a Python type with the parser of its text and the words that documents use for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, Strict

from gateway.config import store_url, values
from gateway.config.modes import RouteTls, parse_route_tls
from policy.decision import Method, PolicyDefault
from policy.phi.report import Kind as FindingKind
from policy.rules import Condition, parse_condition
from policy.sensitivity import Sensitivity


@dataclass(frozen=True, slots=True)
class Kind:
    """What documents call a type."""

    words: str


def setting(default: object, why: str, *, example: object = None, derived: str = "") -> Any:
    """A key with its default (as it would stand in the file) and the reason for both.

    example: shown instead of the default where that is empty; derived: in words, where the default comes from if it is
    not a constant.
    """
    return Field(
        default=default,
        description=why,
        validate_default=True,
        examples=None if example is None else [example],
        json_schema_extra={"derived": derived} if derived else None,
    )


def required(why: str, *, example: object) -> Any:
    """A key that every installation sets itself."""
    return Field(description=why, examples=[example])


class Section(BaseModel):
    """A table of the file: every key known, nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _empty_is(empty: object, parse: Callable[[object], object]) -> BeforeValidator:
    """The same parser, with an empty string read as `empty`."""
    return BeforeValidator(lambda value: empty if value == "" or value == empty else parse(value))


def _each_once(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    if twice := [method for method in Method if methods.count(method) > 1]:
        raise ValueError(f'"{twice[0]}" is listed twice; a ladder has each method once')
    return methods


_NO_TIME = timedelta(0)
UNSET: Final = Path()  # a file whose place follows from another key; `settle` replaces it before anyone reads it

Flag = Annotated[bool, Strict(), Kind("true or false")]
Text = Annotated[str, Kind("text")]
Count = Annotated[int, Strict(), Field(ge=0), Kind("number")]
PositiveCount = Annotated[int, Strict(), Field(gt=0), Kind("number")]
Percent = Annotated[int, Strict(), Field(ge=0, le=100), Kind("0 to 100")]
Port = Annotated[int, Strict(), Field(ge=1, le=65535), Kind("port")]

Duration = Annotated[timedelta, BeforeValidator(values.parse_duration), Kind("duration")]
PositiveDuration = Annotated[timedelta, BeforeValidator(values.parse_duration), Field(gt=_NO_TIME), Kind("duration")]
OptionalRate = Annotated[values.Rate | None, _empty_is(None, values.parse_rate), Kind("number/s, /m or /h")]
Size = Annotated[int, BeforeValidator(values.parse_size), Field(gt=0), Kind("size")]

Name = Annotated[str, BeforeValidator(values.parse_name), Kind("domain name")]
DerivedName = Annotated[str, _empty_is("", values.parse_name), Kind("domain name")]
Pattern = Annotated[str, BeforeValidator(values.parse_pattern), Kind("domain name, or *. and one")]
OptionalHost = Annotated[str | None, _empty_is(None, values.parse_host), Kind("host")]
Bind = Annotated[values.HostPort, BeforeValidator(values.parse_bind), Kind("host:port")]
Address = Annotated[values.HostPort, BeforeValidator(values.parse_address), Kind("host:port")]
OptionalAddress = Annotated[values.HostPort | None, _empty_is(None, values.parse_address), Kind("host:port")]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(values.parse_network), Kind("network")]
DerivedOrigin = Annotated[str, _empty_is("", values.parse_origin), Kind("https address")]
TenantHeader = Annotated[values.TenantProof | None, _empty_is(None, values.parse_tenant), Kind("text")]
DerivedMailbox = Annotated[str, _empty_is("", values.parse_mailbox), Kind("mail address")]
Selector = Annotated[str, BeforeValidator(values.parse_selector), Kind("DKIM selector")]

File = Annotated[Path, BeforeValidator(values.parse_file), Kind("file")]
DerivedFile = Annotated[Path, _empty_is(UNSET, values.parse_file), Kind("file")]
Command = Annotated[tuple[str, ...], AfterValidator(values.parse_command), Kind("list of text")]
OptionalFile = Annotated[Path | None, _empty_is(None, values.parse_file), Kind("file")]
StoreUrl = Annotated[store_url.StoreUrl, BeforeValidator(store_url.parse_store_url), Kind("text")]
When = Annotated[InstanceOf[Condition], BeforeValidator(parse_condition), Kind("condition")]
OptionalWhen = Annotated[InstanceOf[Condition] | None, _empty_is(None, parse_condition), Kind("condition")]
OptionalSensitivity = Annotated[Sensitivity | None, _empty_is(None, values.parse_sensitivity), Kind("text")]
State = Annotated[str, BeforeValidator(values.parse_state), Kind("text")]
OptionalState = Annotated[str, _empty_is("", values.parse_state), Kind("text")]
Purpose = Annotated[str, BeforeValidator(values.parse_purpose), Kind("text")]
OptionalPurpose = Annotated[str, _empty_is("", values.parse_purpose), Kind("text")]
Maskable = Annotated[FindingKind, BeforeValidator(values.parse_maskable), Kind("text")]
Mailbox = Annotated[str, BeforeValidator(values.parse_mailbox), Kind("mail address")]
OptionalDefault = Annotated[PolicyDefault | None, _empty_is(None, values.parse_policy_default), Kind("text")]
Fields = Annotated[dict[str, str], BeforeValidator(values.parse_fields), Kind("table")]
RuleName = Annotated[str, BeforeValidator(values.parse_rule_name), Kind("text")]
Tag = Annotated[str, Field(min_length=1), Kind("text")]
Methods = Annotated[tuple[Method, ...], AfterValidator(_each_once)]
Ladder = Annotated[tuple[Method, ...], Field(min_length=1), AfterValidator(_each_once)]
RetrySchedule = Annotated[tuple[PositiveDuration, ...], Field(min_length=1)]
RouteTlsText = Annotated[RouteTls, BeforeValidator(parse_route_tls), Kind("text")]
