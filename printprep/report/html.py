"""The report that an operator reads: one self-contained page, for the screen and for paper.

Everything in it comes from the document of :mod:`printprep.report.document`, so that what people and programs read is
the same; the page forbids itself every access to a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from printprep import __version__
from printprep.case import Severity
from printprep.files import write_text
from printprep.plan import COST_ROWS
from printprep.report import removal
from printprep.report.certificate import certificate_section
from printprep.report.document import Json
from printprep.report.markup import fixed as _fixed
from printprep.report.markup import gallery
from printprep.report.markup import swatch as _swatch
from printprep.report.markup import table as _table
from printprep.report.markup import yes as _yes
from printprep.report.pictures import Picture
from printprep.units import format_duration

SEVERITIES: Final = tuple(Severity)  # the worst first
MIRRORED: Final = "MIRRORED: this is the mirror image of the anatomy, left and right swapped on purpose."
MATTERS: Final = frozenset({
    "layer_height", "first_layer_height", "perimeters", "top_solid_layers", "bottom_solid_layers", "fill_density",
    "fill_pattern", "support_material", "support_material_threshold", "wipe_tower", "brim_width", "nozzle_diameter",
    "temperature", "first_layer_temperature", "bed_temperature", "external_perimeter_speed", "perimeter_speed",
    "filament_type", "exposure_time", "initial_exposure_time", "faded_layers", "hollowing_enable", "supports_enable",
})  # fmt: skip
"""Settings that are shown at once; the rest is a click away."""
CRITICAL: Final = ' <span class="tag info">critical</span>'
SYNTHETIC: Final = "SYNTHETIC: no patient. A demonstration or a test, not for care."


def write_html(
    path: Path,
    document: Json,
    pictures: Sequence[Picture] = (),
    plates: Sequence[Picture] = (),
    view3d: str | None = None,
    deviations: Mapping[str, Sequence[Picture]] | None = None,
    worst: Mapping[int, Sequence[Picture]] | None = None,
) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    path
        Of the file.
    document
        As :func:`printprep.report.document.document` makes it.
    pictures, plates
        Of the parts, and of the plates on their beds.
    view3d
        The page of the interactive view.
    deviations
        Pictures of the deviation, by part.
    worst
        Pictures of the layers of the files to look at, by plate.
    """
    write_text(path, page(document, pictures, plates, view3d, deviations, worst))


def page(
    document: Json,
    pictures: Sequence[Picture] = (),
    plates: Sequence[Picture] = (),
    view3d: str | None = None,
    deviations: Mapping[str, Sequence[Picture]] | None = None,
    worst: Mapping[int, Sequence[Picture]] | None = None,
) -> str:
    """The text of the page; arguments as of :func:`write_html`."""
    case = document["case"] or {}
    body = [
        _header(document),
        _section("The parts", gallery(pictures)),
        _section("Turn it", _frame(view3d), "screen"),
        _section("Findings", _findings(document["findings"])),
        _section("What is printed", _parts(document["parts"]) + _added(document["added"])),
        _section("Supports: what a person must remove", removal.by_light(document["removals"])),
        _section("Certificate", certificate_section(document, deviations or {})),
        _section("Which way up", _orientations(document["orientations"])),
        _section("On the bed", gallery(plates, "wide")),
        _section("Time, material and cost", _estimate(document)),
        _section("Plates", _plates(document["plates"], worst or {})),
    ]
    return Template((files("printprep.report") / "page.html").read_text("utf-8")).substitute(
        title=escape(f"{case.get('id', 'no case')} - printprep"), body="\n".join(body), footer=_footer(document)
    )


def _header(document: Json) -> str:
    case = document["case"] or {}
    ready = document["verdict"] == "ready"
    open_errors = sum(f["severity"] == "error" and f["accepted"] is None for f in document["findings"])
    said = (
        ("Ready", "no open error")
        if ready
        else ("Stopped", f"{open_errors} open error{'s' if open_errors != 1 else ''}")
    )
    banners = ""
    if case.get("mirrored"):
        banners += f'<div class="banner mirrored">{MIRRORED}</div>'
    if case.get("synthetic"):
        banners += f'<div class="banner synthetic">{SYNTHETIC}</div>'
    chips = "".join(
        f'<span class="chip">{escape(name)} <b>{escape(value)}</b></span>' for name, value in _facts(document)
    )
    return (
        f'<header><div><h1>{escape(str(case.get("id", "No case")))}</h1><div class="chips">{chips}</div></div>'
        f'<div class="verdict {"ready" if ready else "stopped"}">{said[0]}<small>{said[1]}</small></div></header>'
        f"{banners}"
    )


