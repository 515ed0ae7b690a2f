"""The money of each day, what agrees below and what does not above, as a picture in the page."""

from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from tasks.reconciling.amounts import shown
from tasks.reconciling.night import Night

WIDTH, HEIGHT, CURRENCIES = 1_180, 120, 6
# A longer night is drawn by weeks or months, so that bars stay wide enough to be seen.
STEPS = ((100, "D", "day"), (700, "W-SUN", "week"), (1_000_000, "M", "month"))
# Stand-ins that the page's style replaces, so that the picture follows light and dark.
INK, FAINT, MATCHED, UNMATCHED, PAPER = "#010101", "#020202", "#030303", "#040404", "#050505"
STYLES = {
    INK: "var(--soft)",
    FAINT: "var(--line)",
    MATCHED: "var(--matched)",
    UNMATCHED: "var(--unmatched)",
    PAPER: "none",
}


def draw(night: Night) -> str:
    """An SVG element, one row of stacked bars for each currency; "" if there is no day.

    It names colours by the style variables --soft, --line, --matched and --unmatched, and has no script in it.
    """
    days = _days(night)
    if days.empty:
        return ""
    step, _ = _step(days)
    form = "%b %Y" if step == "M" else "%d %b"
    svg = str(vl_convert.vegalite_to_svg(_chart(_long(days, step), form).to_dict()))
    for stand_in, style in STYLES.items():
        svg = svg.replace(f'"{stand_in}"', f'"{style}"')
    return svg[svg.index("<svg") :]


def unit(night: Night) -> str:
    """What a bar of the picture stands for: a day, of long nights a week or a month."""
    return _step(_days(night))[1]


def describe(night: Night) -> list[str]:
    """What the picture shows, in a sentence for each currency, for those who do not see it."""
    days = _days(night)
    said = []
    for currency, of in days.groupby("currency", sort=True):
        open_days = of[of["unmatched"] != 0]
        agree, differ = int(of["matched"].sum()), int(of["unmatched"].sum())
        sums = f"{currency} {shown(agree)} agree, {shown(differ)} do not"
        if open_days.empty:
            said.append(f"{sums}.")
            continue
        most = open_days.iloc[int(open_days["unmatched"].abs().to_numpy().argmax())]
        worst = f"most on {most['date'].day} {most['date']:%B %Y} ({shown(int(most['unmatched']))})"
        said.append(f"{sums}: on {len(open_days):,} of {len(of):,} days, {worst}.")
    return said


def _days(night: Night) -> pd.DataFrame:
    """One row a day and currency, dates as such."""
    if night.days.empty:
        return pd.DataFrame({"date": [], "currency": [], "matched": [], "unmatched": []})
    dated = night.days.assign(date=pd.to_datetime(night.days["date"]))
    return dated.groupby(["date", "currency"], as_index=False)[["matched", "unmatched"]].sum()


def _step(days: pd.DataFrame) -> tuple[str, str]:
    if days.empty:
        return STEPS[0][1:]
    span = (days["date"].max() - days["date"].min()).days
    return next((step, unit) for limit, step, unit in STEPS if span <= limit)


def _long(days: pd.DataFrame, step: str) -> pd.DataFrame:
    """A row for each bar: its first and last day, its currency and part, and its amount in whole currency."""
    largest = days["matched"].abs().add(days["unmatched"].abs()).groupby(days["currency"]).sum()
    kept = days[days["currency"].isin(largest.nlargest(CURRENCIES).index)]
    begins = kept["date"].dt.to_period(step).dt.start_time.rename("begins")
    sums = kept.groupby([begins, "currency"], as_index=False)[["matched", "unmatched"]].sum()
    frame = sums.melt(["begins", "currency"], var_name="part", value_name="cents")
    ends = frame["begins"].dt.to_period(step).dt.end_time + pd.Timedelta(1, "ns")
    return pd.DataFrame(
        {
            # Milliseconds are the same to JavaScript whatever the zone of this machine.
            "begins": frame["begins"].astype("datetime64[ms]").astype("int64"),
            "ends": ends.astype("datetime64[ms]").astype("int64"),
            "currency": frame["currency"].astype(str),
            "part": frame["part"].map({"matched": "agrees", "unmatched": "differs"}),
            "amount": frame["cents"].astype(float) / 100,
        }
    )


def _chart(frame: pd.DataFrame, form: str) -> Any:
    """The specification; amounts are drawn, not told, so a float is exact enough."""
    utc = alt.Scale(type="utc")
    axis = alt.Axis(title=None, format=form, labelOverlap=True, tickCount=12)
    records: list[Any] = frame.to_dict("records")
    bars = (
        alt.Chart(alt.InlineData(values=records), width=WIDTH, height=HEIGHT)
        .mark_bar(xOffset=0.5, x2Offset=-0.5, orient="vertical")
        .encode(
            x=alt.X("begins:T", scale=utc, axis=axis),
            x2="ends:T",
            y=alt.Y("amount:Q", axis=alt.Axis(title=None, format="~s", tickCount=4)),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=["agrees", "differs"], range=[MATCHED, UNMATCHED]),
                legend=alt.Legend(title=None, orient="top", symbolType="square"),
            ),
            order=alt.Order("part:N"),
            row=alt.Row("currency:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left")),
        )
    )
    return _styled(bars.resolve_scale(y="independent"))


def _styled(chart: Any) -> Any:
    text = {"labelColor": INK, "titleColor": INK, "labelFont": "inherit", "titleFont": "inherit"}
    return (
        chart.configure(background=PAPER)
        .configure_view(stroke=None)
        .configure_axis(gridColor=FAINT, domainColor=FAINT, tickColor=FAINT, labelFontSize=11, **text)
        .configure_legend(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", **text)
        .configure_header(labelFontSize=12, labelFontWeight="bold", labelColor=INK, labelFont="inherit")
    )
