#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_policy: seed_policy.py DIRECTORY."""

import json
import pathlib
import sys


def policy(**members):
    return {"snapjar_policy": 1, **members}


def make_policies():
    yield policy()
    yield policy(presets=["plain", "numpy"], persistent_ids=True, buffers=False)
    yield policy(allow={"os:system": ["import"]})
    yield policy(allow={"os:system": ["call"], "app.jobs:Job.Inner": {"uses": ["new", "build"], "reason": "ours"}})
    yield policy(allow={"os:system": ["call", "build", "argument"], "\u00e9:\u20ac": ["setitem", "append"]})
    yield policy(extensions={"240": "app:X", "1": "os:system"})
    yield policy(allow={"noname": ["call"]})
    yield policy(allow={"a:b": []})
    yield policy(allow={"a:b": ["cal"]})
    yield policy(allow=[], presets={}, other=1)
    yield {"snapjar_policy": 2}
    yield {"allow": {}}
    yield []


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(make_policies()):
        (directory / ("policy-%03d" % number)).write_text(json.dumps(value, indent=number % 3 or None), encoding="utf-8")


if __name__ == "__main__":
    main()
