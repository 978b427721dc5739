#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the layers of the source tree: check_layers.py [--self-test] [ROOT].

- A file of lib/ includes its own folder, folders of lower layers and <snapjar/...>, nothing else of ours.
- cli/ and python/ include <snapjar/...> and their own files only.
- A third-party header is included by one folder only, and by the one that is named here.
- lib/ has no plain malloc, strcpy, printf, exit and their kin.
The self-test plants a violation of every rule in a small tree and wants each to be found. It always runs first.
"""

import re
import sys
import tempfile
from pathlib import Path

# Folder of lib/ -> layer. A file includes lower layers only, never a neighbour of its own layer ...
LAYERS = {
    "util": 0,
    "checksum": 1,
    "codec": 1,
    "json": 1,
    "header": 2,
    "pickle": 2,
    "seal": 2,
    "container": 3,
    "migrate": 4,
    "snapshot": 5,
}
# ... but for these.
NEIGHBOURS = {("codec", "checksum")}

# Third-party header -> the one folder that may include it.
OWNERS = {
    "jansson.h": "lib/json",
    "xxhash.h": "lib/checksum",
    "xxh3.h": "lib/checksum",
    "xxh_x86dispatch.h": "lib/checksum",
    "sodium.h": None,  # one folder, whichever
    "zstd.h": "lib/codec",
    "zstd_errors.h": "lib/codec",
    "zdict.h": "lib/codec",
    "zlib.h": "lib/codec",
    "bzlib.h": "lib/codec",
    "lzma.h": "lib/codec",
    "libsmartcols/libsmartcols.h": "cli",
    "Python.h": "python",
    "structmember.h": "python",
}

# The C library's and the system's own headers. Any other <...> is a dependency that nobody decided on.
SYSTEM = set(
    """assert.h complex.h ctype.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h math.h setjmp.h
    signal.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h
    tgmath.h threads.h time.h uchar.h wchar.h wctype.h
    dirent.h endian.h fcntl.h fnmatch.h fts.h ftw.h getopt.h glob.h langinfo.h libgen.h poll.h pthread.h sched.h
    strings.h sysexits.h termios.h unistd.h""".split()
)
SYSTEM_FOLDERS = ("sys/", "linux/")

BANNED = set(
    """malloc calloc realloc reallocarray free aligned_alloc posix_memalign memalign valloc strdup strndup asprintf
    vasprintf getline getdelim strcpy stpcpy strcat strncat strncpy sprintf vsprintf strtok strtok_r gets atoi atol
    atoll atof alloca printf fprintf vprintf vfprintf dprintf puts fputs putchar fputc perror exit _exit _Exit
    quick_exit""".split()
)
# The one file that hands out the C library's memory.
BANNED_EXCEPT = {"lib/util/context.c"}

SUFFIXES = {".c", ".h", ".def", ".inc", ".in"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>|(\S.*))', re.M)
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?:\.|->)[ \t\n]*\w+|[A-Za-z_]\w*|.""", re.S
)
# Names inside attributes (malloc, format(printf, ...)) and pragmas (GCC poison malloc) are not uses.
NOT_CODE = re.compile(r"__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)|^[ \t]*#[ \t]*pragma[^\n]*", re.M)


def without_comments(text: str) -> str:
    """The text with comments blanked, line breaks kept."""

    def blank(match: re.Match) -> str:
        token = match.group()
        return "\n" * token.count("\n") if token[:2] in ("//", "/*") else token

    return TOKEN.sub(blank, text)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


