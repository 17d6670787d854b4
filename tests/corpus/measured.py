"""Run in a process of its own: parse and judge the mails named on standard input, within hard limits.

Prints a JSON line for each: file, CPU seconds, defects, kind. The limits kill the process, not the test run.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

MEMORY = 700 << 20  # address space: the interpreter and its libraries, and 200 MB for the mails
CPU = 60


def main() -> None:
    """Judge each; the judge is warm before the clock starts."""
    from unit.judging import NOW, judge

    from intake.receive.parse import parse

    judge().judge(parse(b"From: a@b.example\n\n<p>warm</p>"), NOW)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        raw = path.read_bytes()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        mail = parse(raw)
        verdict = judge().judge(mail, NOW)
        spent = time.process_time() - started
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        answer = {
            "file": str(path), "cpu": spent, "grown_kb": grown, "defects": mail.defects, "kind": verdict.kind.value,
        }  # fmt: skip
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
