#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_trust: seed_trust.py DIRECTORY."""

import json
import pathlib
import sys

PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
MAC = "16fd4562e626ec0e94efc506844ee5fc"


def trust(*keys, **more):
    return {"snapjar_trust": 1, "keys": list(keys), **more}


def make_trusts():
    yield trust()
    yield trust({"ed25519": PUBLIC, "types": "any"}, {"mac": MAC, "types": ["app:T", "\u00e9"]})
    yield trust({"mac": MAC, "types": "any", "not_before": "2020-01-01T00:00:00Z", "not_after": "2030-12-31T23:59:59Z"})
    yield trust({"mac": MAC, "types": "any", "not_before": "2031-01-01T00:00:00Z", "not_after": "2030-12-31T23:59:59Z"})
    yield trust({"mac": MAC, "types": "any", "context": "production", "comment": "x"})
    yield trust({"mac": MAC, "types": []}, {"mac": MAC, "types": "any"})
    yield trust({"mac": MAC, "types": "any"}, {"mac": MAC, "types": "any"})
    yield trust({"ed25519": PUBLIC, "mac": MAC, "types": "any"}, more=1)
    yield trust({"types": "any", "not_after": "2030-02-30T00:00:00Z"})
    yield {"snapjar_trust": 2, "keys": []}
    yield {"snapjar_trust": 1, "keys": {}}
    yield []


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(make_trusts()):
        (directory / ("trust-%03d" % number)).write_text(json.dumps(value, indent=number % 3 or None), encoding="utf-8")


if __name__ == "__main__":
    main()