class Checker:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []
        self.users: dict[str, set[str]] = {}
        self.file_count = 0

    def report(self, path: str, line: int, message: str) -> None:
        self.problems.append(f"{path}:{line}: {message}")

    def check_quoted(self, path: str, line: int, folder: str, target: str) -> None:
        """#include "target" in a file of `folder` ("lib/util", "lib/include", "cli" or "python")."""
        if folder == "lib/include":
            return self.report(path, line, f'a public header includes "{target}": only <snapjar/...> is installed')
        if not folder.startswith("lib/"):
            here = Path(path).parent
            places = [here / target, Path(folder) / target, Path(target)]
            if not any(self.is_inside(place, folder) for place in places):
                self.report(path, line, f'{folder}/ may include <snapjar/...> and its own files, not "{target}"')
            return None
        own = folder.removeprefix("lib/")
        other = target.split("/")[0]
        if "/" not in target or other not in LAYERS:
            return self.report(path, line, f'write includes from lib/: "{own}/...", not "{target}"')
        if not (self.root / "lib" / target).is_file():
            return self.report(path, line, f'there is no lib/{target}')
        if other != own and (own, other) not in NEIGHBOURS and LAYERS[other] >= LAYERS[own]:
            self.report(path, line, f"{own} (layer {LAYERS[own]}) includes {target} (layer {LAYERS[other]})")
        return None

    def is_inside(self, place: Path, folder: str) -> bool:
        full = (self.root / place).resolve()
        return full.is_file() and full.is_relative_to((self.root / folder).resolve())

    def check_angled(self, path: str, line: int, folder: str, target: str) -> None:
        if target.startswith("snapjar/") or target in SYSTEM or target.startswith(SYSTEM_FOLDERS):
            return
        self.users.setdefault(target, set()).add(folder)
        if target not in OWNERS:
            self.report(path, line, f"<{target}> is no header of ours, of the system or of a decided dependency")
        elif OWNERS[target] not in (None, folder):
            self.report(path, line, f"<{target}> belongs to {OWNERS[target]}/ alone")

    def check_file(self, file: Path, folder: str) -> None:
        path = file.relative_to(self.root).as_posix()
        text = without_comments(file.read_text(encoding="utf-8"))
        self.file_count += 1
        for match in INCLUDE.finditer(text):
            quoted, angled, computed = match.groups()
            line = line_of(text, match.start())
            if quoted:
                self.check_quoted(path, line, folder, quoted)
            elif angled:
                self.check_angled(path, line, folder, angled)
            else:
                self.report(path, line, f"a computed include hides what it includes: {computed}")
        if folder.startswith("lib/") and path not in BANNED_EXCEPT:
            code = NOT_CODE.sub(lambda match: "\n" * match.group().count("\n"), text)
            for match in TOKEN.finditer(code):
                if match.group() in BANNED:
                    self.report(path, line_of(code, match.start()), f"{match.group()} must not be used in lib/")

    def folder_of(self, file: Path) -> str | None:
        """The unit a file belongs to, None (and a problem) if it stands where none belongs."""
        parts = file.relative_to(self.root).parts
        if parts[0] != "lib":
            return parts[0]
        if len(parts) < 3 or parts[1] not in LAYERS and parts[1] != "include":
            self.report("/".join(parts), 1, "belongs to no layer (see LAYERS in tests/check_layers.py)")
            return None
        return f"lib/{parts[1]}"

    def check(self) -> list[str]:
        for top in ("lib", "cli", "python"):
            for file in sorted((self.root / top).rglob("*")):
                if file.suffix in SUFFIXES and file.is_file():
                    folder = self.folder_of(file)
                    if folder:
                        self.check_file(file, folder)
        for header, folders in sorted(self.users.items()):
            if len(folders) > 1:
                self.report(header, 1, f"is included by more than one folder: {', '.join(sorted(folders))}")
        return self.problems


