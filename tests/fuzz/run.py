"""Fuzz one target with atheris: ``python -m tests.fuzz.run reader -max_total_time=60`` (``make fuzz`` runs all).

The kernels run as Python, so that the fuzzer sees their branches and every index is checked. What fails is left in the
folder ``build/fuzz`` as a file; ``python -m tests.fuzz.run reader FILE`` runs it again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["NUMBA_DISABLE_JIT"] = "1"

import atheris

with atheris.instrument_imports(include=["printprep"]):
    import numpy as np

    from printprep.gcode import layout, read
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS


def interpreted_output() -> layout.Output:
    """Rows whose fields are attributes outside of numba too; few, so that blocks end often."""
    return layout.Output(
        np.recarray(600, layout.MOVE), np.recarray(40, layout.EVENT), np.recarray(40, layout.TEXT)
    )  # fmt: skip


def main() -> None:
    """Run libFuzzer on the target named first."""
    name, *options = sys.argv[1:]
    layout.new_output = interpreted_output  # type: ignore[assignment]
    read.BLOCK_BYTES = 4096  # type: ignore[misc]
    np.seterr(over="ignore")  # hashes are meant to wrap
    corpus = Path("build") / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    again = any(not option.startswith("-") for option in options)
    paths = [] if again else [str(corpus), "-max_len=800", "-timeout=20", f"-artifact_prefix={corpus}-"]
    atheris.Setup([sys.argv[0], *options, *paths], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
