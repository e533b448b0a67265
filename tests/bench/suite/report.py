"""Results: rows of figures with their ratios and targets, as one table, as JSON, as a plot."""

import json
import os
from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    what: str
    value: float
    unit: str
    ratio: float | None = None  # of the same run
    ratio_to: str = ""
    target: str = ""
    met: bool | None = None


@dataclass
class Result:
    """Of one section."""

    section: str
    title: str
    rows: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    charts: list = field(default_factory=list)  # {"title", "unit", "bars": {name: value}}

    def add(self, what, value, unit, ratio=None, to="", least=None, most=None):
        """A figure. `least` and `most` bound the ratio where there is one, the value otherwise."""
        judged = value if ratio is None else ratio
        row = Row(what, value, unit, ratio, to)
        if least is not None:
            row.target, row.met = f">= {number(least)}", judged >= least
        elif most is not None:
            row.target, row.met = f"<= {number(most)}", judged <= most
        self.rows.append(row)

    def chart(self, title, unit, bars):
        self.charts.append({"title": title, "unit": unit, "bars": bars})


def number(value):
    """Three significant digits, and no more than that many decimals."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 or value == 0 else f"{value:.3g}"


def markdown(machine, results):
    lines = [f"{key}: {value}  " for key, value in machine.items()]
    lines += ["", "| section | what | figure | ratio | target | |", "|---|---|--:|--:|--:|---|"]
    for result in results:
        for row in result.rows:
            ratio = "" if row.ratio is None else f"{row.ratio:.2f} of {row.ratio_to}"
            mark = {True: "met", False: "**missed**", None: ""}[row.met]
            lines.append(f"| {result.section} | {row.what} | {number(row.value)} {row.unit} "
                         f"| {ratio} | {row.target} | {mark} |")
    for result in results:
        if result.notes:
            lines += ["", f"{result.section}: {result.title}.", ""]
            lines += [f"- {note}" for note in result.notes]
    return "\n".join(lines) + "\n"


def as_json(machine, results):
    return json.dumps({"machine": machine, "results": [asdict(r) for r in results]}, indent=2)


def plot(path, machine, results):
    """Horizontal bars, a panel for each chart."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    charts = [chart for result in results for chart in result.charts]
    if not charts:
        return
    heights = [1.2 + 0.36 * len(chart["bars"]) for chart in charts]
    figure, panels = pyplot.subplots(len(charts), 1, figsize=(9, sum(heights)), squeeze=False,
                                     gridspec_kw={"height_ratios": heights})
    for panel, chart in zip(panels[:, 0], charts):
        names, values = list(chart["bars"]), list(chart["bars"].values())
        bars = panel.barh(names, values, color="#4878a8")
        panel.bar_label(bars, [number(v) for v in values], padding=3, fontsize=8)
        panel.invert_yaxis()
        panel.margins(x=0.12)
        panel.set_title(f"{chart['title']} ({chart['unit']})", fontsize=10, loc="left")
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{machine['cpu']}, {machine['cores']} cores, commit {machine['commit']}",
                    fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def write(folder, machine, results):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "results.md"), "w", encoding="utf-8") as file:
        file.write(markdown(machine, results))
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        file.write(as_json(machine, results) + "\n")
    plot(os.path.join(folder, "results.svg"), machine, results)
