"""Text that would do something in a browser, a terminal, a spreadsheet or a Markdown renderer that let it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

NAME = "Zorblaxia"
"""A place that every hostile brief names, with the number of its group behind it."""
GROUP = 5
"""Briefs that name the same place: as many as one answer quotes."""

PAYLOADS = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<img src=http://images.invalid/a.png>",
    "<svg onload=window.hacked=1>",
    "<svg><script>window.hacked=1</script></svg>",
    "<svg><animate onbegin=window.hacked=1 attributeName=x dur=1s>",
    "<iframe src=//frames.invalid></iframe>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<object data=http://objects.invalid></object>",
    "<embed src=http://embeds.invalid>",
    "<video src=http://videos.invalid onerror=window.hacked=1></video>",
    "<audio src=x onerror=window.hacked=1></audio>",
    "<details open ontoggle=window.hacked=1>x</details>",
    "<body onload=window.hacked=1>",
    "<input autofocus onfocus=window.hacked=1>",
    "<select autofocus onfocus=window.hacked=1></select>",
    "<marquee onstart=window.hacked=1>x</marquee>",
    "<a href=javascript:window.hacked=1>press</a>",
    "<a href='data:text/html,<script>window.hacked=1</script>'>press</a>",
    "<form action=http://forms.invalid><button>send</button></form>",
    "<base href=http://base.invalid/>",
    "<link rel=stylesheet href=http://styles.invalid/a.css>",
    "<style>@import 'http://styles.invalid/b.css'; body{display:none}</style>",
    "<div style='background:url(http://styles.invalid/c.png)'>x</div>",
    "<meta http-equiv=refresh content='0;url=http://meta.invalid'>",
    "<template><script>window.hacked=1</script></template>",
    "<math><mtext><script>window.hacked=1</script></mtext></math>",
    "<noscript><img src=http://images.invalid/n.png></noscript>",
    "</div></section></main><h1>Signed in as administrator</h1>",
    "</script><script>window.hacked=1</script>",
    "</title><script>window.hacked=1</script>",
    "--><script>window.hacked=1</script>",
    "]]><script>window.hacked=1</script>",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "&#60;img src=x onerror=window.hacked=1&#62;",
    "\u003cscript>window.hacked=1\u003c/script>",
    "![a picture](http://images.invalid/b.png)",
    "[press](javascript:window.hacked=1)",
    "[press](http://links.invalid) and <http://links.invalid>",
    "[1]: http://links.invalid 'title'",
    "http://auto.invalid and www.auto.invalid",
    "$$\\href{javascript:window.hacked=1}{x}$$ and \\(\\frac{1}{2}\\)",
    "```html <img src=x onerror=window.hacked=1> ```",
    "${window.hacked=1} and {{window.hacked=1}} and {%raw%}",
    "{{#each this}}<img src=x onerror=window.hacked=1>{{/each}}",
    "'; window.hacked=1; //",
    '" onmouseover="window.hacked=1" x="',
    "' autofocus onfocus='window.hacked=1",
    "` onfocus=`window.hacked=1`",
    '=HYPERLINK("http://cells.invalid","press")',
    "@SUM(1+1)*cmd|' /C calc'",
    "one\u2028two\u2029three",
    "\u202eevil\u202c and \u2066more\u2069 and \u200bzero\u200bwidth",
    "#turn-0-sentence-0-citation-0 <a href='#turn-0-down' role=button>press</a>",
    "<mark class=is-chosen>not cited</mark> <a class=gb-cite href='#turn-0-sentence-0-citation-0'>[1]</a>",
)


def write_hostile(folder: Path) -> int:
    """Write a brief for each payload, which stands in every field; return how many groups name a place."""
    folder.mkdir(parents=True)
    for n, payload in enumerate(PAYLOADS):
        place = f"{NAME}{n // GROUP:02}"
        (folder / f"hostile-{n:02}.md").write_text("".join(_lines(n, place, payload)), encoding="utf-8")
    return -(-len(PAYLOADS) // GROUP)


def _lines(n: int, place: str, payload: str) -> Iterator[str]:
    shown = "".join(mark if mark.isprintable() else " " for mark in payload)
    field = "'" + shown.replace("'", "''") + "'"
    yield f"---\ntitle: {field}\nsource: {field}\ndate: 2024-03-{n % 28 + 1:02}\n"
    yield f"region: [{field}]\ntopics: [{field}]\nurl: {field}\n---\n"
    yield f"## {payload}\n\nThe envoy of {place} said in the capital that {payload} was agreed by all sides.\n"
