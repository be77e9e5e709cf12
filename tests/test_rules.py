"""The rules of tests/semgrep/rules.yml find what they are for, and leave what is right: a sample of each (S44, S48, S65)."""

import json
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from portal.runner import checkup

# Rule -> samples that it finds, samples that it leaves; each with the file that it stands in.
SAMPLES: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "text-is-never-called-safe": (
        [
            ("portal/a.py", "mark_safe(entry.message)"),
            ("portal/b.py", "html.mark_safe(text)"),
            ("portal/c.py", "SafeString(text)"),
            ("synclogs/d.py", "class Loud(str, SafeData):\n    pass"),
        ],
        [("portal/drawing/markup.py", "SafeString(text)"), ("portal/e.py", "fill('<b>{}</b>', text)")],
    ),
    "markup-is-written-not-made": (
        [
            ("portal/a.py", "format_html(f'<b>{name}</b>')"),
            ("portal/b.py", "format_html('<b>' + name + '</b>', 1)"),
            ("portal/c.py", "fill('<b>{}</b>'.format(name))"),
            ("portal/d.py", "format_html('<b>%s</b>' % name)"),
            ("portal/e.py", "format_html(str(name))"),
        ],
        [("portal/f.py", "BOLD = '<b>{}</b>'\nformat_html(BOLD, name)\nfill('<i>{}</i>', name.upper())")],
    ),
    "templates-escape": (
        [
            ("templates/a.html", "<p>{{ entry.message|safe }}</p>"),
            ("templates/b.html", "{% autoescape off %}{{ text }}{% endautoescape %}"),
            ("templates/c.html", "{{ parts | safeseq }}"),
        ],
        [("templates/d.html", "<p>{{ entry.message|visible }} safe|y</p>{{ data|json_script:'data' }}")],
    ),
    "json-comes-by-json-script": (
        [
            ("templates/a.html", "<script>const user = '{{ user }}';</script>"),
            ("templates/b.html", '<script type="application/json">{{ data }}</script>'),
        ],
        [
            ("templates/c.html", "<script src=\"{% static 'a.js' %}\"></script><p>{{ text }}</p>"),
            (
                "templates/d.html",
                "<script src=\"{% static 'a.js' %}\" nonce=\"{{ nonce }}\"></script>{{ data|json_script:'x' }}",
            ),
        ],
    ),
    "links-out-say-rel": (
        [
            ("templates/a.html", '<a href="/p/demo" target="_blank">'),
            ("templates/b.html", '<a class="x" href="https://example.com/">'),
            ("templates/c.html", '<a target="_blank" rel="noopener">'),
            ("portal/d.py", "LINK = '<a href=\"https://example.com\">{}</a>'"),
        ],
        [
            ("templates/e.html", '<a rel="noopener noreferrer" href="https://example.com/" target="_blank">'),
            ("templates/f.html", '<a href="/p/demo/logs">https://example.com</a>'),
        ],
    ),
    "queries-are-not-made-of-requests": (
        [
            ("portal/a.py", "rows.filter(**request.GET.dict())"),
            ("portal/b.py", "asked = dict(request.GET)\nrows.exclude(**asked)"),
            ("portal/c.py", "rows.order_by(request.GET.get('sort'))"),
            ("portal/d.py", "names = self.request.POST.getlist('column')\nrows.values(*names)"),
            ("portal/e.py", "rows.order_by(*request.query_params.getlist('by'))"),
            ("portal/f.py", "Q(**request.GET.dict())"),
            ("portal/g.py", "cursor.execute('SELECT ' + request.GET['what'])"),
            ("portal/h.py", "User.objects.create(**request.data)"),
        ],
        [
            ("portal/i.py", "rows.filter(name=request.GET.get('name'))"),
            ("portal/j.py", "rows.order_by(ORDERS[request.GET.get('sort', 'at')])"),
            ("portal/k.py", "rows.values('name', 'size')\nrows.order_by(f'-{column}')"),
        ],
    ),
    "filters-name-their-columns": (
        [("portal/a.py", "def narrowed(rows, asked):\n    return rows.filter(**asked)")],
        [
            ("portal/b.py", "rows.filter(**{f'{column}__gt': value})\nrows.filter(**CONDITIONS[name])"),
            ("synclogs/c.py", "rows.filter(**same)"),
        ],
    ),
    "no-raw-queries": (
        [
            ("synclogs/a.py", "rows.extra(where=['a = b'])"),
            ("portal/b.py", "LogEntry.objects.raw('SELECT 1')"),
            ("synclogs/c.py", "RawSQL('a = %s', [1])"),
        ],
        [("synclogs/reading/tail.py", "RawSQL('a = %s', [1])"), ("portal/d.py", "self.raw(part)\nextra(rows)")],
    ),
    "statements-are-written-not-made": (
        [
            ("synclogs/a.py", "cursor.execute(f'SELECT {name}')"),
            ("synclogs/b.py", "cursor.execute('SELECT %s' % name)"),
            ("synclogs/c.py", "cursor.execute('SELECT {}'.format(name), [1])"),
            ("synclogs/d.py", "cursor.executemany('SELECT ' + name, rows)"),
        ],
        [
            ("synclogs/e.py", "cursor.execute('SELECT %s', [name])\ncursor.execute(STATEMENT, [name])"),
            ("synclogs/f.py", "cursor.execute(sql.SQL('DROP TABLE {}').format(table))"),
            ("synclogs/g.py", "cursor.execute(f'SELECT {NAMES}')  # noqa: S608 - names of this file"),
        ],
    ),
    "secrets-are-compared-in-constant-time": (
        [
            ("portal/a.py", "if token == given:\n    pass"),
            ("portal/b.py", "ok = request.headers['X'] == settings.METRICS_TOKEN"),
            ("synclogs/c.py", "if self.secret_hash != found:\n    pass"),
            ("synclogs/d.py", "same = expected_signature == signature"),
        ],
        [
            ("portal/e.py", "ok = hmac.compare_digest(token, given)\nif token == '':\n    pass"),
            ("portal/f.py", "if tokens_of(text) == other:\n    pass\nif kind == 'token':\n    pass"),
        ],
    ),
    "chance-is-for-samples": (
        [
            ("portal/a.py", "import random"),
            ("synclogs/b.py", "from random import Random, choice"),
            ("portal/c.py", "import random as chance"),
        ],
        [("synclogs/demo/generate/d.py", "from random import Random"), ("portal/e.py", "import secrets")],
    ),
}


def test_every_rule_has_samples() -> None:
    rules = yaml.safe_load(checkup.RULES.read_text())["rules"]
    assert [rule["id"] for rule in rules] == list(SAMPLES)


@pytest.mark.slow
def test_each_rule_finds_the_bad_and_leaves_the_good(tmp_path: Path) -> None:
    expected: dict[str, set[str]] = {}
    for rule, (bad, good) in SAMPLES.items():
        for name, text in (*bad, *good):
            path = tmp_path / rule / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        expected[rule] = {f"{rule}/{name}" for name, _ in bad}
    check = checkup.rules("--json", ".")
    done = subprocess.run(check.command, cwd=tmp_path, env=checkup.environment(check), capture_output=True, check=False)
    found = defaultdict(set)
    for result in json.loads(done.stdout)["results"]:
        rule = result["check_id"].rpartition(".")[2]
        if result["path"].startswith(f"{rule}/"):  # what one rule is to find may be wrong by another one too
            found[rule].add(result["path"])
    assert dict(found) == expected
