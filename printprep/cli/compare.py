"""``printprep compare``: how far two meshes are from each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from printprep.cli.steps import UNITS
from printprep.cli.terminal import Positive, json_option, out, print_json, table

if TYPE_CHECKING:
    from printprep.geometry.mesh import Mesh
    from printprep.geometry.twoway import OneWay

SAMPLES = 200_000


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--units", type=click.Choice(UNITS), help="Unit of files that have none (STL, OBJ, PLY).")
@click.option("--object", "name", help="Only the object of this name, of a file that holds several.")
@click.option(
    "--samples",
    type=click.IntRange(100_000, 20_000_000),
    default=SAMPLES,
    show_default=True,
    help="Beside all vertices.",
)
@click.option("--scale", type=Positive(), default=1.0, help="Of mesh A, before it is compared.")
@click.option(
    "--align",
    type=click.Choice(["none", "rigid"]),
    default="none",
    show_default=True,
    help="Compare where they lie, or turn and shift A onto B first.",
)
@click.option("--limit", "limit_mm", type=Positive(), help="Exit with 1 beyond, in mm.")
@click.option(
    "--picture", type=click.Path(dir_okay=False, path_type=Path), help="PNG: B in the colours of its distance."
)
@json_option
def compare(
    a: Path,
    b: Path,
    units: str | None,
    name: str | None,
    samples: int,
    scale: float,
    align: str,
    limit_mm: float | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """How far mesh B is from mesh A, and A from B: exact from point to triangle.

    Every vertex and at least 100,000 points over the surfaces are measured. With sign where a mesh is closed: + is
    outside of the other. The Hausdorff distance is the larger of the two maxima. Places are in the frame of B. A
    prepared.3mf stands on the bed at the scale of the print: say --scale and --align rigid. What is aligned is laid on
    as well as it goes, which hides that it stood elsewhere. Of a prepared.3mf the anatomy is
    compared, without supports and whatever else was added; --object names one of these.

    \b
    Example:
      printprep compare skull.stl build/prepared.3mf --units mm --object skull --scale 0.6 --align rigid
      printprep compare before.stl after.stl --units mm --limit 0.5 --picture after.png
    """
    from printprep.geometry.align import aligned
    from printprep.geometry.twoway import two_way
    from printprep.prepare.intake.alone import read_alone

    if picture is not None and picture.suffix.lower() != ".png":
        raise click.BadParameter(
            f"{picture} is to be a PNG: name it {picture.with_suffix('.png')}", param_hint="--picture"
        )
    if name is not None:
        _known(name, (a, b))
    meshes = {key: read_alone(path, units, name) for key, path in (("a", a), ("b", b))}
    if scale != 1.0:
        meshes["a"] = type(meshes["a"])(meshes["a"].vertices * scale, meshes["a"].faces)
    motion = None
    if align == "rigid":
        motion, _ = aligned(meshes["a"], meshes["b"])
        meshes["a"] = meshes["a"].transformed(motion)
    found = two_way(meshes["a"], meshes["b"], samples=samples)
    within = None if limit_mm is None else found.hausdorff_mm <= limit_mm
    document = {
        "hausdorff_mm": _rounded(found.hausdorff_mm),
        "p95_mm": _rounded(found.p95_mm),
        "limit_mm": limit_mm,
        "within_limit": within,
        "motion": None if motion is None else [[round(float(x), 9) for x in row] for row in motion],
        "a_to_b": _way(found.there),
        "b_to_a": _way(found.back),
        **{key: _figures(mesh) for key, mesh in meshes.items()},
    }
    if picture is not None:
        _draw(picture, meshes["b"], found.back, limit_mm)
    if as_json:
        print_json(document)
    else:
        _show(document)
    if within is False:
        raise click.exceptions.Exit(1)


def _known(name: str, paths: tuple[Path, ...]) -> None:
    """Refuse a name that no file gives to an object: nothing would be left out, and nobody would notice."""
    from printprep.errors import CaseError
    from printprep.formats import read_meshes
    from printprep.profiles.problems import nearest

    objects = [read_meshes(path) for path in paths]
    there = [one.name for own in objects for one in own if one.name]
    if name not in there and all(len(own) == 1 for own in objects):
        held = f"they name {', '.join(map(repr, there))}" if there else "they name none, as STL files do"
        files = " nor ".join(map(str, paths))
        raise CaseError(f"--object: neither {files} names an object {name!r}{nearest(name, there)}; {held}")


def _draw(path: Path, mesh: Mesh, off: OneWay, limit_mm: float | None) -> None:
    from printprep.files import replacing
    from printprep.report.compared import compared

    with replacing(path) as draft:
        draft.write_bytes(compared(mesh, off, limit_mm))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _way(way: OneWay) -> dict[str, Any]:
    return {
        "max_mm": _rounded(way.max_mm),
        "p95_mm": _rounded(way.p95_mm),
        "mean_mm": _rounded(way.mean_mm),
        "rms_mm": _rounded(way.rms_mm),
        "outside_mm": _rounded(way.outside_mm),
        "inside_mm": _rounded(way.inside_mm),
        "bias_mm": _rounded(way.bias_mm),
        "points": way.samples,
        "places": [
            {
                "where_mm": [round(x, 3) for x in place.where_mm],
                "nearest_mm": [round(x, 3) for x in place.nearest_mm],
                "off_mm": _rounded(place.off_mm),
            }
            for place in way.places
        ],
    }


def _figures(mesh: Mesh) -> dict[str, Any]:
    from printprep.geometry.measure import inspect

    found = inspect(mesh, self_intersections=False)
    return {
        "triangles": found.triangles,
        "bodies": found.bodies,
        "closed": found.closed,
        "volume_mm3": _rounded(found.volume_mm3) if found.closed else None,
        "area_mm2": _rounded(found.area_mm2),
        "size_mm": [round(float(edge), 3) for edge in mesh.size_mm],
    }


def _show(document: dict[str, Any]) -> None:
    """Tables for a person: the meshes, the distances, the places; the verdict last."""
    console = out()
    console.print(
        table("Meshes", ("", ">triangles", ">bodies", "closed", ">ml", ">cm2", ">size mm"), _meshes(document))
    )
    ways = ("a_to_b", "b_to_a")
    rows = [(_NAMES[way], *_distances(document[way])) for way in ways]
    columns = ("mm", ">max", ">95 %", ">mean", ">rms", ">outside", ">inside", ">bias", ">points")
    console.print(table("Distances", columns, rows))
    places = [(_NAMES[way], *_place(place, document[way])) for way in ways for place in document[way]["places"]]
    if places:
        console.print(table("Where", ("mm", ">off", ">at", ">nearest point of the other"), places))
    text = f"Hausdorff distance {document['hausdorff_mm']:.4f} mm"
    if document["within_limit"] is None:
        console.print(f"[bold]{text}[/bold]")
    elif document["within_limit"]:
        console.print(f"[green]Within[/green] the limit: {text}, limit {document['limit_mm']:g} mm.")
    else:
        console.print(f"[bold red]Over[/bold red] the limit: {text}, limit {document['limit_mm']:g} mm.")


_NAMES = {"a_to_b": "from A to B", "b_to_a": "from B to A"}


def _meshes(document: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            key.upper(),
            f"{mesh['triangles']:,}",
            f"{mesh['bodies']:,}",
            "yes" if mesh["closed"] else "[red]no[/red]",
            "-" if mesh["volume_mm3"] is None else f"{mesh['volume_mm3'] / 1000:,.3f}",
            f"{mesh['area_mm2'] / 100:,.2f}",
            " x ".join(f"{edge:.1f}" for edge in mesh["size_mm"]),
        )
        for key, mesh in ((key, document[key]) for key in ("a", "b"))
    ]


def _distances(way: dict[str, Any]) -> tuple[str, ...]:
    def figure(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    keys = ("max_mm", "p95_mm", "mean_mm", "rms_mm", "outside_mm", "inside_mm", "bias_mm")
    return (*(figure(way[key]) for key in keys), f"{way['points']:,}")


def _place(place: dict[str, Any], way: dict[str, Any]) -> tuple[str, ...]:
    at, nearest = (", ".join(f"{x:.1f}" for x in place[key]) for key in ("where_mm", "nearest_mm"))
    sign = "" if way["bias_mm"] is None else "+"
    return f"{place['off_mm']:{sign}.4f}", f"({at})", f"({nearest})"
