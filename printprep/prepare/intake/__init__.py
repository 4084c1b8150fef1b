"""Reading a case: casefile (case.toml), read (files), naming (anatomy), sizes (units), frame (mm, RAS, scale)."""

from printprep.prepare.intake.read import read_case

__all__ = ["read_case"]
