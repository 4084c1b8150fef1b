from __future__ import annotations

import pytest

from printprep.profiles.load import Profiles, load_profiles
from printprep.profiles.names import words_in


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("VH_F_leftVentricle2", ("vh", "f", "left", "ventricle", "2")),
        ("vertebrae_T12", ("vertebrae", "t", "12")),
        ("Hüftbein-Rechts.stl", ("hueftbein", "rechts", "stl")),
        ("Hu\u0308ftbein", ("hueftbein",)),  # the same, decomposed, as macOS writes file names
        ("CTAorta", ("ct", "aorta")),
        ("", ()),
    ],
)
def test_words(name: str, words: tuple[str, ...]) -> None:
    assert words_in(name) == words


@pytest.mark.parametrize(
    ("name", "tissue", "side"),
    [
        ("aorta_true_lumen", "aorta-true-lumen", None),
        ("aortaTrueLumen.stl", "aorta-true-lumen", None),
        ("brachiocephalic_trunk", "brachiocephalic-trunk", None),
        ("common_carotid_artery_left", "carotid-artery", "left"),
        ("superior_mesenteric_artery", "mesenteric-artery", None),
        ("vertebrae_T12", "vertebra", None),
        ("vertebrae_L1", "vertebra", None),  # lumbar, not left
        ("spine_ribs", "spine", None),
        ("VH_F_left_ventricle", "left-ventricle", None),
        ("heart_ventricle_left", "left-ventricle", None),
        ("VH_M_left_anterolateral_segment", "liver-segment", None),
        ("VH_M_ligamentum_venosum", "ligament", None),
        ("VH_F_interventricular_septum", "septum", None),
        ("cortex", "kidney-cortex", None),
        ("pyramids_columns", "kidney-pyramids", None),
        ("ureter_calyces", "ureter", None),
        ("trachea_male", "trachea", None),
        ("pelvis_female", "pelvis", None),
        ("renal pelvis", "ureter", None),
        ("skull_metres", "skull", None),
        ("jaw_metres", "mandible", None),
        ("scaphoid_metres", "scaphoid", None),
        ("pulmonary_artery", "pulmonary-artery", None),
        ("L_Femur", "femur", "left"),
        ("femur-R", "femur", "right"),
        ("lung_upper_lobe_left", "lung", "left"),
        ("Niere_rechts", "kidney", "right"),
        ("rib_left_7", "rib", "left"),
        ("left_to_right_femur", "femur", None),  # both: not one of them
        ("kidney_tumour_left", "tumour", "left"),  # what is in the organ, not the organ
        ("left_ventricle_tumor", "tumour", None),
        ("kidney_vein", "vein", None),
        ("other", None, None),
        ("other_left", None, "left"),
        ("fibrosis", None, None),  # no rib in it
        ("de_la_Cruz", None, None),
        ("Body1", None, None),
        ("", None, None),
    ],
)
def test_tissue_and_side(profiles: Profiles, name: str, tissue: str | None, side: str | None) -> None:
    assert profiles.tissue_for(name) == (tissue, side)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("Smith_John_aorta_true_lumen", "aorta-true-lumen"),
        ("Müller^Hans 1999-03-12 Femur rechts", "femur-right"),
        ("vertebrae_T12", "vertebrae-t12"),
        ("PID1234567_rib_left_7", "rib-left-7"),
        ("aorta_12_03_1999", "aorta"),
        ("VH_F_papillary_muscle_of_heart_posmed", "papillary-muscle-of-heart-posmed"),
        ("L Smith kidney", "left-kidney"),
        ("spine_ribs", "spine-ribs"),
        ("John Smith", None),
        ("", None),
    ],
)
def test_only_anatomy_stays_in_a_canonical_name(profiles: Profiles, name: str, canonical: str | None) -> None:
    assert profiles.canonical_name(name) == canonical


def test_every_synonym_is_recognised_as_its_tissue(profiles: Profiles) -> None:
    for tissue in profiles.tissues.values():
        for name in (tissue.id, *tissue.synonyms):
            assert profiles.tissue_for(f"VH_{name.replace(' ', '_')}_m")[0] == tissue.id


def test_sizes_are_narrow_enough_to_tell_a_metre_from_a_millimetre(profiles: Profiles) -> None:
    for tissue in profiles.tissues.values():
        assert tissue.size_mm is not None
        assert tissue.size_mm[1] / tissue.size_mm[0] < 1000
