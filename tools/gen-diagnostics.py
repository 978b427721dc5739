#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the public header diagnostics.h from lib/util/diagnostics.def: gen-diagnostics.py IN OUT."""

import re
import sys

ROW = re.compile(r'X\((\d+),\s*(\w+),\s*"([a-z0-9-]+)",\s*"([^"]*)",')


def main() -> None:
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        rows = ROW.findall(file.read())
    lines = [
        "/* SPDX-License-Identifier: MIT",
        " *",
        " * What exactly is wrong. Made from lib/util/diagnostics.def: do not edit.",
        " * A number keeps its meaning for ever, is never reused and carries no category.",
        " */",
        "#ifndef SNAPJAR_DIAGNOSTICS_H",
        "#define SNAPJAR_DIAGNOSTICS_H",
        "",
        "typedef enum snapjar_diagnostic {",
        "    /** No diagnostic. */",
        "    SNAPJAR_DIAG_NONE = 0,",
    ]
    for number, enum_name, name, summary in rows:
        lines.append(f"    /** {name}: {summary}. */")
        lines.append(f"    SNAPJAR_DIAG_{enum_name} = {number},")
    lines[-1] = lines[-1].rstrip(",")
    lines += ["} snapjar_diagnostic;", "", "#endif", ""]
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
