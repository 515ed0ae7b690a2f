"""The consent page: what a person sees of it, and what goes back to the app."""

import html
from urllib.parse import urlencode

from deployments.sandbox.web import Answer, Request
from deployments.sandbox.xero.reference import ORGANISATIONS


def back(asked: dict[str, str], result: dict[str, str]) -> Answer:
    """To the app, with what became of it."""
    state = {"state": asked["state"]} if "state" in asked else {}
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    location = asked["redirect_uri"] + joint + urlencode({**result, **state})
    return Answer(302, b"", None, {"Location": location})


def chosen(asked: dict[str, str]) -> list[str]:
    """The organisations that are ticked on the page; a script names them, or takes all."""
    if "page" in asked:
        return [tenant for tenant in ORGANISATIONS if tenant in asked]
    return asked.get("tenants", ",".join(ORGANISATIONS)).split(",")


def page(request: Request) -> str:
    """The page at which a person ticks organisations, and allows or cancels."""
    asked = {name: value for name, value in request.query.items() if name not in {*ORGANISATIONS, "approve"}}
    kept = "".join(
        f'<input type=hidden name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in {**asked, "page": "1"}.items()
    )
    names = "".join(
        f"<li><label><input type=checkbox name={tenant} value=on> {html.escape(name)}</label>"
        for tenant, name in ORGANISATIONS.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Xero sandbox: allow access</title>"
        f"<h1>Allow access?</h1><p>The app asks for: {html.escape(asked['scope'])}</p>"
        f"<form>{kept}<ul>{names}</ul>"
        "<button id=allow name=approve value=true>Allow access</button> "
        "<button id=deny name=deny value=true>Cancel</button></form></html>"
    )
