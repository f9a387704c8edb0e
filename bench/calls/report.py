# SPDX-License-Identifier: Apache-2.0
"""The results as a text table and as one HTML page that needs nothing from elsewhere."""

from html import escape

GOALS = {"cpu_us_per_call": 200, "instructions_per_call": 150000, "added_p99_ms": 5, "completed_of_knee": 0.9}
STEP_COLUMNS = (
    ("rate", "rate/s", "{:.0f}"), ("offered", "offered", "{:d}"), ("completed", "completed", "{:d}"),
    ("failed", "failed", "{:d}"), ("cpu_us_per_call", "CPU us/call", "{:.1f}"),
    ("user_us_per_call", "user", "{:.1f}"), ("system_us_per_call", "system", "{:.1f}"),
    ("core_percent", "core %", "{:.1f}"), ("added_p50_ms", "added p50", "{:.3f}"),
    ("added_p90_ms", "p90", "{:.3f}"), ("added_p99_ms", "p99", "{:.3f}"), ("added_p999_ms", "p99.9 ms", "{:.3f}"),
    ("setup_p50_ms", "setup p50", "{:.3f}"), ("setup_p99_ms", "p99", "{:.3f}"), ("setup_p999_ms", "p99.9 ms", "{:.3f}"),
    ("lag_p99_ms", "lag p99", "{:.3f}"), ("foreign_percent", "others %", "{:.0f}"), ("is_valid", "valid", "{}"),
    ("is_repeated", "2nd run", "{}"),
)
WIDTH, HEIGHT, MARGIN = 640, 300, 56


def of_kind(rows, *kinds):
    return [row for row in rows if row["kind"] in kinds]


def cell(row, key, form):
    value = row.get(key)
    return "-" if value is None else form.format(value)


def grid(rows, columns):
    """Lines of right-aligned columns."""
    texts = [[title for _, title, _ in columns]] + [
        [cell(row, key, form) for key, _, form in columns] for row in rows]
    widths = [max(len(line[i]) for line in texts) for i in range(len(columns))]
    return [" ".join(text.rjust(width) for text, width in zip(line, widths)) for line in texts]


def table(rows):
    lines = []
    for row in of_kind(rows, "conditions"):
        lines += [f"{key}: {value}" for key, value in row.items() if key != "kind"]
    steps = of_kind(rows, "step")
    if steps:
        lines += ["", *grid(steps, STEP_COLUMNS)]
    return "\n".join([*lines, "", *findings(rows)])


def findings(rows):
    """One line for each figure that isn't a step."""
    lines = []
    for row in rows:
        kind = row["kind"]
        if kind == "generator":
            lines.append(f"generator against itself at {row['rate']:.0f}/s: {row['generator_core_percent']:.0f} % of its "
                         f"core, {row['failed']} failed, {row['added_p99_ms']:.3f} ms p99 where nothing is between")
        elif kind == "instructions":
            lines.append(f"user instructions per call: {row['instructions_per_call']:.0f} (callgrind, the real program, "
                         f"all threads, {row['calls']} calls)"
                         + (f"; expiry of its transactions: {row['linger_instructions_per_call']:.0f}"
                            if "linger_instructions_per_call" in row else ""))
        elif kind == "knee":
            lines.append(f"knee: {row['rate']:.0f} calls/s (tried up to {row['highest_tried']:.0f}/s)"
                         + ("; beyond it the generator itself was late: the rig may be what bends"
                            if row["is_rig_suspect"] else ""))
        elif kind == "overload":
            lines.append(f"{row['factor']} x knee: {100 * row['completed_of_knee']:.1f} % of the knee's calls complete; "
                         f"established calls lost: {row['held_lost']} of {row['held_established']}; "
                         f"failures {row['failures']}")
        elif kind == "memory":
            lines.append(f"memory: {row['bytes_per_call']} bytes (PSS) per established call at {row['established']} "
                         f"held, with buffers that fill up once whatever the number of calls; {row['bytes_per_call_lingering']} while its transactions linger; "
                         f"SIP state {row['sip_state_bytes_per_call']} bytes per call (own gauge), "
                         f"{row['bytes_per_transaction']} per lingering transaction; "
                         f"expiry costs {row['linger_us_per_call']:.1f} us per call; {row['failed']} failed")
        elif kind == "sipp":
            lines.append(f"SIPp at {row['rate']:.0f}/s: {row['completed']} of {row['offered']} complete, "
                         f"{row['cpu_us_per_call']:.1f} us/call, SIPp itself {row['generator_us_per_call']:.1f} us/call, "
                         f"INVITE to 180 {row['ringing_mean_ms']:.2f} ms on average (its clock: 1 ms)")
        elif kind == "step" and "linger_us_per_call" in row:
            lines.append(f"expiry of a call's transactions at {row['rate']:.0f}/s: {row['linger_us_per_call']:.1f} us")
    return lines


