"""Decode damaged items until the time is over: `python fuzz_codec.py SECONDS SEED FILE`.

FILE gets what is about to be decoded (`marshal.load` reads it), and so has what a decoder broke on.

What damages them knows the format well enough to reach every branch of the decoder, and keeps pickles as they were:
those may do anything. Whatever is decoded must give a value, all of whose memory can be read, or an ordinary exception,
in reasonable time and memory. A process of its own, as a decoder that fails may take it along.
"""

import array
import collections
import faulthandler
import marshal
import os
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np

from cascata import _native

PICKLE, BUFFER = 14, 13
TAGS = range(16)
LARGE = 5000
"""Bytes that become an attachment."""
MOST_MEMORY = 256 << 20
"""Address space that decoding may take beyond what is there when it begins; no input has more than a few dozen KiB."""
SLABS = 2 << 20
"""Bytes that may stay in use by nothing: pages that small blocks share are kept, some for each size."""
PATIENCE = 20
"""Seconds without progress that are a hang."""
EXTREMES = [0, 1, 127, 128, 4095, 4096, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**70]
DTYPES = ["?", "i1", "<u2", ">i4", "<f8", ">f4", "<c16", "<f2", "<i8"]


def varint(number):
    """Write a length as the encoder does, but of any size."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


# What is sent.


def random_data(rng):
    return rng.randbytes(rng.choice([0, 1, 7, 100, LARGE - 1000, LARGE]))


def random_array(rng):
    shape = [rng.randrange(5) for _ in range(rng.randrange(4))] if rng.random() < 0.7 else [rng.randrange(2000)]
    kind = np.dtype(rng.choice(DTYPES))
    size = int(np.prod(shape)) * kind.itemsize
    plain = np.frombuffer(rng.randbytes(size), kind).reshape(shape)
    return rng.choice([plain, plain.T, plain[..., ::2] if plain.ndim else plain])


SCALARS = [
    lambda rng: rng.choice([None, True, False]),
    lambda rng: rng.choice([1, -1]) * rng.getrandbits(rng.randrange(70)),
    lambda rng: rng.choice([0.0, -0.0, 1.5, float("nan"), float("inf")]),
    random_data,
    lambda rng: random_data(rng).decode("latin-1"),
]
PICKLED = [
    lambda _rng: {1, 2},
    lambda _rng: range(5),
    lambda _rng: collections.deque(["one", "two"]),
    lambda rng: bytearray(random_data(rng)),
    lambda rng: [bytearray(random_data(rng)), {3}],
    lambda rng: array.array("d", range(rng.randrange(1000))),
    lambda rng: np.array([(1, 2.0)] * rng.randrange(1000), [("a", "i4"), ("b", "f8")]),
    lambda rng: np.arange(rng.randrange(2000)).astype("M8[s]"),
    lambda rng: {"times": np.arange(1000).astype("M8[s]"), "plain": random_array(rng)},
]


def random_value(rng, depth=0):
    """Make something that goes every way there is."""
    what = rng.random()
    if depth == 0 and what < 0.3:
        return rng.choice(PICKLED)(rng)
    if depth < 4 and what < 0.6:
        parts = [random_value(rng, depth + 1) for _ in range(rng.choice([0, 1, 3, 8]))]
        key = lambda: rng.choice([None, 5, -1.5, "key", b"key"])  # noqa: E731
        return rng.choice([parts, tuple(parts), {key(): part for part in parts}])
    return random_array(rng) if what < 0.75 else rng.choice(SCALARS)(rng)


# Damage.


class Reader:
    """As much of the decoder as it takes to find the pickle."""

    def __init__(self, data, attached):
        """Begin behind the tag."""
        self.data, self.at, self.attached = data, 1, list(attached)

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        value = shift = 0
        while (byte := self.byte()) >= 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return (value | byte << shift) % 2**64

    def pickle(self):
        for _ in range(min(self.number(), len(self.data))):
            if self.byte() == 0:
                length = self.number()
                self.at += length
            else:
                self.number(), self.number(), self.attached.pop(0)
        if self.byte() == 0:
            return self.data[self.at :]
        return self.attached.pop(0)


def pickle_of(data, attached):
    """Find the pickle that the decoder would load, if it would load any."""
    if data[:1] != bytes([PICKLE]):
        return None
    try:
        return Reader(data, attached).pickle()
    except IndexError:
        return None


def damage(rng, data, attached, others):  # noqa: C901  one case for each kind of damage
    """Give a changed copy of an item: sometimes a little, sometimes a lot."""
    data, attached = bytearray(data), list(attached)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        to = min(to, at + rng.choice([1, 2, 10, len(data)]))
        other, more = rng.choice(others)
        match rng.randrange(12):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at % len(data)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, *TAGS])
            case 2:
                del data[at:]
            case 3:
                del data[at:to]
            case 4:
                data[at:at] = data[at:to]
            case 5:
                data[at:to] = other[rng.randrange(len(other)) :][: to - at + rng.randrange(4)]
            case 6:
                data[at:at] = rng.randbytes(rng.randrange(12))
            case 7 | 8:
                data[at : at + rng.randrange(3)] = varint(rng.choice(EXTREMES))
            case 9 if attached:
                del attached[rng.randrange(len(attached))]
            case 10:
                surplus = rng.choice(more) if more else random_data(rng)
                attached.insert(rng.randrange(len(attached) + 1), surplus)
            case 11 if attached:
                which = rng.randrange(len(attached))
                attached[which] = attached[which][: rng.randrange(len(attached[which]) + 1)]
    return bytes(data), attached


# Looking at what came out.


def look(value):
    """Read all the memory behind a value."""
    if isinstance(value, np.ndarray):
        value.tobytes()
    elif isinstance(value, _native.View | bytearray):
        bytes(value)
    elif isinstance(value, dict):
        for part in value.items():
            look(part)
    elif isinstance(value, list | tuple):
        for part in value:
            look(part)


def try_one(loopback, data, attached):
    """Decode; true if that gave a value. What is no ordinary exception, or says that memory is short, goes through."""
    try:
        look(loopback.decode(data, attached))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  any other is a refusal
        return False
    return True


def fuzz(seconds, seed, latest):
    """Run; `latest` is the descriptor of a file that gets what is about to be decoded."""
    rng = random.Random(seed)  # noqa: S311  it is to be repeated
    loopback = _native.Loopback(64 << 20)
    values = [random_value(rng) for _ in range(300)]
    corpus = [loopback.encode(value) for value in values]
    # Hashes, or they would fill the memory in the long run.
    pickles = {hash(pickle_of(*item)) for item in corpus} | {hash(None)}
    for item in corpus:
        assert try_one(loopback, *item)
    available = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (available + MOST_MEMORY, resource.RLIM_INFINITY))
    tried = decoded = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        for _ in range(100):
            item = damage(rng, *rng.choice(corpus), corpus)
            if hash(pickle_of(*item)) not in pickles:
                continue
            os.pwrite(latest, marshal.dumps(item), 0)
            tried += 1
            decoded += try_one(loopback, *item)
        item = loopback.encode(random_value(rng))
        corpus[rng.randrange(len(corpus))] = item
        pickles.add(hash(pickle_of(*item)))
    faulthandler.cancel_dump_traceback_later()
    assert loopback.in_use() <= SLABS, "something is left in shared memory"
    return tried, decoded


if __name__ == "__main__":
    faulthandler.enable()
    with Path(sys.argv[3]).open("wb") as file:
        tried, decoded = fuzz(float(sys.argv[1]), int(sys.argv[2]), file.fileno())
    print(f"tried {tried} decoded {decoded}")  # noqa: T201  for whoever runs it
