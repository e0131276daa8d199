"""Style and script of the report page: constants, without any data of a run."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1b1f24; --dim: #5b6570; --line: #dde2e8; --card: #f6f8fa;
  --known: #c3cad3; --reachable: #9db4d6; --checked: #7a9fd8; --loaded: #5689dd; --joining: #2f6fd6;
  --resetting: #b07cd8; --joined: #3fa7a0; --ready: #2a9d4a; --reset: #2a9d4a; --failed: #d1343b;
  --waiting: #c98a00; --untouched: #c3cad3; }
@media (prefers-color-scheme: dark) { :root { --bg: #0f1318; --fg: #e4e8ed; --dim: #97a1ad; --line: #2b333d;
  --card: #171d24; --known: #434c57; --reachable: #38537c; --checked: #3c66a3; --loaded: #3f78c9;
  --joining: #4f8fee; --ready: #3fb963; --reset: #3fb963; --failed: #f0575d; --waiting: #e0a526;
  --untouched: #434c57; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1200px; padding: 24px 20px 48px; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { margin: 0; font-size: 24px; } h2 { margin: 32px 0 12px; font-size: 18px; }
p { margin: 4px 0; } code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.dim { color: var(--dim); }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 0; }
.card { flex: 1 1 120px; padding: 10px 14px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card); }
.card b { display: block; font-size: 22px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card.ready b { color: var(--ready); } .card.failed b { color: var(--failed); }
.card.waiting b { color: var(--waiting); }
.cause { margin: 0 0 10px; padding: 10px 14px; border: 1px solid var(--line);
  border-left: 4px solid var(--failed); border-radius: 6px; background: var(--card);
  overflow-wrap: anywhere; }
.cause p:first-child code { margin-right: 6px; font-weight: 700; }
.cause.waiting { border-left-color: var(--waiting); } .cause.warning { border-left-color: var(--dim); }
.again { padding: 10px 14px; border: 1px solid var(--line); border-radius: 6px; background: var(--card);
  overflow-wrap: anywhere; }
.bar { display: flex; gap: 12px; flex-wrap: wrap; align-items: center; margin: 0 0 10px; }
input, select { font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--line);
  border-radius: 6px; padding: 5px 10px; } input { flex: 1 1 240px; }
.wrap { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; } td.name { min-width: 110px; }
td.tight { white-space: nowrap; overflow-wrap: normal; }
th { white-space: nowrap; background: var(--bg); position: sticky; top: 0; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid; }
th[aria-sort=ascending] button::after { content: " ▲"; }
th[aria-sort=descending] button::after { content: " ▼"; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { display: inline-block; padding: 0 8px; border-radius: 10px; color: #fff; font-size: 12px;
  line-height: 20px; background: var(--dim); white-space: nowrap; }
.line { position: relative; height: 14px; min-width: 220px; margin-top: 4px; border-radius: 3px;
  background: var(--card); overflow: hidden; }
.line i { position: absolute; top: 0; bottom: 0; min-width: 1px; }
.line i.end { width: 4px; margin-left: -4px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 10px 0 0; font-size: 13px;
  color: var(--dim); }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 2px;
  vertical-align: -1px; }
details summary { cursor: pointer; } pre { margin: 6px 0 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font-size: 12px; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } .bar { display: none; }
  table { font-size: 10px; } tr, .cause { break-inside: avoid; } th { position: static; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .line { min-width: 120px; } }
"""

SCRIPT = """
(function () {
  var table = document.getElementById("machines"), body = table.tBodies[0];
  var words = document.getElementById("words"), state = document.getElementById("state");
  var shown = document.getElementById("shown"), rows = Array.prototype.slice.call(body.rows);
  function filter() {
    var wanted = words.value.toLowerCase().split(/\\s+/).filter(Boolean), count = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var fits = (!state.value || row.dataset.state === state.value) &&
        wanted.every(function (word) { return text.indexOf(word) >= 0; });
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    shown.textContent = count + " of " + rows.length;
  }
  function key(row, column) {
    var cell = row.cells[column], value = cell.dataset.value;
    return value === undefined ? cell.textContent.toLowerCase() : Number(value);
  }
  Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
    head.firstElementChild.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending";
      Array.prototype.forEach.call(table.tHead.rows[0].cells, function (each) {
        each.removeAttribute("aria-sort");
      });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort(function (a, b) {
        var one = key(a, column), two = key(b, column);
        return (one < two ? -1 : one > two ? 1 : 0) * (down ? -1 : 1);
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });
  words.addEventListener("input", filter);
  state.addEventListener("change", filter);
  filter();
}());
"""
