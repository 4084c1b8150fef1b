"""``printprep preview``: a file of G-code as it will be printed, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from printprep.cli.terminal import json_option, out, print_json

if TYPE_CHECKING:
    from printprep.report.shown import By


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--printer", required=True, help="Id of the printer profile that it is for.")
@click.option("--layer", type=click.IntRange(min=1), help="Only this layer of the model, from above.")
@click.option(
    "--to", "last", type=click.IntRange(min=1), help="With --layer: the layers up to this one, from the side."
)
@click.option("--by", type=click.Choice(["tool", "feature"]), default="feature", show_default=True, help="Colours.")
@click.option("--out", "picture", type=click.Path(dir_okay=False, path_type=Path), help="PNG.  [default: beside it]")
@json_option
def preview(
    file: Path, printer: str, layer: int | None, last: int | None, by: By, picture: Path | None, as_json: bool
) -> None:
    """Draw what a file of G-code prints, line by line: one layer, a range of them, or the whole.

    \b
    Example:
      printprep preview build/plate-1.gcode --printer prusa-xl --layer 120
      printprep preview build/plate-1.gcode --printer prusa-xl --layer 1 --to 300 --by tool
    """
    from printprep.errors import ProfileError
    from printprep.files import replacing
    from printprep.gcode.beads import read_beads
    from printprep.profiles.load import load_profiles
    from printprep.report.shown import show

    if last is not None and layer is None:
        raise click.UsageError("--to says where a range ends, and --layer where it begins: say both")
    if picture is not None and picture.suffix.lower() != ".png":
        raise click.BadParameter(f"{picture} is to be a PNG: name it {picture.with_suffix('.png')}", param_hint="--out")
    profile = load_profiles().printer(printer)
    if profile.fdm is None:
        raise ProfileError(f"{printer} does not extrude: its files are pictures already")
    beads = read_beads(file, profile.fdm.filament_mm, g90_sets_e=profile.reads.g90_sets_e)
    shown = show(beads, by=by, layer=layer, last=last)
    path = picture or file.with_suffix(f".layer-{layer}{f'-{last}' if last else ''}.png" if layer else ".png")
    with replacing(path) as draft:
        draft.write_bytes(shown.png)
    if as_json:
        legend = [{"name": name, "colour": list(colour)} for name, colour in shown.legend.items()]
        print_json({"picture": str(path), "layers": len(beads.layer_z_mm), "z_mm": shown.z_mm, "legend": legend})
        return
    from rich.markup import escape

    for name, (red, green, blue) in shown.legend.items():
        out().print(f"[rgb({red},{green},{blue})]\u25a0[/] {escape(name)}")
    height = f"z {shown.z_mm:g} mm, " if shown.z_mm else ""
    out().print(f"{path}: {height}{len(beads.layer_z_mm)} layers in all", markup=False)
