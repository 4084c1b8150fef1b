import numpy as np
import pytest
from manifold3d import Manifold
from scipy.spatial.transform import Rotation

from printprep.geometry.align import aligned
from printprep.geometry.measure import deviation
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.solid import from_solid

BEAN = from_solid(
    Manifold.sphere(10.0, 48).scale((1, 2, 0.7))
    + Manifold.sphere(6.0, 32).translate((0, 15, 4))
    + Manifold.cube((16, 4, 3))
)


def motion(seed: int) -> Float:
    random = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(rng=random).as_matrix()
    matrix[:3, 3] = random.uniform(-300, 300, 3)
    return matrix


def test_the_same_triangles_are_laid_on_each_other_corner_by_corner() -> None:
    turned = BEAN.transformed(motion(1))
    matrix, rms_mm = aligned(BEAN, turned)
    assert matrix == pytest.approx(motion(1), abs=1e-9)
    assert rms_mm < 1e-9


@pytest.mark.parametrize("seed", [2, 3])
def test_other_triangles_of_the_same_shape_are_laid_on_each_other_however_they_were_turned(seed: int) -> None:
    shuffled = BEAN.faces[np.random.default_rng(0).permutation(len(BEAN))]
    turned = Mesh(BEAN.vertices, shuffled).transformed(motion(seed))
    matrix, rms_mm = aligned(BEAN, turned)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0)
    assert rms_mm < 0.01
    assert deviation(BEAN.transformed(matrix), turned, samples=2000).max_mm < 0.05


def test_a_mirror_image_stays_one() -> None:
    matrix, rms_mm = aligned(BEAN, BEAN.mirrored(0))
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0)
    assert rms_mm > 0.2
