# SPDX-License-Identifier: MIT
"""The files that the command-line cases use: pickles, and snapshots of them, whole and damaged in one way each."""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import pickle
import subprocess
import zlib


# Header frames whose checksum holds, and that say what this version does not know; nothing behind them is looked at.
NEWER = {
    # format version 2
    "newer.snapjar": "532a4d182600000089534a520d0a1a0a0200000002000000000000004e28ca1e192b8918a0412a4dfea104917b7d",
    # must-understand flag 2
    "flagged.snapjar": "532a4d182600000089534a520d0a1a0a01000200020000000000000028f1407abcde1142f826d1432beda68d7b7d",
    # {"requires":["time-travel"]}
    "requiring.snapjar": "532a4d184000000089534a520d0a1a0a010000001c000000000000001133aee2bb17e863b3b4eb84bdd0a318"
    "7b227265717569726573223a5b2274696d652d74726176656c225d7d",
    # {"a":1,"a":2}
    "double-key.snapjar": "532a4d183100000089534a520d0a1a0a010000000d00000000000000b86fdf76e8a939a402592f0586409585"
    "7b2261223a312c2261223a327d",
    # {"a":[[...]]}, 33 levels in all
    "deep.snapjar": "532a4d186a00000089534a520d0a1a0a0100000046000000000000002d5e5a638edc0e8874cdcaf88bb528fe7b2261223a5b5b5b5b5b5b"
    "5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d"
    "5d5d5d7d",
    # {} and 40 bytes of seals
    "sealed.snapjar": "532a4d184e00000089534a520d0a1a0a010000000200000028000000344403e3741311bb34ac5ee8cce3da377b7d737373737373737373"
    "73737373737373737373737373737373737373737373737373737373737373",
}


def joblib_pickle() -> bytes:
    """{"a": <array>}: GLOBAL joblib.numpy_pickle NumpyArrayWrapper, BUILD, then bytes that are no opcodes."""
    head = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01cjoblib.numpy_pickle\nNumpyArrayWrapper\nq\x02)\x81q\x03}q\x04b"
    return head + b"\xff" * 64 + b"s."


