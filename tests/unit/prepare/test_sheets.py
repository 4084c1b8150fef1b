"""Pieces of a skin say which body they bound together; a sheet on a solid says which part prints it."""

import numpy as np
from manifold3d import Manifold

from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.geometry.topology import used_vertices
from printprep.prepare.sheets import explain

BALL = from_solid(Manifold.sphere(10.0, 48))
HEIGHT = BALL.triangles.mean(axis=1)[:, 2]


def piece(lower: float, upper: float) -> Mesh:
    return used_vertices(Mesh(BALL.vertices, BALL.faces[(lower <= HEIGHT) & (upper > HEIGHT)]))


THIRDS = {"head": piece(3, 11), "waist": piece(-3, 3), "foot": piece(-11, -3)}


def test_pieces_of_one_skin_name_each_other_and_the_volume_they_bound() -> None:
    said = explain(THIRDS, {})
    assert set(said) == set(THIRDS)
    assert "waist, foot" in said["head"]
    assert "3 parts" in said["head"]
    assert f"{BALL.volume_mm3 / 1000:.1f} ml" in said["head"]


def test_what_to_write_for_pieces_of_one_file_is_said_once() -> None:
    objects = {name: ("body.3mf", f"The {name}") for name in THIRDS}
    said = explain(THIRDS, {}, objects)
    assert 'with the same mesh and object = ["The head", "The waist", "The foot"], or segment' in said["head"]
    assert "the objects that the finding of head lists" in said["foot"]
    assert "objects of one file" in explain(THIRDS, {}, {**objects, "foot": ("foot.stl", "The foot")})["head"]


def test_a_sheet_that_repeats_others_is_left_out_of_their_body() -> None:
    said = explain({**THIRDS, "front": piece(-6, 6)}, {})
    assert set(said) == set(THIRDS)
    assert "front" not in said["head"]


def test_pieces_with_a_third_missing_bound_nothing() -> None:
    assert explain({name: THIRDS[name] for name in ("head", "waist")}, {}) == {}


def test_a_sheet_on_a_solid_is_printed_by_it() -> None:
    said = explain({"cap": piece(3, 11)}, {"far": Mesh(BALL.vertices + 50, BALL.faces), "ball": BALL})
    assert "surface of ball" in said["cap"]
    assert explain({"cap": Mesh(piece(3, 11).vertices + 0.2, piece(3, 11).faces)}, {"ball": BALL}) == {}


def test_sheets_apart_have_no_company() -> None:
    other = piece(3, 11)
    assert explain({"one": other, "two": Mesh(other.vertices + np.array([30.0, 0, 0]), other.faces)}, {}) == {}
