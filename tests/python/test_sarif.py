#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The form of `snapjar scan --sarif` and of its fingerprints: test_sarif.py PROGRAM

What SARIF 2.1.0 (OASIS) demands of the members that are used is written out here: names, types, allowed values, and that
every rule that a result refers to is there. The pickles name globals that do not exist.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from urllib.parse import unquote

PROGRAM = os.path.abspath(sys.argv[1])
CALL = b"\x80\x04\x8c\x07nowhere\x8c\x05thing\x93\x8c\x01x\x85R."
GOOD = b"\x80\x04}."
# Member -> (type, whether it must be there).
SHAPES = {
    "log": {"$schema": (str, False), "version": (str, True), "runs": (list, True)},
    "run": {"tool": (dict, True), "results": (list, True), "columnKind": (str, False), "invocations": (list, False)},
    "driver": {"name": (str, True), "semanticVersion": (str, False), "rules": (list, False)},
    "rule": {"id": (str, True), "shortDescription": (dict, False), "help": (dict, False), "properties": (dict, False)},
    "result": {"ruleId": (str, True), "level": (str, False), "message": (dict, True), "locations": (list, True),
               "partialFingerprints": (dict, True), "properties": (dict, False)},
    "physicalLocation": {"artifactLocation": (dict, True), "region": (dict, False)},
    "region": {"startLine": (int, False), "byteOffset": (int, False)},
    "invocation": {"executionSuccessful": (bool, True), "exitCode": (int, False)},
}


def check_shape(value: dict, shape: str) -> dict:
    for name, (kind, is_required) in SHAPES[shape].items():
        assert name in value or not is_required, f"{shape} has no {name}"
        assert name not in value or type(value[name]) is kind, f"{shape}.{name} is a {type(value.get(name))}"
    unknown = set(value) - set(SHAPES[shape])
    assert not unknown, f"{shape} has {unknown}"
    return value


def check_result(result: dict, rules: set) -> None:
    check_shape(result, "result")
    assert result["ruleId"] in rules, result["ruleId"]
    assert result["level"] in ("none", "note", "warning", "error")
    assert isinstance(result["message"]["text"], str) and result["message"]["text"]
    assert len(result["locations"]) == 1
    location = check_shape(result["locations"][0]["physicalLocation"], "physicalLocation")
    uri = location["artifactLocation"]["uri"]
    assert re.fullmatch(r"(file:///)?(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*", uri), uri
    if "region" in location:
        region = check_shape(location["region"], "region")
        assert region["byteOffset"] >= 0 and region["startLine"] == 1
    for value in result["partialFingerprints"].values():
        assert re.fullmatch(r"[0-9a-f]{16}", value)


def scan(folder: str, *arguments: str) -> tuple:
    done = subprocess.run([PROGRAM, "scan", "--sarif", *arguments], cwd=folder, capture_output=True, check=False)
    log = check_shape(json.loads(done.stdout), "log")
    assert log["version"] == "2.1.0" and len(log["runs"]) == 1
    run = check_shape(log["runs"][0], "run")
    driver = check_shape(run["tool"]["driver"], "driver")
    ids = [check_shape(rule, "rule")["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in ids)
    for result in run["results"]:
        check_result(result, set(ids))
    invocation = check_shape(run["invocations"][0], "invocation")
    assert invocation["exitCode"] == done.returncode
    assert invocation["executionSuccessful"] == (done.returncode != 2)
    return done.returncode, run["results"]


def write(folder: str, name: str, data: bytes) -> str:
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)
    return name


def place(result: dict) -> dict:
    return result["locations"][0]["physicalLocation"]


def main() -> None:
    passed = 0
    with tempfile.TemporaryDirectory() as folder:
        good = write(folder, "good.pkl", GOOD)
        call = write(folder, "call.pkl", CALL)
        assert scan(folder, good) == (0, [])
        passed += 1

        code, results = scan(folder, good, call)
        assert code == 1 and len(results) == 1
        assert results[0]["ruleId"] == "global-denied" and place(results[0])["region"]["byteOffset"] == 18
        assert results[0]["properties"]["uses"] == ["import", "call"]
        assert results[0]["properties"]["line"] == '"nowhere:thing": ["call"]'
        first = results[0]["partialFingerprints"]
        passed += 1

        # The same fault elsewhere in the pickle is the same; another global, or file, is another.
        write(folder, "call.pkl", b"\x80\x04K\x010" + CALL[2:])
        moved = scan(folder, call)[1][0]
        assert moved["partialFingerprints"] == first and place(moved)["region"]["byteOffset"] == 21
        write(folder, "call.pkl", CALL.replace(b"thing", b"thong"))
        assert scan(folder, call)[1][0]["partialFingerprints"] != first
        other = write(folder, "other.pkl", CALL)
        assert scan(folder, other)[1][0]["partialFingerprints"] != first
        passed += 1

        # Behind another pickle; in a compressed file no byte of the file can be told; of a record it is the record's.
        several = write(folder, "several.pkl", GOOD + CALL)
        assert place(scan(folder, several)[1][0])["region"]["byteOffset"] == 22
        packed = write(folder, "several.pkl.gz", gzip.compress(GOOD + CALL))
        result = scan(folder, packed)[1][0]
        assert "region" not in place(result) and result["properties"]["contentOffset"] == 22
        subprocess.run([PROGRAM, "pack", "several.pkl"], cwd=folder, check=True)
        result = scan(folder, "several.snapjar")[1][0]
        assert result["properties"]["record"] == 1 and result["properties"]["contentOffset"] == 18
        with open(os.path.join(folder, "several.snapjar"), "rb") as file:
            data = file.read()
        assert data[place(result)["region"]["byteOffset"]:][8:12] == b"\x89SJR"
        passed += 1

        # What is not analysed is a result too, and what could not be read makes the run incomplete.
        cut = write(folder, "cut.pkl", CALL[:20])
        text = write(folder, "text", b"~ no pickle")
        code, results = scan(folder, cut, text, "missing")
        assert code == 2
        assert [result["ruleId"] for result in results] == ["pickle-cut-short", "input-not-pickle", "open-failed"]
        passed += 1

        # Names that a URI or a terminal must not have as they are.
        odd = write(folder, "a b%\x1b[31m\u202e.pkl", CALL)
        result = scan(folder, odd)[1][0]
        assert unquote(place(result)["artifactLocation"]["uri"]) == odd
        absolute = os.path.join(folder, other)
        assert place(scan(folder, absolute)[1][0])["artifactLocation"]["uri"] == "file://" + absolute
        passed += 1
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
