"""What a case may not bring in: a person's name, a part of no size, and complaints about what is not wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from printprep.case import Finding, Severity, settle, stopping
from printprep.errors import CaseError
from printprep.formats import stl
from printprep.geometry.mesh import Mesh
from printprep.opaque import identifying, is_opaque
from printprep.prepare.intake import read_case
from printprep.profiles.load import Profiles, load_profiles

CASE = '[case]\nid = "CHD-1"\nunits = "mm"\n[[parts]]\nname = "{name}"\nmesh = "aorta.stl"\n'


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture
def folder(tmp_path: Path, dissection: Path) -> Path:
    """A folder with the mesh of an aorta."""
    (tmp_path / "aorta.stl").write_bytes((dissection / "aorta_true_lumen.stl").read_bytes())
    return tmp_path


def case_file(folder: Path, text: str) -> Path:
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder / "case.toml"


def findings(folder: Path, text: str, profiles: Profiles, code: str) -> list[Finding]:
    return [f for f in read_case(case_file(folder, text), profiles).findings if f.code == code]


@pytest.mark.parametrize("case_id", ["DEMO-0001", "CHD-0142", "case-4c48cbce", "HEART-1", "A", "T-1", "20261122", "12"])
def test_an_opaque_id_passes(case_id: str) -> None:
    assert is_opaque(case_id) is (case_id != "20261122")  # that one is a day


@pytest.mark.parametrize(
    ("case_id", "says"),
    [
        ("Smith_John_1", "Smith and John"),
        ("SmithJohn1", "Smith and John"),
        ("smith.john", "smith and john"),
        ("CHD-1999-02-03", "1999-02-03"),
        ("CHD.3.2.1999", "3.2.1999"),
        ("CHD-02-13-1999", "02-13-1999"),
        ("CHD-19990203", "19990203"),
        ("x03021999", "03021999"),
    ],
)
def test_an_id_that_could_name_a_person_is_refused(folder: Path, profiles: Profiles, case_id: str, says: str) -> None:
    assert says in (identifying(case_id) or "")
    with pytest.raises(CaseError, match=r"case\.id: is .*" + says + ".*case new.*case-4c48cbce"):
        read_case(case_file(folder, CASE.format(name="aorta").replace("CHD-1", case_id)), profiles)
    with pytest.raises(CaseError, match=f"the case's id: .*{says}"):
        read_case(folder / "aorta.stl", profiles, units="mm", case_id=case_id)


@pytest.mark.parametrize(
    ("name", "value", "better"),
    [
        ("Smith John aorta", "smith, john", "aorta"),
        ("aorta_true_lumen_Smith", "smith", "aorta-true-lumen"),
        ("aorta 1999-02-03", "1999-02-03", "aorta"),
        ("Иванов aorta", "Иванов", "aorta"),
    ],
)
def test_a_name_that_holds_more_than_anatomy_stops_the_run_and_proposes_the_anatomy(
    folder: Path, profiles: Profiles, name: str, value: str, better: str
) -> None:
    (finding,) = findings(folder, CASE.format(name=name), profiles, "name-may-identify")
    assert (finding.severity, finding.part, finding.value) == (Severity.ERROR, name, value)
    assert f'name = "{better}"' in finding.message
    case = read_case(
        case_file(folder, CASE.format(name=name) + '[[accept]]\ncode = "name-may-identify"\nreason = "a dog"\n'),
        profiles,
    )
    assert not stopping(settle(case.findings, case.accept))


@pytest.mark.parametrize(
    "name",
    ["aorta", "vertebra-T12", "common-carotid-left", "true-lumen", "aorta wall 2", "V1", "LV", "part-3", "12", "organ"],
)
def test_anatomy_places_and_numbers_are_nobody(folder: Path, profiles: Profiles, name: str) -> None:
    assert not findings(folder, CASE.format(name=name), profiles, "name-may-identify")


@pytest.mark.parametrize("name", ["organ meyer", "organist", "meyer-structure", "neckermann"])
def test_a_word_for_a_kind_of_anatomy_hides_no_other(folder: Path, profiles: Profiles, name: str) -> None:
    (finding,) = findings(folder, CASE.format(name=name), profiles, "name-may-identify")
    assert str(finding.value) in name


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (
            '[label]\ntext = "' + 41 * "a" + '"',
            ["label.text: has 41 characters, 1 to 40 can be written", "leave text out"],
        ),
        ('[label]\ntext = ""', ["label.text: has 0 characters"]),
        ('[label]\ntext = "T 1/ä/"', ["label.text: is 'T 1/ä/': '/' 'ä' cannot be written", "without accents"]),
        ('[supports]\nmaterial = "bvho"', ["supports.material: no material 'bvho'", "did you mean 'bvoh'?"]),
        (
            '[[connect]]\nfrom = "aorta"\nto = "aorta"\nmaterial = "plaa"',
            ["connect[0].material: no material 'plaa'", "did you mean 'pla'?"],
        ),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_file_key_and_what_may_be(
    folder: Path, profiles: Profiles, wish: str, words: list[str]
) -> None:
    path = case_file(folder, f"{CASE.format(name='aorta')}\n{wish}\n")
    with pytest.raises(CaseError) as refused:
        read_case(path, profiles)
    for word in (str(path), *words):
        assert word in str(refused.value)
    assert "^[" not in str(refused.value), "no pattern is shown to people"


def test_plugs_without_holes_are_refused(folder: Path, profiles: Profiles) -> None:
    wish = "hollow = { wall_mm = 1.0, drain_holes = 0, plugs = true }"
    with pytest.raises(CaseError, match=r"parts\[0\]\.hollow: plugs = true and drain_holes = 0"):
        read_case(case_file(folder, f"{CASE.format(name='aorta')}\n{wish}\n"), profiles)


def test_the_demonstration_names_nobody(dissection: Path, profiles: Profiles) -> None:
    codes = {finding.code for finding in read_case(dissection, profiles).findings}
    assert not codes & {"name-may-identify", "too-small"}


def test_what_a_profile_calls_its_tissues_is_known(profiles: Profiles) -> None:
    for tissue in profiles.tissues.values():
        for name in (tissue.id, tissue.name, *tissue.synonyms):
            assert profiles.foreign_words(name) == ()


@pytest.mark.parametrize("scale", [1e-9, 0.0, 101.0])
def test_a_scale_beyond_all_sense_is_refused(folder: Path, profiles: Profiles, scale: float) -> None:
    with pytest.raises(CaseError, match=r"scale: is .*(0\.001|100)"):
        read_case(folder / "aorta.stl", profiles, units="mm", scale=scale)


@pytest.mark.parametrize(("scale", "limit"), [(0.002, 1.0), (0.01, None)])
def test_a_part_too_small_to_hold_is_an_error(
    folder: Path, profiles: Profiles, scale: float, limit: float | None
) -> None:
    case = read_case(folder / "aorta.stl", profiles, units="mm", scale=scale)
    small = [f for f in case.findings if f.code == "too-small"]
    assert [f.limit for f in small] == ([limit] if limit else [])
    assert all(f.severity is Severity.ERROR and f"scale {scale:g}" in f.message for f in small)


def test_a_hair_is_too_small_however_long_it_is(folder: Path, profiles: Profiles) -> None:
    mesh = stl.read(folder / "aorta.stl")[0].mesh
    stl.write(folder / "aorta.stl", Mesh(mesh.vertices * [1e-4, 1e-4, 1.0], mesh.faces))
    (finding,) = findings(folder, CASE.format(name="aorta"), profiles, "too-small")
    assert finding.limit == 0.05


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('side = "Left"', r"parts\[0\]\.side: is 'Left'; did you mean 'left'\?"),
        ('side = "LEFT"', r"did you mean 'left'\?"),
        ("hollow = { wal_mm = 2 }", r"hollow\.wal_mm: is not a known key; did you mean 'wall_mm'"),
    ],
)
def test_only_the_true_cause_is_said(folder: Path, profiles: Profiles, line: str, says: str) -> None:
    with pytest.raises(CaseError, match=says) as caught:
        read_case(case_file(folder, CASE.format(name="aorta") + line + "\n"), profiles)
    assert "at least 1 item" not in str(caught.value)


def test_a_case_without_parts_still_says_so(folder: Path, profiles: Profiles) -> None:
    with pytest.raises(CaseError, match=r"parts: is \[\]: .*at least 1 item"):
        read_case(
            case_file(folder, '[case]\nid = "A"\nunits = "mm"\n'.replace("[case]", "parts = []\n[case]")), profiles
        )
