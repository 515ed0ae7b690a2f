"""Line items: what is asked for, checked against the books and priced."""

from typing import Any
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.errors import Problems
from deployments.sandbox.xero.totals import line_amount, line_tax, number, places

_COMPUTED = ("LineAmount", "TaxAmount", "Item", "ValidationErrors")
_FLAG = {
    "ASSET": "CanApplyToAssets",
    "EQUITY": "CanApplyToEquity",
    "EXPENSE": "CanApplyToExpenses",
    "LIABILITY": "CanApplyToLiabilities",
    "REVENUE": "CanApplyToRevenue",
}


class LineBuilder:
    """Builds the lines of one document. `committed`: its status needs descriptions and accounts."""

    def __init__(
        self,
        call: Call,
        amount_types: str,
        *,
        decimals: int,
        discounts: bool,
        committed: bool,
        needs_account: bool,
        problems: Problems,
    ) -> None:
        self.call = call
        self.books = call.books
        self.amount_types = amount_types
        self.decimals = decimals
        self.discounts = discounts
        self.committed = committed
        self.needs_account = needs_account
        self.problems = problems

    def build(self, asked: list[Json], old: list[Json]) -> list[Json]:
        """All lines in order. Those of `old` that are not asked for are gone."""
        known = {line["LineItemID"]: line for line in old}
        return [self._line(place, self._merged(place, line, known)) for place, line in enumerate(asked)]

    def _merged(self, place: int, asked: Json, known: dict[str, Json]) -> Json:
        given = {name: value for name, value in asked.items() if value is not None}
        key = str(given.pop("LineItemID", "")).lower()
        if not key:
            return given | {"LineItemID": str(uuid4())}
        if key not in known:
            self.problems.add(f"The LineItemID {key} does not belong to this document.", place)
            return given | {"LineItemID": key}
        before = known.pop(key)
        return {name: value for name, value in before.items() if name not in _COMPUTED} | given

    def _line(self, place: int, asked: Json) -> Json:
        line: Json = {"LineItemID": asked["LineItemID"], "Tracking": self._tracking(place, asked)}
        description = str(asked.get("Description", ""))
        if len(description) > 4000:
            self._wrong(place, "The description must be at most 4000 characters.")
        if self.committed and not description:
            self._wrong(place, "A description is required.")
        line["Description"] = description
        item = self._item(place, asked, line)
        self._account(place, asked, line, item)
        self._money(place, asked, line)
        return line

    def _wrong(self, place: int, message: str) -> None:
        self.problems.add(message, place)

    def _item(self, place: int, asked: Json, line: Json) -> Json:
        if not (code := asked.get("ItemCode")):
            return {}
        item = self.call.store.first(self.call.tenant, "item", Filter("number = ?", (code,)))
        if item is None:
            self._wrong(place, f"Item code '{code}' is not valid")
            return {}
        line["ItemCode"] = code
        line["Item"] = {"ItemID": item["ItemID"], "Name": item.get("Name", ""), "Code": code}
        return dict(item.get("SalesDetails" if self.discounts else "PurchaseDetails") or {})

    def _account(self, place: int, asked: Json, line: Json, item: Json) -> None:
        code = asked.get("AccountCode") or item.get("AccountCode")
        account = self.books.accounts.get(str(code)) if code else None
        if code and (account is None or account["Type"] == "BANK"):
            self._wrong(place, f"Account code '{code}' is not a valid code")
            return
        if not code and self.committed and self.needs_account:
            self._wrong(place, "Account code must be specified")
        if account is not None:
            line |= {"AccountCode": account["Code"], "AccountID": account["AccountID"]}
        default = (account or {}).get("TaxType", "NONE")
        kind = asked.get("TaxType") or item.get("TaxType") or default
        kind = "NONE" if self.amount_types == "NoTax" else str(kind)
        if kind not in self.books.taxes:
            self._wrong(
                place, f"The TaxType code '{kind}' does not exist or cannot be used for this transaction."
            )
        elif account is not None and not self.books.taxes[kind][_FLAG[account["Class"]]]:
            self._wrong(place, f"The TaxType code '{kind}' cannot be used with account code '{code}'")
        line["TaxType"] = kind

    def _money(self, place: int, asked: Json, line: Json) -> None:
        if not self.discounts and (asked.get("DiscountRate") or asked.get("DiscountAmount")):
            self._wrong(place, "Discounts are only available on sales invoices and purchase orders.")
        try:
            self._price(place, asked, line)
        except ValueError as error:
            self._wrong(place, str(error))
            line |= {"LineAmount": places(number(0), 2), "TaxAmount": places(number(0), 2)}

    def _price(self, place: int, asked: Json, line: Json) -> None:
        switches = self.call.switches
        quantity = places(number(asked.get("Quantity", 1)), 4)
        if "UnitAmount" not in asked and "LineAmount" in asked and quantity:
            asked = asked | {"UnitAmount": number(asked["LineAmount"]) / quantity}
        unit = places(number(asked.get("UnitAmount", 0)), self.decimals)
        for name in ("DiscountRate", "DiscountAmount"):
            if asked.get(name):
                line[name] = number(asked[name])
        amount = line_amount(quantity, unit, line, switches["negative_half_cent"])
        if "LineAmount" in asked and number(asked["LineAmount"]) != amount:
            said = places(number(asked["LineAmount"]), 2)
            self._wrong(place, f"The line total {said} does not match the expected line total {amount}")
        tax = self.books.taxes.get(line.get("TaxType", "NONE"), {"EffectiveRate": 0, "TaxComponents": []})
        line |= {"Quantity": quantity, "UnitAmount": unit, "LineAmount": amount}
        line["TaxAmount"] = (
            places(number(asked["TaxAmount"]), 2)
            if "TaxAmount" in asked and self.amount_types != "NoTax"
            else line_tax(amount, tax, self.amount_types, switches)
        )

    def _tracking(self, place: int, asked: Json) -> list[Json]:
        wanted = asked.get("Tracking") or []
        if len(wanted) > 2:
            self._wrong(place, "A maximum of 2 tracking categories can be assigned to a line item.")
        return [found for given in wanted if (found := self._tracked(place, given))]

    def _tracked(self, place: int, given: Json) -> Json | None:
        for category in self.books.tracking:
            if given.get("TrackingCategoryID") in (None, category["TrackingCategoryID"]) and given.get(
                "Name", category["Name"]
            ) in (None, category["Name"]):
                for option in category["Options"]:
                    if self._is_option(given, option):
                        return {
                            "Name": category["Name"],
                            "Option": option["Name"],
                            "TrackingCategoryID": category["TrackingCategoryID"],
                            "TrackingOptionID": option["TrackingOptionID"],
                        }
        name, option = given.get("Name", ""), given.get("Option", "")
        self._wrong(place, f"The tracking category '{name}' with option '{option}' is not valid")
        return None

    @staticmethod
    def _is_option(given: Json, option: Json) -> bool:
        if option["Status"] != "ACTIVE":
            return False
        if given.get("TrackingOptionID"):
            return bool(given["TrackingOptionID"] == option["TrackingOptionID"])
        return bool(given.get("Option") == option["Name"])


def bare(lines: list[Json]) -> list[Any]:
    """What of the lines may not change on a document with payments."""
    names = ("LineItemID", "Quantity", "UnitAmount", "LineAmount", "TaxType", "TaxAmount", "ItemCode")
    return [{name: line.get(name) for name in names} for line in lines]
