# SPDX-License-Identifier: MIT
"""Pickles in jars with a label: checked before they are opened, understood before they are loaded.

    snapjar.dump(state, "job.snapjar")
    state = snapjar.load("job.snapjar", allow=[JobState])
"""

from . import _core, _dump, _environment, _errors, _explain, _load, _policy, _resolve
from . import _build as _build_module
from ._build import set_build_info
from ._cache import Cache
from ._contract import Assessment, Contract, Finding, Migrated, migrate
from ._core import dumps, loads
from ._diff import Change, Diff, HeaderChange, LayoutChange, RecordChange, diff
from ._dump import dump
from ._environment import Difference, Environment
from ._errors import (
    ArgumentError,
    ContractError,
    Denial,
    EndOfFile,
    EnvironmentMismatchError,
    EnvironmentWarning,
    FileError,
    IntegrityError,
    InternalError,
    LayoutError,
    LayoutWarning,
    LimitError,
    LoadError,
    MissingError,
    NoMemoryError,
    NotFoundError,
    NotPicklableError,
    PolicyError,
    SealError,
    SealWarning,
    SnapjarError,
    SnapjarWarning,
    UnsupportedVersionError,
)
from ._load import load
from ._policy import Policy, Preset, Rule, presets
from ._records import (
    Header,
    Record,
    RecordReader,
    RecordWriter,
    Verification,
    inspect,
    open_reader,
    open_writer,
    verify,
)
from ._scan import ScannedGlobal, ScanResult, scan, show
from ._seal import Key, Trust, seal, unseal
from ._serializer import Serializer

# In the order of the extension's list of hooks.
_core.configure(
    _errors.make_error,
    _errors.make_denial,
    _resolve.resolve,
    _environment.check,
    _build_module.describe,
    _explain.explain_pickling,
    _errors.explain_unpickling,
    _load.check_expected,
    _dump.dumps,
    _load.loads,
    _policy.resolve_policy,
    _load._WARN,
)
_policy.DEFAULT = Policy()

__version__ = _core.__version__
__all__ = [
    "ArgumentError", "Assessment", "Cache", "Change", "Contract", "ContractError", "Denial", "Diff", "Difference", "EndOfFile", "Environment",
    "EnvironmentMismatchError", "EnvironmentWarning", "FileError", "Finding", "Header", "HeaderChange", "IntegrityError", "InternalError",
    "Key", "LayoutChange", "LayoutError", "LayoutWarning", "LimitError", "LoadError", "Migrated", "MissingError", "NoMemoryError", "NotFoundError",
    "NotPicklableError", "Policy", "PolicyError", "Preset", "Record", "RecordChange", "RecordReader", "RecordWriter", "Rule", "ScanResult",
    "ScannedGlobal", "SealError", "SealWarning", "Serializer", "SnapjarError", "SnapjarWarning", "Trust", "UnsupportedVersionError", "Verification", "diff", "dump", "dumps",
    "inspect", "load", "loads", "migrate", "open_reader", "open_writer", "presets", "scan", "seal", "set_build_info", "show",
    "unseal", "verify",
]  # fmt: skip
