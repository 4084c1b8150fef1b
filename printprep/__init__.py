"""printprep: from a patient's segmented anatomy to a finished, verified 3D print."""

__version__ = "0.1.0"