# Each: a file, its text, and a piece of the one problem that must be found in it ("" for none).
PLANTED = [
    ("lib/util/bytes.h", "#include <stdint.h>\n", ""),
    ("lib/util/up.c", '#include "json/json.h"\n', "util (layer 0) includes json/json.h"),
    ("lib/json/json.h", '#include "util/bytes.h"\n#include <jansson.h>\n#include <snapjar/error.h>\n', ""),
    ("lib/json/next.c", '#include "codec/codec.h"\n', "json (layer 1) includes codec/codec.h"),
    ("lib/codec/codec.h", '#include "checksum/hash.h"\n#include <zstd.h>\n', ""),
    ("lib/checksum/hash.h", "#include <xxhash.h>\n", ""),
    ("lib/checksum/back.c", '#include "codec/codec.h"\n', "checksum (layer 1) includes codec/codec.h"),
    ("lib/pickle/lexer.h", "int lexer;\n", ""),
    ("lib/header/leaf.c", '#include "pickle/lexer.h"\n', "header (layer 2) includes pickle/lexer.h"),
    ("lib/container/down.c", '#include "pickle/lexer.h"\n#  include  "header/none.h"\n', "no lib/header/none.h"),
    ("lib/snapshot/down.c", '#include "json/json.h"\n', ""),
    ("lib/header/bare.c", '#include "bytes.h"\n', "write includes from lib/"),
    ("lib/header/dots.c", '#include "../pickle/lexer.h"\n', "write includes from lib/"),
    ("lib/header/computed.c", "#define H <zlib.h>\n#include H\n", "computed include"),
    ("lib/header/hidden.c", '/* #include "pickle/lexer.h" */\n// #include <zstd.h>\n', ""),
    ("lib/header/zstd.c", "#include <zstd.h>\n", "<zstd.h> belongs to lib/codec/ alone"),
    ("lib/header/ssl.c", "#include <openssl/sha.h>\n", "no header of ours"),
    ("lib/include/snapjar/error.h", '#include "util/bytes.h"\n', "a public header includes"),
    ("lib/util/one.c", "#include <sodium.h>\n", ""),
    ("lib/seal/two.c", "#include <sodium.h>\n", ""),  # found as sodium.h below
    ("lib/stray.c", "int stray;\n", "belongs to no layer"),
    ("lib/extra/new.c", "int extra;\n", "belongs to no layer"),
    ("lib/util/context.c", "void *f(void) { return malloc(1); }\n", ""),
    ("lib/util/heap.c", "void *f(void) { return malloc(1); }\n", "malloc must not be used"),
    ("lib/util/pointer.c", "void (*f)(void *) = free;\n", "free must not be used"),
    ("lib/util/member.c", 'int f(t *t) { t->free(t); t->f.free(t); return g("malloc(1)"); } // strcpy\n', ""),
    ("lib/util/attribute.h", "void *f(int) __attribute__((malloc, format(printf, 1, 2)));\n", ""),
    ("lib/util/pragma.h", "#pragma GCC poison free\n", ""),
    ("lib/util/print.c", 'void f(void) { printf("x"); }\n', "printf must not be used"),
    ("cli/main.c", '#include "main.h"\n#include <libsmartcols/libsmartcols.h>\n#include <snapjar/snapjar.h>\n', ""),
    ("cli/main.h", "int main;\n", ""),
    ("cli/private.c", '#include "util/bytes.h"\n', "cli/ may include"),
    ("cli/climb.c", '#include "../lib/util/bytes.h"\n', "cli/ may include"),
    ("cli/json.c", "#include <jansson.h>\n", "<jansson.h> belongs to lib/json/ alone"),
    ("python/module.c", '#include <Python.h>\n#include "../cli/main.h"\n', "python/ may include"),
]


def self_test() -> list[str]:
    """Wants every planted violation found, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text, _ in PLANTED:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        found = Checker(root).check()
    failures = []
    for path, _, want in [*PLANTED, ("sodium.h", "", "more than one folder: lib/seal, lib/util")]:
        mine = [problem for problem in found if problem.startswith(path + ":")]
        if want and not (len(mine) == 1 and want in mine[0]):
            failures.append(f"self-test: {path}: planted {want!r}, found {mine}")
        if not want and mine:
            failures.append(f"self-test: {path}: nothing planted, found {mine}")
    return failures


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--self-test"]
    failures = self_test()
    passed = len(PLANTED) + 1 - len(failures)
    if len(arguments) == len(sys.argv) - 1:
        root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
        checker = Checker(root.resolve())
        problems = checker.check()
        if not checker.file_count:
            problems.append(f"{root}: no source files")
        passed += checker.file_count - len({problem.split(":")[0] for problem in problems})
        failures += problems
    for failure in failures:
        print(failure)
    print(f"{max(passed, 0)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