def _facts(document: Json) -> Iterable[tuple[str, str]]:
    case = document["case"] or {}
    sides = {part["side"] for part in document["parts"]}
    if len(sides) == 1 and None not in sides:  # of the whole; the side of a single part stands with the part
        yield "side", sides.pop()
    if case.get("scale") is not None:
        yield "scale", f"{100 * case['scale']:g} %"
    yield "frame", str(case.get("frame", "-"))
    yield "parts", str(len(document["parts"]))
    for key in ("printer", "process"):
        if case.get(key):
            yield key, case[key]
    if case.get("deadline"):
        yield "deadline", case["deadline"]


def _frame(view3d: str | None) -> str:
    if view3d is None:
        return ""
    return f'<iframe title="3D view of the parts" srcdoc="{escape(view3d)}"></iframe>'


def _findings(findings: Sequence[Json]) -> str:
    if not findings:
        return "<p>None.</p>"
    rows = []
    for f in sorted(findings, key=lambda f: (f["accepted"] is not None, SEVERITIES.index(f["severity"]))):
        kind = "accepted" if f["accepted"] else f["severity"]
        what = escape(f["message"])
        if f["where_mm"]:
            what += f' <span class="soft">at ({", ".join(_fixed(x, 1) for x in f["where_mm"])}) mm</span>'
        if f["accepted"]:
            what += f'<br><span class="soft">Accepted: {escape(f["accepted"])}</span>'
        tag = f'<span class="tag {kind}">{kind}</span>'
        rows.append((tag, f'<code class="one">{escape(f["code"])}</code>', escape(f["part"] or "-"), what))
    return _table(("", "code", "part", "what"), rows)


def _parts(parts: Sequence[Json]) -> str:
    rows = [
        (
            _swatch(p["colour"]) + escape(p["name"]) + (CRITICAL if p["critical"] else ""),
            escape(p["tissue"] or "not recognised"),
            escape(p["side"] or "-"),
            escape(p["material"] or "-"),
            "-" if p["tool"] is None else f"T{p['tool']}",
            f"{p['triangles']:,}",
            _fixed(p["volume_mm3"], 1, 1e-3),
            " x ".join(_fixed(edge, 1) for edge in p["size_mm"]),
            _walls(p["thickness_mm"]),
            _yes(p["closed"]),
        )
        for p in parts
    ]  # fmt: skip
    columns = (
        "part", "tissue", "side", "material", ">tool", ">triangles", ">volume, ml", ">size, mm",
        ">walls, mm: least / 5 % / half", "closed",
    )  # fmt: skip
    return _table(columns, rows) if rows else ""


def _walls(thickness: Json | None) -> str:
    """The thinnest wall measured, and what 5 % and half of the surface are no thicker than."""
    return "-" if thickness is None else " / ".join(_least(thickness[key]) for key in ("min", "p05", "median"))


def _least(wall_mm: float) -> str:
    """A thickness that is not rounded to nothing."""
    return "&lt; 0.01" if 0 < wall_mm < 0.005 else _fixed(wall_mm, 2)


def _added(added: Sequence[Json]) -> str:
    """What is printed and is no anatomy."""
    if not added:
        return ""
    rows = [
        (
            _swatch(one["colour"]) + escape(one["name"]),
            escape("; ".join(change["what"] for change in one["changes"])),
            escape(one["material"]),
            f"T{one['tool']}",
            _fixed(one["volume_mm3"], 2, 1e-3),
        )
        for one in added
    ]
    return "<p><strong>Added, no anatomy</strong>; every part of the anatomy wins where they meet:</p>" + _table(
        ("added", "what it is", "material", ">tool", ">volume, ml"), rows
    )


def _orientations(orientations: Sequence[Json]) -> str:
    """The ways up that a person may choose among, the chosen one marked."""
    if not orientations:
        return ""
    rows = [
        (
            str(one["number"] or "asked") + (' <span class="tag info">chosen</span>' if one["chosen"] else ""),
            ", ".join(_fixed(x, 2) for x in one["up"]),
            _fixed(one["score"], 3),
            _fixed(one["support_mm3"], 1, 1e-3),
            _fixed(one["marked_mm2"], 0),
            _fixed(one["height_mm"], 1),
            escape(one["reason"]),
        )
        for one in orientations
    ]
    return (
        "<p>The best ways up that are really different; a smaller score is better, and of nearly equal ones the "
        "plainer comes first. One that touches a keep-out zone or tips over comes after those that do not. "
        "<code>[orient] choice</code> in case.toml takes one by its number.</p>"
        + _table(
            ("way up", "what points up", ">score", ">room for supports, ml", ">marks, mm²", ">height, mm", "why"), rows
        )
    )


