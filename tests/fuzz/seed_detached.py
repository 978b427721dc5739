#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_detached: seed_detached.py DIRECTORY."""

import pathlib
import sys

TITLE = "snapjar detached seal 1\n"
ID = "00112233445566778899aabbccddeeff"
RECORD = f"record {ID * 2} 34 {ID * 2}\n"
MAC = f"signature mac {ID} {ID} {ID * 2}\n"
ED25519 = f"signature ed25519 {ID} {'00' * 16} {ID * 4}\n"
NEW = f"signature new-1 {ID[::-1]} {ID} 00ff\n"


def make_texts():
    yield "@LIST@SIGNATURE"
    yield "@LIST" + NEW + "@SIGNATURE" + MAC
    yield "@LIST" + RECORD + "@SIGNATURE"
    yield "@LIST@SIGNATURE@SIGNATURE"
    yield TITLE + RECORD * 3 + MAC
    yield TITLE + RECORD + ED25519 + NEW
    yield TITLE + RECORD
    yield TITLE + MAC
    yield TITLE.replace("1", "2") + RECORD


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(make_texts()):
        (directory / ("detached-%03d" % number)).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