def zstd_frame(data: bytes) -> bytes:
    """One frame with one raw block: no library is needed to make it."""
    assert len(data) < 256
    block = (len(data) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + block + data


def job_pickles() -> dict:
    """Pickles of classes that are installed nowhere: assembled by hand, so that no Python's version matters."""
    job = (
        b"\x80\x04\x8c\x08app.jobs\x94\x8c\x03Job\x94\x93\x94)\x81\x94}\x94("
        b"\x8c\x04name\x94\x8c\x07nightly\x94"
        b"\x8c\x05state\x94h\x00\x8c\x05State\x94\x93\x94K\x01\x85\x94R\x94"
        b"\x8c\x05steps\x94]\x94(h\x00\x8c\x04Step\x94\x93\x94)\x81\x94}\x94("
        b"h\x05\x8c\x07extract\x94\x8c\x03job\x94h\x03\x8c\x07seconds\x94G\x3f\xb9\x99\x99\x99\x99\x99\x9aub"
        b"h\x10e"
        b"\x8c\x07options\x94}\x94(\x8c\x05retry\x94K\x03C\x02\xff\x00\x94\x8c\x06a\x1b[31m\x94u"
        b"ub."
    )
    # Another name and state, a step more that is a copy, a field less in each step, another option.
    after = (
        b"\x80\x04\x8c\x08app.jobs\x94\x8c\x03Job\x94\x93\x94)\x81\x94}\x94("
        b"\x8c\x04name\x94\x8c\x06weekly\x94"
        b"\x8c\x05state\x94h\x00\x8c\x05State\x94\x93\x94K\x02\x85\x94R\x94"
        b"\x8c\x05steps\x94]\x94(h\x00\x8c\x04Step\x94\x93\x94)\x81\x94}\x94("
        b"h\x05\x8c\x07extract\x94\x8c\x03job\x94h\x03ub"
        b"h\x0f)\x81\x94}\x94(h\x05h\x12h\x13h\x03ube"
        b"\x8c\x07options\x94}\x94(\x8c\x05retry\x94\x8c\x03yes\x94\x8c\x04when\x94Nu"
        b"ub."
    )
    return {
        "job.pkl": job,
        "job-after.pkl": after,
        # Calls something that no policy allows. It does not exist; nothing here is ever loaded.
        "calls.pkl": b"\x80\x04}\x94(\x8c\x03run\x94\x8c\x07nowhere\x94\x8c\x04call\x94\x93\x94\x8c\x02rm\x94\x85\x94R\x94u.",
        "no-mark.pkl": b"\x80\x04]\x94K\x01t.",
        "memo-twice.pkl": b"]q\x00q\x00.",
    }


def keys() -> dict:
    """Keys that are always the same, trust in them, and a passphrase. The secrets are no secrets."""
    seed = bytes(range(32)).hex()
    build = "algorithm ed25519\nid 1ce0c602d5ce103a8b0acf9ae93deb10\n"
    build += "public 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\ncomment build machine\n"
    cache = f"snapjar secret key 1\nalgorithm mac\nid 16fd4562e626ec0e94efc506844ee5fc\nprotection none\nsecret {'07' * 32}\n"
    # The same seed, under the passphrase "open sesame", cheap to try.
    locked = (
        "snapjar secret key 1\nalgorithm ed25519\nid 1ce0c602d5ce103a8b0acf9ae93deb10\n"
        "public 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\nprotection argon2id 1 8192\n"
        "salt 00112233445566778899aabbccddeeff\nnonce 000102030405060708090a0b0c0d0e0f1011121314151617\n"
        "secret d0981ea26474b65ee4899e9513decdd8611b42624c1a535912c900d95e549c99"
        "30d5dbf036d5389936cf0fde10df54b0\n"
    )
    trust = (
        '{"snapjar_trust": 1, "keys": [\n  {"ed25519": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",'
        ' "types": %s},\n  {"mac": "16fd4562e626ec0e94efc506844ee5fc", "types": "any"%s}\n]}\n'
    )
    files = {
        "build.key": f"snapjar secret key 1\n{build}protection none\nsecret {seed}\n",
        "build.pub": f"snapjar public key 1\n{build}",
        "cache.key": cache,
        "locked.key": locked,
        "trust.json": trust % ('["app.jobs:Job", "builtins:dict"]', ""),
        "trust-other.json": trust % ('["app:Other"]', ""),
        "trust-old.json": trust % ('"any", "not_after": "2020-01-01T00:00:00Z"', ""),
        "trust-bad.json": trust % ('"any", "not_afer": "2020-01-01T00:00:00Z"', ""),
        "passphrase.txt": "open sesame\n",
    }
    return {name: text.encode() for name, text in files.items()}


def pickles() -> dict:
    one = pickle.dumps({"a": 1, "b": [1, 2, 3]}, 4)
    many = b"".join(pickle.dumps({"number": i, "text": "x" * 10 * i}, 4) for i in range(3))
    files = {
        "one.pkl": one,
        "many.pkl": many,
        "one.pkl.gz": gzip.compress(one, mtime=0),
        "one.pkl.bz2": bz2.compress(one),
        "one.pkl.xz": lzma.compress(one),
        "one.pkl.lzma": lzma.compress(one, format=lzma.FORMAT_ALONE),
        "one.pkl.z": zlib.compress(one),
        "one.pkl.zst": zstd_frame(one),
        "twice.pkl.gz": gzip.compress(gzip.compress(one, mtime=0), mtime=0),
        "cut.pkl.gz": gzip.compress(one, mtime=0)[:-12],
        "cut.pkl": one[:-4],
        "many-cut.pkl": many[:-4],
        "newline.pkl": one + b"\n",
        "joblib.pkl": joblib_pickle(),
        # Globals that no program has, so that nothing happens even if somebody loads them.
        "call.pkl": b"\x80\x04\x8c\x07nowhere\x8c\x05thing\x93\x8c\x01x\x85R.",
        "malformed.pkl": b"\x80\x040K\x01.",
        "odd.pkl": b"\x80\x04K\x01K\x02.",
        # Two objects with fields, one inside the other.
        "object.pkl": b"\x80\x04\x8c\x03app\x8c\x03Job\x93)\x81}(\x8c\x02idK\x01\x8c\x05steps"
        b"\x8c\x03app\x8c\x05Steps\x93)\x81}\x8c\x01nK\x02sbub.",
        # The same classes, the first with a field more.
        "object-more.pkl": b"\x80\x04\x8c\x03app\x8c\x03Job\x93)\x81}(\x8c\x02idK\x01\x8c\x05ownerN\x8c\x05steps"
        b"\x8c\x03app\x8c\x05Steps\x93)\x81}\x8c\x01nK\x02sbub.",
        "text.txt": b"hello, this is no pickle\n",
        "empty.pkl": b"",
    }
    files.update(job_pickles())
    files.update(old_headers(one))
    files.update(keys())
    for protocol in range(6):
        files[f"p{protocol}.pkl"] = pickle.dumps({"a": [1, 2.5, "text", None]}, protocol)
    return files


def old_headers(one: bytes) -> dict:
    """A length, a JSON header and a pickle, as programs wrote them that had no format to use."""

    def join(size: int, order: str, header: dict, payload: bytes) -> bytes:
        text = json.dumps(header).encode()
        return len(text).to_bytes(size, order) + text + payload

    header = {"class": "app.jobs:Job", "version": 3, "written": "2024-05-06T07:08:09+02:00", "service": "etl", "host": "n1", "ratio": 0.5}
    sums = {"crc": zlib.crc32(one), "sha256": hashlib.sha256(one).hexdigest()}
    packed = zlib.compress(one)
    return {
        "be32.job": join(4, "big", header | sums, one),
        "le64.job": join(8, "little", header | sums, one),
        "packed.job": join(4, "little", header | {"crc": zlib.crc32(packed)}, packed),
        "plain-sum.job": join(4, "little", header | {"crc": zlib.crc32(one)}, packed),
        "several.job": join(4, "big", header, one) + join(4, "big", header | {"host": "n2"}, one + one),
        "wrong-sum.job": join(4, "big", header | sums | {"crc": 1}, one),
        "bad-json.job": join(4, "big", header, one).replace(b'"host"', b"'host'"),
        # G takes eight bytes and the full stop ends the pickle: a float, or a header of 71 bytes.
        "ambiguous.job": join(4, "little", {"abc.": "x" * 59}, one),
    }


def flip(data: bytes, offset: int) -> bytes:
    damaged = bytearray(data)
    damaged[offset] ^= 1
    return bytes(damaged)


def damaged(one: bytes, many: bytes) -> dict:
    trailer = many.index(b"\x54\x2a\x4d\x18")
    return {
        "empty.snapjar": b"",
        "head-cut.snapjar": one[:100],
        "torn.snapjar": many[:-50],
        "mark-torn.snapjar": many[:-5],
        "flipped.snapjar": flip(many, trailer - 10),
        "header-flipped.snapjar": flip(many, 200),
        "trailer-flipped.snapjar": flip(many, trailer + 12),
        "garbage.snapjar": one + b"some other bytes that another program left here",
        "text-mode.snapjar": one.replace(b"\r\n", b"\n"),
        "seven-bit.snapjar": bytes(byte & 0x7F for byte in one),
        "shifted.snapjar": b"\xef\xbb\xbf" + one,
    }


def make(folder: str, program: str, env: dict) -> None:
    """Writes all files into `folder`."""
    for name, data in pickles().items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)

    def pack(*arguments: str) -> bytes:
        done = subprocess.run([program, "pack", "--no-sync", "--raw", *arguments], cwd=folder, env=env, check=False,
                              capture_output=True)
        if done.returncode:
            raise SystemExit(f"cannot make the fixtures: {done.stderr.decode()}")
        with open(os.path.join(folder, arguments[-1]), "rb") as file:
            return file.read()

    one = pack("-t", "app.jobs:Job", "-s", "3", "--label", "host=web1", "one.pkl", "-o", "one.snapjar")
    many = pack("-t", "app.jobs:Event", "many.pkl", "-o", "many.snapjar")
    for name in ("call", "malformed", "odd"):
        pack("-t", "app.jobs:Odd", name + ".pkl", "-o", name + ".snapjar")
    newer = {name: bytes.fromhex(digits) for name, digits in NEWER.items()}
    for name, data in {**damaged(one, many), **newer}.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
