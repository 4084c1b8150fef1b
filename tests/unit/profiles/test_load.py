from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from printprep.errors import ProfileError
from printprep.profiles.inherit import DEFAULT
from printprep.profiles.load import KINDS, Profiles, check_profiles, load_profiles, shipped_directory

Overlay = Callable[[dict[str, str]], Path]


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    """Write files of a lab's own folder of profiles."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path

    return write


def test_the_ids_of_the_outside_contract_are_there(profiles: Profiles) -> None:
    assert set(profiles.printers) == {
        "prusa-mk4-mmu3", "prusa-xl", "ender-3", "voron-2.4", "elegoo-saturn", "prusa-sl1s", "virtual",
    }  # fmt: skip
    assert set(profiles.materials) == {
        "pla", "petg", "petg-clear", "tpu-95a", "tpu-85a", "bvoh", "resin-standard", "resin-clear",
        "resin-elastic-50a", "resin-biocompatible",
    }  # fmt: skip
    assert set(profiles.processes) == {"fine", "standard", "draft", "rush"}
    assert profiles.lab().currency == "EUR"


def test_what_the_shipped_printers_can_do(profiles: Profiles) -> None:
    tools = {i: p.fdm.tools for i, p in profiles.printers.items() if p.fdm}
    assert tools == {"prusa-mk4-mmu3": 5, "prusa-xl": 5, "ender-3": 1, "voron-2.4": 1, "virtual": 5}
    assert [i for i, p in profiles.printers.items() if p.fdm and p.fdm.shared_nozzle] == ["prusa-mk4-mmu3"]
    for printer in profiles.printers.values():
        if printer.resin is not None:
            width_mm = printer.resin.width_px * printer.resin.pixel_mm[0]
            assert width_mm == pytest.approx(printer.bed.width_mm)
            assert printer.resin.height_px * printer.resin.pixel_mm[1] == pytest.approx(printer.bed.depth_mm)


def test_shipped_gcode_heats_homes_and_leaves_everything_off(profiles: Profiles) -> None:
    for printer in profiles.printers.values():
        if printer.fdm is None:
            continue
        start = [line.split(";")[0].split() for line in printer.fdm.start_gcode.strip().splitlines()]
        codes = [words[0] for words in start]
        first_move = next(k for k, code in enumerate(codes) if code in ("G0", "G1"))
        assert codes.index("G28") < first_move
        assert codes.index("M109") < first_move
        end = [line.strip() for line in printer.fdm.end_gcode.strip().splitlines()]
        off = {line for line in end if line.startswith(("M104", "M140"))}
        wanted = {"M104 S0"} if printer.fdm.tools == 1 or printer.fdm.shared_nozzle else {
            f"M104 T{tool} S0" for tool in range(printer.fdm.tools)
        }  # fmt: skip
        assert off == wanted | {"M140 S0"}


def test_every_material_class_can_be_had_in_both_technologies_but_soluble(profiles: Profiles) -> None:
    for technology in ("fdm", "resin"):
        classes = {m.material_class for m in profiles.materials.values() if m.technology == technology}
        assert classes >= {"rigid", "flexible", "clear"}
    heights = {f"{p.resin.layer_height_mm:g}" for p in profiles.processes.values()}
    for material in profiles.materials.values():
        if material.resin is not None:
            assert heights <= {f"{float(key):g}" for key in material.resin.exposure_s}


def test_profiles_travel_to_worker_processes(profiles: Profiles) -> None:
    copy = pickle.loads(pickle.dumps(profiles))
    assert copy == profiles
    assert copy.tissue_for("aorta_true_lumen") == ("aorta-true-lumen", None)


def test_origin_names_the_file_of_each_value(profiles: Profiles) -> None:
    origin = profiles.origin("material", "petg-clear")
    assert origin["fdm.nozzle_c"] == "materials/petg-clear.toml"
    assert origin["density_g_cm3"] == "materials/petg.toml"
    assert origin["currency"] == DEFAULT
    assert profiles.origin("materials", "resin-clear")["resin.exposure_s.0.05"] == "materials/resin-clear.toml"


def test_later_parents_win_tables_merge_and_lists_are_replaced(overlay: Overlay) -> None:
    root = overlay(
        {
            "printers/_tall.toml": "[bed]\nheight_mm = 500\nkeep_outs_mm = []",
            "printers/_wide.toml": "[bed]\nwidth_mm = 400\nheight_mm = 450",
            "printers/tower.toml": 'inherits = ["ender-3", "_tall", "_wide"]\nname = "Tower"\n[bed]\ndepth_mm = 300',
        }
    )
    profiles = load_profiles(root)
    bed = profiles.printer("tower").bed
    assert (bed.width_mm, bed.depth_mm, bed.height_mm, bed.keep_outs_mm) == (400, 300, 450, ())
    origin = profiles.origin("printers", "tower")
    assert origin["bed.height_mm"].endswith("/printers/_wide.toml")
    assert origin["bed.keep_outs_mm"].endswith("/printers/_tall.toml")
    assert origin["motion.jerk_mm_s"] == "printers/ender-3.toml"
    assert "_tall" not in profiles.printers


def test_a_lab_replaces_a_shipped_profile_or_inherits_it_by_naming_itself(
    overlay: Overlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = overlay(
        {
            "materials/pla.toml": 'inherits = "pla"\nprice_per_kg = "19.50"',
            "tissues/ours.toml": '[aorta]\ninherits = "aorta"\ncolour = [1, 2, 3]\n[graft-of-ours]\n'
            'inherits = "patch"\nname = "Our graft"\nsynonyms = ["dacron"]',
        }
    )
    monkeypatch.setenv("PRINTPREP_PROFILES", str(root))
    profiles = load_profiles()
    assert str(profiles.material("pla").price_per_kg) == "19.50"
    assert profiles.material("pla").density_g_cm3 == 1.24
    assert profiles.tissue("aorta").colour == (1, 2, 3)
    assert profiles.tissue_for("aortic arch") == ("aorta", None)  # its own synonyms stay
    assert profiles.tissue("aorta-true-lumen").priority == 70  # a child of the replaced one still stands
    assert profiles.tissue_for("dacron_graft_of_ours") == ("graft-of-ours", None)
    assert profiles.tissue_for("stent") == ("patch", None)  # a child does not take its parent's synonyms


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("printers/p.toml", 'inherits = "prusa-xll"', ("inherits", "'prusa-xll'", "did you mean 'prusa-xl'")),
        ("printers/p.toml", "inherits = 3", ("inherits", "3", "a list of ids")),
        ("printers/p.toml", 'inherits = "p"', ("inherits", "'p'", "not there")),
        ("printers/p.toml", 'inherits = "ender-3"\n[bed]\nwidht_mm = 3', ("bed.widht_mm", "did you mean 'width_mm'")),
        ("printers/p.toml", 'inherits = "ender-3"\n[bed]\nwidth_mm = -4', ("bed.width_mm", "-4", "greater than 0")),
        ("printers/p.toml", 'inherits = "ender-3"\nfirmware = "Marlin"', ("firmware", "'Marlin'", "'klipper'")),
        ("printers/p.toml", 'inherits = "ender-3"\ntechnology = "resin"', ("no [resin] table",)),
        ("printers/p.toml", 'inherits = "ender-3"\n[bed]\nkeep_outs_mm = [[9, 0, 3, 5]]', ("keep-out [9, 0, 3, 5]",)),
        ("tissues/t.toml", '[t]\nname = "x"\ncolour = [1, 2, 3]\npriority = 1', ("material_class", "missing")),
        ("printers/p.toml", 'id = "q"\ninherits = "ender-3"', ("id", "'q'", "'p'")),
        ("printers/p.toml", "name = ", ("cannot be read as TOML",)),
        ("materials/m.toml", 'inherits = "pla"\n[fdm]\nnozzle_c = 300', ("fdm", "nozzle_c is 300", "190 to 230")),
        ("materials/m.toml", 'inherits = "resin-clear"\n[resin.exposure_s]\nthin = 2', ("'thin'", "layer height")),
        ("tissues/t.toml", "x = 3", ("x", "is 3", "one table each: [x]")),
        ("tissues/t.toml", '[t]\ninherits = "bone"\nsize_mm = [9, 3]', ("t.size_mm", "smallest size first")),
        ("tissues/t.toml", '[t]\ninherits = "bone"\nsynonyms = ["Skull"]', ("t.synonyms", "'skull'")),
        (
            "processes/p.toml", 'inherits = "rush"\n[fdm]\nlayer_height_mm = 30',
            ("fdm.layer_height_mm", "30", "equal to 2"),
        ),
        (
            "processes/p.toml", 'inherits = "rush"\n[fdm]\nlayer_height_mm = 0.5',
            ("fdm.layer_height_mm", "0.5", "0.4 mm"),
        ),
        (
            "processes/p.toml", 'inherits = "fine"\n[fdm]\nfirst_layer_height_mm = 0.45',
            ("fdm.first_layer_height_mm", "0.45 mm", "0.4 mm"),
        ),
        (
            "processes/p.toml", 'inherits = "fine"\n[fdm]\ntravel_mm_s = 9000',
            ("fdm.travel_mm_s", "9000", "equal to 2000"),
        ),
        (
            "processes/p.toml", 'inherits = "fine"\n[resin]\nlayer_height_mm = 5',
            ("resin.layer_height_mm", "equal to 1"),
        ),
        ("printers/p.toml", 'inherits = "ender-3"\n[fdm]\nnozzle_max_c = 460', ("fdm.nozzle_max_c", "460", "450")),
        (
            "materials/m.toml", 'inherits = "pla"\n[fdm]\nnozzle_range_c = [190, 420]\nnozzle_c = 400',
            ("fdm.nozzle_c", "400 deg C", "no printer", "300 deg C"),
        ),
        ("materials/m.toml", 'inherits = "pla"\n[fdm]\nbed_c = 180', ("fdm.bed_c", "180 deg C", "120 deg C")),
        ("proceses/rush.toml", 'inherits = "rush"', ("proceses/", "no folder of profiles", "did you mean 'processes'")),
        ("rush.toml", 'inherits = "rush"', ("directly in the folder of its kind", "processes/")),
        ("processes/old/rush.toml", 'inherits = "rush"', ("directly in the folder of its kind",)),
        ("labs/default.toml", 'inherits = "default"\n[machine_per_h]\nprusa-x = 1', ("prusa-x:", "'prusa-xl'")),
    ],
)  # fmt: skip
def test_a_mistake_names_file_key_value_and_what_is_allowed(
    overlay: Overlay, file: str, text: str, says: tuple[str, ...]
) -> None:
    root = overlay({file: text})
    with pytest.raises(ProfileError) as raised:
        load_profiles(root)
    message = str(raised.value)
    for piece in (*says, f"{root}/{Path(file).parts[0]}"):
        assert piece in message
    assert len(message.splitlines()) == 1


def test_a_circle_is_named(overlay: Overlay) -> None:
    root = overlay({"printers/a.toml": 'inherits = "b"', "printers/b.toml": 'inherits = ["ender-3", "a"]'})
    with pytest.raises(ProfileError, match="a -> b -> a"):
        load_profiles(root)


def test_a_value_is_blamed_on_the_file_that_says_it(overlay: Overlay) -> None:
    root = overlay(
        {
            "materials/_base.toml": 'inherits = "pla"\ndensity_g_cm3 = 0',
            "materials/a.toml": 'inherits = "_base"\nname = "A"',
        }
    )
    _, problems = check_profiles(root)
    assert [(Path(p.file).name, p.key) for p in problems] == [("_base.toml", "density_g_cm3")]


def test_all_problems_are_told_at_once(overlay: Overlay) -> None:
    root = overlay({"materials/a.toml": "x = ", "printers/b.toml": 'inherits = "c"', "tissues/d.toml": "e = 1"})
    profiles, problems = check_profiles(root)
    assert profiles is None
    assert {Path(p.file).name for p in problems} == {"a.toml", "b.toml", "d.toml"}


def test_what_is_no_profile_may_stand_beside_profiles(overlay: Overlay) -> None:
    files = dict.fromkeys(("README.md", ".git/config.toml", "printers/.old/x.toml", "printers/photo.txt"), "x")
    assert check_profiles(overlay(files))[1] == ()


def test_a_wide_nozzle_lets_a_process_be_coarse(overlay: Overlay) -> None:
    coarse = {"processes/coarse.toml": 'inherits = "rush"\nname = "Coarse"\n[fdm]\nlayer_height_mm = 0.5'}
    assert check_profiles(overlay(coarse))[0] is None
    wide = {"printers/wide.toml": 'inherits = "ender-3"\nname = "Wide"\n[fdm]\nnozzle_mm = 0.6'}
    assert load_profiles(overlay(wide)).process("coarse").fdm.layer_height_mm == 0.5


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="not a folder"):
        load_profiles(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["printer", "material", "process", "tissue", "lab"])
def test_an_unknown_id_is_an_error(profiles: Profiles, kind: str) -> None:
    with pytest.raises(ProfileError, match=f"no {kind} 'xyzzy'"):
        getattr(profiles, kind)("xyzzy")


def test_a_near_miss_is_proposed(profiles: Profiles) -> None:
    with pytest.raises(ProfileError, match="did you mean 'prusa-xl'"):
        profiles.printer("prusa-xll")
    with pytest.raises(ProfileError, match="did you mean 'materials'"):
        profiles.of_kind("materails")


def test_find_takes_an_id_or_a_kind_and_an_id(profiles: Profiles) -> None:
    assert profiles.find("pla")[0] == "materials"
    assert profiles.find("process/fine") == ("processes", profiles.process("fine"))
    with pytest.raises(ProfileError, match="no printer or material"):
        profiles.find("xyzzy")


def test_several_labs_and_none_named_is_the_default_one(overlay: Overlay) -> None:
    profiles = load_profiles(overlay({"labs/second.toml": 'inherits = "default"\nname = "Second"'}))
    assert profiles.lab().id == "default"
    assert profiles.lab("second").name == "Second"


def test_the_shipped_folder_has_every_kind() -> None:
    assert all((shipped_directory() / kind).is_dir() for kind in KINDS)