# --- HTML ---

def scale(values, is_log):
    low, high = min(values), max(values)
    if is_log:
        return max(low, high / 1e6, 1e-4), high
    return 0, high * 1.05 or 1


def chart(title, rows, series, goal=None, is_log=False):
    """An SVG of lines over the rate. series: (key, name, colour)."""
    from math import log10
    values = [row[key] for row in rows for key, _, _ in series if row.get(key) is not None]
    if not values or len(rows) < 2:
        return ""
    low, high = scale([*values, *([goal] if goal else [])], is_log)
    left, right = min(row["rate"] for row in rows), max(row["rate"] for row in rows)

    def x(rate):
        return MARGIN + (rate - left) / max(1e-9, right - left) * (WIDTH - 2 * MARGIN)

    def y(value):
        value = max(value, low)
        share = (log10(value) - log10(low)) / max(1e-9, log10(high) - log10(low)) if is_log else \
            (value - low) / max(1e-9, high - low)
        return HEIGHT - MARGIN / 2 - share * (HEIGHT - MARGIN)

    parts = [f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for share in (0, 0.25, 0.5, 0.75, 1):
        value = 10 ** (log10(low) + share * (log10(high) - log10(low))) if is_log else low + share * (high - low)
        parts.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="grid"/>'
                     f'<text x="{MARGIN - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for row in rows:
        parts.append(f'<text x="{x(row["rate"]):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{row["rate"]:.0f}</text>')
    if goal:
        parts.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(goal):.1f}" y2="{y(goal):.1f}" class="goal"/>')
    for place, (key, name, colour) in enumerate(series):
        points = " ".join(f"{x(row['rate']):.1f},{y(row[key]):.1f}" for row in rows if row.get(key) is not None)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{MARGIN + 8 + place * 110}" y="14" fill="{colour}">{escape(name)}</text>')
    return "".join([*parts, "</svg></figure>"])


STYLE = """body{font:15px/1.5 sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
td,th{padding:2px 8px;text-align:right;border-bottom:1px solid #ddd}th{font-weight:600}
.bad td{background:#fdecea}dt{font-weight:600}dd{margin:0 0 .4em 1em}
figure{display:inline-block;width:48%;margin:0 1% 1em 0}svg{width:100%}svg text{font-size:11px}
.grid{stroke:#ddd}.goal{stroke:#c0392b;stroke-dasharray:6 4}
@media(max-width:800px){figure{width:100%}}"""


def html(rows):
    steps = of_kind(rows, "step")
    beyond = sorted(of_kind(rows, "step", "overload"), key=lambda row: row["rate"])
    head = "".join(f"<th>{escape(title)}</th>" for _, title, _ in STEP_COLUMNS)
    body = "".join(f'<tr class="{"" if row["is_good"] else "bad"}">' + "".join(
        f"<td>{escape(cell(row, key, form))}</td>" for key, _, form in STEP_COLUMNS) + "</tr>" for row in steps)
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>"
                    for row in of_kind(rows, "conditions") for key, value in row.items() if key != "kind")
    charts = "".join((
        chart("CPU per call in us (goal: dashed)", steps, (
            ("cpu_us_per_call", "all", "#1f4e79"), ("user_us_per_call", "user", "#2e8b57"),
            ("system_us_per_call", "system", "#b8860b")), GOALS["cpu_us_per_call"]),
        chart("Delay added to a message in ms (goal for p99: dashed)", steps, (
            ("added_p50_ms", "p50", "#2e8b57"), ("added_p99_ms", "p99", "#1f4e79"),
            ("added_p999_ms", "p99.9", "#b8860b")), GOALS["added_p99_ms"], is_log=True),
        chart("Setup in ms, from the intended time, without the callee's own", steps, (
            ("setup_p50_ms", "p50", "#2e8b57"), ("setup_p99_ms", "p99", "#1f4e79"),
            ("setup_p999_ms", "p99.9", "#b8860b")), is_log=True),
        chart("Calls offered and completed", beyond, (
            ("offered", "offered", "#888888"), ("completed", "completed", "#1f4e79"))),
    ))
    functions = "".join(
        f"<tr><td style='text-align:left'>{escape(name)}</td><td>{count:,.0f}</td></tr>"
        for row in of_kind(rows, "instructions") for name, count in row["functions"])
    return (f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Tandem: cost of a call</title>"
            f"<style>{STYLE}</style><h1>Cost of a call</h1>"
            f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in findings(rows))}</ul>{charts}"
            f"<h2>Steps</h2><table><tr>{head}</tr>{body}</table>"
            f"<h2>Conditions</h2><dl>{facts}</dl>"
            f"<h2>Instructions per call by function</h2><table>{functions}</table></html>\n")