def _estimate(document: Json) -> str:
    estimate = document["estimate"]
    if estimate is None:
        return ""
    cost = estimate["cost"]
    grams = sum(use["g"] or 0 for use in estimate["material"])
    figures = [
        (
            format_duration(estimate["duration_s"]) if estimate["duration_s"] else "-",
            f"printing time, by the {estimate['duration_from']}",
        )
    ]
    figures.append((f"{grams:.0f} g", "material in all"))
    figures.append((str(sum(_layers(p) for p in document["plates"])), "layers"))
    if cost:
        figures.append((f"{cost['total']:.2f} {cost['currency']}", "cost, reprints expected"))
    cards = "".join(
        f'<div class="figure"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in figures
    )
    colours = {tool["tool"]: tool for tool in document["tools"]}
    uses = [
        (
            f"T{use['tool']}",
            f'<span class="one">{_swatch(colours.get(use["tool"], {}).get("colour"))}{escape(use["material"])}</span>',
            escape(", ".join(colours.get(use["tool"], {}).get("parts", []))) or "-",
            _fixed(use["g"], 1),
            f"{use['cost']:.2f}",
        )
        for use in estimate["material"]
    ]
    material = _table(("tool", "material", "for", ">g", ">cost"), uses)
    return f'<div class="figures">{cards}</div><div class="two"><div>{material}</div><div>{_cost(cost)}</div></div>'


def _cost(cost: Json | None) -> str:
    if cost is None:
        return ""
    rows = [(escape(name), f"{cost[row]:.2f}") for row, name in COST_ROWS.items()]
    return _table(("cost", f">{cost['currency']}"), rows, total=("total", f"{cost['total']:.2f}"))


def _plates(plates: Sequence[Json], worst: Mapping[int, Sequence[Picture]]) -> str:
    return "".join(_plate(plate, worst.get(plate["index"], ())) for plate in plates)


def _plate(plate: Json, worst: Sequence[Picture]) -> str:
    duration_s = plate["estimate"]["duration_s"]
    alone = plate["layer_count"] - _layers(plate)
    between = f" and {alone} of support alone" if alone else ""
    first = [s for s in plate["settings"] if s["key"] in MATTERS]
    rest = [s for s in plate["settings"] if s["key"] not in MATTERS]
    asked = _settings(first) if first else ""
    if rest:
        asked += f"<details><summary>{len(rest)} more settings that were asked for</summary>{_settings(rest)}</details>"
    return (
        f"<h3>{escape(plate['file'])}</h3><p>{escape(plate['printer'])}, {escape(plate['process'])}, "
        f"{_layers(plate)} layers of {plate['layer_height_mm']:g} mm{between}, {plate['tool_changes']} tool changes, "
        f"{format_duration(duration_s) if duration_s else '-'}; made by {escape(plate['engine'])}.</p>"
        f'<p class="soft">SHA-256 <code>{escape(plate["sha256"])}</code></p>'
        f"{_held(plate['held'])}{_worst(plate['worst'], worst)}{removal.by_extrusion(plate['supports'])}{asked}"
    )


def _held(held: Sequence[Json]) -> str:
    """How the file holds the anatomy, part by part."""
    if not held:
        return ""
    rows = [
        (
            escape(one["part"]),
            _yes(one["holds"]),
            _fixed(one["outline_mm"], 2, 1e-3),
            _fixed(one["p95_mm"], 3),
            _fixed(one["lost_mm3"], 2),
            _fixed(one["wrong_tool_mm3"], 2),
        )
        for one in held
    ]
    columns = (
        "part",
        "in the file",
        ">outline, m",
        ">95 % within, mm",
        ">not printed, mm³",
        ">by the wrong tool, mm³",
    )
    return (
        "<h4>The anatomy in the file</h4>"
        "<p>What it lays down, layer by layer, against the sections of the parts: how far the edge of the "
        f"plastic is from the outline, and what is missing.</p>{_table(columns, rows)}"
    )


def _worst(worst: Sequence[Json], pictures: Sequence[Picture]) -> str:
    """The layers to look at."""
    if not pictures:
        return ""
    wrong = any(one["severity"] in ("error", "warning") for one in worst)
    said = "The worst layers" if wrong else "The layer that comes nearest to being wrong"
    return f'<p class="soft">{said}, as asked for and as the file prints it:</p>{gallery(pictures, "wide")}'


def _layers(plate: Json) -> int:
    """Layers that hold something of a part."""
    layers: int = plate["anatomy_layer_count"] or plate["layer_count"]
    return layers


def _settings(settings: Sequence[Json]) -> str:
    rows = [[f"<code>{escape(s[key] or '-')}</code>" for key in ("key", "requested", "resolved")] for s in settings]
    return _table(("setting", "requested", "resolved by the engine"), rows)


def _footer(document: Json) -> str:
    timings = ", ".join(f"{escape(step)} {s:.1f} s" for step, s in document["timings_s"].items() if s is not None)
    return (
        f"printprep {__version__} prepares and prints what was segmented and says what it changed; "
        "it makes no diagnosis." + (f"<br>Took: {timings}." if timings else "")
    )


def _section(title: str, content: str, kind: str = "") -> str:
    """A section, or nothing when it has no content."""
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{content}</section>' if content else ""
