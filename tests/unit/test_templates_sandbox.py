"""A template takes no time and no room without limit, whatever it says; and what templates need still works."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from servers.world import CHECKOUT, WHEEL

from intake.compose.render import Templates
from intake.errors import TemplateError

ENDLESS = {
    "loops in loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops over text": "".join(f"{{% for a{n} in '0123456789' %}}" for n in range(12)) + "{% endfor %}" * 12,
    "a macro that calls itself": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "a macro without an end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a power": "{{ 9 ** (9 ** 9) }}",
    "a product": "{{ 'x' * 10000000000 }}",
    "a product of a list": "{{ 10000000000 * [1] }}",
    "a form": "{{ '%10000000000d' % 1 }}",
    "a form by method": "{{ '{:10000000000d}'.format(1) }}",
    "a form by filter": "{{ '%10000000000d' | format(1) }}",
    "a filter": "{{ 'x' | center(10000000000) }}",
    "a filter's argument by name": "{{ 'x' | indent(width=10000000000, first=true) }}",
    "a method": "{{ 'x'.center(10000000000) }}",
    "texts out of nothing": "{{ lipsum(n=1000000) }}",
    "twice, and twice again": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60,
    "by adding": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 60,
    "by replacing": "{{ 'xxxxxxxxxx'" + " | replace('x', 'xxxxxxxxxx')" * 12 + " }}",
    "by joining": "{{ 'xxxxxxxxxx'" + " | join('xxxxxxxxxx')" * 12 + " }}",
    "numbers": "{% set a = 99999 %}" + "{% set a = a * a %}" * 40,
    "a name that holds": "{% set n = namespace(a='x') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}",
}
CODE = """
import sys
from pathlib import Path
from intake.compose.render import Templates
from intake.errors import TemplateError
for name in sys.argv[2:]:
    try:
        Templates(Path(sys.argv[1])).render(name, {})
    except TemplateError:
        print(name)
"""


def test_nothing_goes_on_for_ever_or_grows_without_end(tmp_path: Path) -> None:
    names = []
    (tmp_path / "x").mkdir()
    for number, text in enumerate(ENDLESS.values()):
        names.append(f"x/a{number}.en.txt")
        (tmp_path / names[-1]).write_text(f"Subject: x\n{text}\n", "utf-8")

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))  # all of them together

    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), *names], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin"} | ({} if WHEEL else {"PYTHONPATH": str(CHECKOUT)}), preexec_fn=limits,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    told = ended.stdout.split()
    assert [kind for kind, name in zip(ENDLESS, names, strict=True) if name not in told] == []


@pytest.mark.parametrize("field", ["subject", "body"])
def test_each_message_counts_anew(tmp_path: Path, field: str) -> None:
    (tmp_path / "x").mkdir()
    text = "{% for a in range(9000) %}{% endfor %}"
    subject, body = (text, "") if field == "subject" else ("", text)
    (tmp_path / "x" / "a.en.txt").write_text(f"Subject: x{subject}\n{body}\n", "utf-8")
    templates = Templates(tmp_path)
    for _ in range(8):
        assert templates.render("x/a.en.txt", {}).subject == "x"
        assert templates.subject("x/a.en.txt", {}) == "x"


def test_what_templates_need_still_works(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.en.txt").write_text(
        "Subject: {{ name ~ ' ' ~ (2 + 3 * 4) }}\n"
        "{% macro line(one, by='z') %}{{ one | upper }}{{ by }}{% endmacro %}"
        "{% for one in names | sort(reverse=true) %}{{ loop.index }} {{ line(one, by='y') }}{% endfor %}"
        "{{ names | map('upper') | join(' and ') }} {{ name.replace('n', 'm') }} {{ 7 % 4 }}\n",
        "utf-8",
    )
    made = Templates(tmp_path).render("x/a.en.txt", {"name": "Ann", "names": ("a", "b")})
    assert (made.subject, made.body) == ("Ann 14", "1 By2 AyA and B Amm 3")
    (tmp_path / "x" / "a.en.txt").write_text("Subject: x\n{{ 2 ** 3 }}", "utf-8")
    with pytest.raises(TemplateError, match=r"a\.en\.txt:2: “\*\*” is not for templates"):
        Templates(tmp_path).render("x/a.en.txt", {})
