# SPDX-License-Identifier: MIT
"""The worked examples of docs/migrating.md: programs as they were when their files were written, and as they are now.

`modules_then` and `modules_now` map module names to source; `make` is run with the old modules and leaves `objects`, which
old_make.py froze as tests/golden/old/NAME.hex; `look` is run with the new modules on what was loaded, and prints `seen`.
"""

EXAMPLES = {
    "job": {
        "options": ["--old-header", "be32", "--version-field", "version"],
        "container": "be32",
        "versions": [0, 1, 2],
        "modules_then": [
            {"app.jobs": "class JobState:\n    def __init__(self, id, state):\n        self.id = id\n        self.state = state\n"},
            {
                "app.jobs": "class JobState:\n    def __init__(self, id, state, progress):\n        self.id = id\n"
                "        self.state = state\n        self.progress = progress\n"
            },
            {
                "app.jobs": "class JobState:\n    def __init__(self, id, status, progress, owner):\n        self.id = id\n"
                "        self.status = status\n        self.progress = progress\n        self.owner = owner\n"
            },
        ],
        "make": [
            "from app.jobs import JobState\nobjects = [JobState(7, 'running')]",
            "from app.jobs import JobState\nobjects = [JobState(8, 'done', 0.5)]",
            "from app.jobs import JobState\nobjects = [JobState(9, 'new', 0.0, 'ada')]",
        ],
        "modules_now": {
            "app.jobs": "class JobState:\n    def __init__(self, id, status, progress, owner):\n        self.id = id\n"
            "        self.status = status\n        self.progress = progress\n        self.owner = owner\n"
        },
        "look": "print(type(obj).__name__, list(vars(obj).items()))",
        "seen": [
            "JobState [('id', 7), ('status', 'running'), ('progress', 0.0), ('owner', None)]",
            "JobState [('id', 8), ('status', 'done'), ('progress', 0.5), ('owner', None)]",
            "JobState [('id', 9), ('status', 'new'), ('progress', 0.0), ('owner', 'ada')]",
        ],
    },
    "task": {
        "options": ["--schema-version", "1"],
        "container": "gzip",
        "versions": [1],
        "modules_then": [
            {
                "app.tasks": "class Task:\n    def __init__(self, name, after=None):\n        self.name = name\n"
                "        self.after = after\n"
            }
        ],
        # The second task waits for the first one, which is also in the list: one object.
        "make": [
            "from app.tasks import Task\nfirst = Task('fetch')\nobjects = [Task('all'), ]\n"
            "objects[0].after = [first, Task('parse', first)]"
        ],
        "modules_now": {
            "app.tasks": "class Task:\n    def __init__(self, name, priority=5, after=None):\n        self.name = name\n"
            "        self.priority = priority\n        self.after = after\n"
        },
        "look": "first, second = obj.after\n"
        "print(list(vars(obj)), [(t.name, t.priority) for t in (obj, first, second)], second.after is first)",
        "seen": ["['name', 'priority', 'after'] [('all', 5), ('fetch', 5), ('parse', 5)] True"],
    },
    "metrics": {
        "options": ["--old-header", "le64", "--version-field", "v", "--checksum-field", "sha256=sum"],
        "container": "le64",
        "versions": [1, 2],
        "modules_then": [
            {"app.metrics": "class Cache:\n    def __init__(self, series):\n        self.series = series\n"},
            {
                "app.metrics": "class Cache:\n    def __init__(self, series, unit):\n        self.series = series\n"
                "        self.unit = unit\n"
            },
        ],
        "make": [
            "from app.metrics import Cache\nobjects = [Cache({'cpu': [0.25, 0.5], 'disk': []})]",
            "from app.metrics import Cache\nobjects = [Cache({'cpu': [1.0]}, 'percent')]",
        ],
        "modules_now": {
            "app.metrics": "class Cache:\n    unit = 'none'\n    def __init__(self, series, unit):\n        self.series = series\n"
            "        self.unit = unit\n"
        },
        "look": "print(obj.series, obj.unit)",
        "seen": ["{'cpu': [0.25, 0.5], 'disk': []} none", "{'cpu': [1.0]} percent"],
    },
    "split": {
        "options": ["--schema-version", "3"],
        "container": "bare",
        "versions": [3],
        "modules_then": [
            {
                "shop.models": "class User:\n    def __init__(self, name):\n        self.name = name\n\n\n"
                "class Order:\n    class Line:\n        def __init__(self, what, count):\n            self.what = what\n"
                "            self.count = count\n    def __init__(self, user, lines):\n        self.user = user\n"
                "        self.lines = lines\n"
            }
        ],
        "make": [
            "from shop.models import User, Order\nuser = User('ada')\n"
            "objects = [Order(user, [Order.Line('tea', 2), Order.Line('cup', 1)])]"
        ],
        "modules_now": {
            "shop.models": "",
            "shop.models.users": "class User:\n    def __init__(self, name):\n        self.name = name\n",
            "shop.models.orders": "class Order:\n    class Line:\n        def __init__(self, what, count):\n"
            "            self.what = what\n            self.count = count\n    def __init__(self, user, lines):\n"
            "        self.user = user\n        self.lines = lines\n",
        },
        "look": "print(type(obj).__module__, type(obj.user).__module__, type(obj.lines[0]).__qualname__, obj.lines[0].what)",
        "seen": ["shop.models.orders shop.models.users Order.Line tea"],
    },
    "buried": {
        "options": ["--schema-version", "1"],
        "container": "bare",
        "versions": [1],
        "modules_then": [{}],
        "make": [
            "shared = {'colour': 'red'}\n"
            "objects = [{'name': 'x', 'layers': [{'style': shared, 'w': 1}, {'style': {'colour': 'blue'}, 'w': 2}, {'style': shared, 'w': 3}]}]"
        ],
        "modules_now": {},
        "look": "print(obj, obj['layers'][0]['style'] is obj['layers'][2]['style'])",
        "seen": [
            "{'name': 'x', 'layers': [{'style': {'color': 'red'}, 'w': 1}, {'style': {'color': 'blue'}, 'w': 2}, "
            "{'style': {'color': 'red'}, 'w': 3}]} True"
        ],
    },
    "enum": {
        "options": ["--schema-version", "1"],
        "container": "bare",
        "versions": [1],
        "modules_then": [
            {
                "app.runs": "import enum\n\n\nclass Status(enum.Enum):\n    WAIT = 'wait'\n    RUN = 'run'\n\n\n"
                "class Run:\n    def __init__(self, status, seen):\n        self.status = status\n        self.seen = seen\n"
            }
        ],
        "make": ["from app.runs import Run, Status\nobjects = [Run(Status.WAIT, [Status.RUN, Status.WAIT])]"],
        "modules_now": {
            "app.runs": "import enum\n\n\nclass Status(enum.Enum):\n    PENDING = 'pending'\n    RUN = 'run'\n\n\n"
            "class Run:\n    def __init__(self, status, seen):\n        self.status = status\n        self.seen = seen\n"
        },
        "look": "print(obj.status, obj.seen)",
        "seen": ["Status.PENDING [<Status.RUN: 'run'>, <Status.PENDING: 'pending'>]"],
    },
    "dataclass": {
        "options": ["--schema-version", "1", "--type", "points"],
        "container": "bare",
        "versions": [1],
        "modules_then": [
            {
                "app.points": "class Point:\n    __slots__ = ('x', 'y')\n    def __init__(self, x, y):\n        self.x = x\n"
                "        self.y = y\n"
            }
        ],
        "make": ["from app.points import Point\np = Point(1, 2)\nobjects = [[p, p, Point(3.5, None)]]"],
        "modules_now": {
            "app.points": "import dataclasses\n\n\n@dataclasses.dataclass\nclass Point:\n    x: float\n    y: float\n    label: str = ''\n"
        },
        "look": "print(obj, obj[0] is obj[1])",
        "seen": ["[Point(x=1, y=2, label=''), Point(x=1, y=2, label=''), Point(x=3.5, y=None, label='')] True"],
    },
}
