"""The targets of the fuzzer hold for its seeds and for damage to them; `make fuzz` looks for more."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_damaged_seeds(name: str) -> None:
    random_ = random.Random(4)
    for seed in seeds(name):
        TARGETS[name](seed)
        for _ in range(12):
            data = bytearray(seed)
            for _ in range(random_.randint(1, 6)):
                at = random_.randrange(len(data))
                data[at : at + random_.choice([0, 1, 1, 4])] = random_.choice(
                    [b"", b"\n", b"\r", b";", b"\xff\xff", b"-", b"9" * 30, bytes([random_.randrange(256)])]
                )
            TARGETS[name](bytes(data[: random_.randrange(len(data) + 1)]))
