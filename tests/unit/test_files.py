import stat
from pathlib import Path

import pytest

from printprep.files import replacing, sha256_of, write_text


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "plate-1.gcode"
    write_text(path, "old")

    def fail() -> None:
        with replacing(path) as draft:
            draft.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_hash_is_sha256(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "empty", "")
    assert sha256_of(tmp_path / "a" / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_private_file_is_its_owners_alone_and_so_is_its_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "config" / "keys.toml"
    write_text(path, "old", private=True)
    write_text(path, "new", private=True)
    assert path.read_text() == "new"
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)] == [0o600, 0o700]
