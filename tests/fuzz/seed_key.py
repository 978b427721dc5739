#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_key: seed_key.py DIRECTORY."""

import pathlib
import sys

ED25519 = (
    "algorithm ed25519\nid 1ce0c602d5ce103a8b0acf9ae93deb10\n"
    "public 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\n"
)
MAC = "algorithm mac\nid 16fd4562e626ec0e94efc506844ee5fc\n"
SALT = "salt 00112233445566778899aabbccddeeff\nnonce 000102030405060708090a0b0c0d0e0f1011121314151617\n"


def make_keys():
    seed = bytes(range(32)).hex()
    yield "snapjar public key 1\n" + ED25519
    yield "snapjar public key 1\n" + ED25519 + "comment a \u20ac\n"
    yield "snapjar secret key 1\n" + ED25519 + f"protection none\nsecret {seed}\n"
    yield "snapjar secret key 1\n" + ED25519 + f"comment x\nprotection none\nsecret {seed[::-1]}\n"
    yield "snapjar secret key 1\n" + MAC + f"protection none\nsecret {'07' * 32}\n"
    yield "snapjar secret key 1\n" + MAC + f"protection argon2id 1 8192\n{SALT}secret {'07' * 48}\n"
    yield "snapjar secret key 1\n" + MAC + f"protection argon2id 99 8192\n{SALT}secret {'07' * 48}\n"
    yield "snapjar secret key 2\n"


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(make_keys()):
        (directory / ("key-%03d" % number)).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
