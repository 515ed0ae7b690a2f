"""How the Prefect UI shows a flow's parameters: with titles that people read, choices as choices, dates as dates."""

from datetime import date
from inspect import Parameter, signature
from typing import Annotated, Any, TypeVar

from prefect import Flow
from prefect.utilities.callables import parameter_schema
from pydantic import Field, WithJsonSchema
from pydantic_core import MISSING

from tasks.connections.settings import load
from tasks.domain.errors import SettingsError

AnyFlow = TypeVar("AnyFlow", bound=Flow[..., Any])

_CONNECTION = "Whose orders and books this is about. Another connection has deployments of its own."
# Fields that may stay empty. The UI shows them best with no default, and no choice of "None" beside them.
_EMPTY: dict[Any, dict[str, Any]] = {
    date | None: {"type": "string", "format": "date"},
    list[str] | None: {"type": "array", "items": {"type": "string"}},
}
_annotated: Any = Annotated


def with_form(flow: AnyFlow) -> AnyFlow:
    """The same flow, with a form that people can read. Help texts are the `Args` of its docstring.

    Prefect makes the form of a flow's signature, and what is called goes by that of its function, which stays.
    """
    asked = signature(flow.fn, eval_str=True)
    shown = asked.replace(parameters=list(map(_shown, asked.parameters.values())))
    flow.__signature__ = shown  # type: ignore[attr-defined] # where `inspect` looks first
    flow.parameters = parameter_schema(flow)
    return flow


def _shown(parameter: Parameter) -> Parameter:
    said: dict[str, Any] = {"title": parameter.name.replace("_", " ").capitalize()}
    if parameter.name == "connection":
        said |= {"description": _CONNECTION} | _choice()
    form: list[Any] = [Field(json_schema_extra=said)]
    if parameter.annotation in _EMPTY:
        form.append(WithJsonSchema(_EMPTY[parameter.annotation]))
        parameter = parameter.replace(default=MISSING)
    return parameter.replace(annotation=_annotated[(parameter.annotation, *form)])


def _choice() -> dict[str, Any]:
    """The connections that there are; any text where the settings cannot be read, which the run will tell."""
    try:
        return {"enum": sorted(load().connections)}
    except SettingsError:
        return {}
