//! How a review looks, on a screen and on paper. It names nothing outside of the file.

pub(super) const STYLE: &str = r#"
:root { --ink: #1a1d21; --grey: #6b7280; --line: #d8dce2; --good: #14713d; --bad: #b3261e;
  --warn: #8a5a00; --holds: #2f6fb3; --ended: #c3c8d0; --up: #2f6fb3; --down: #e0952f; }
* { box-sizing: border-box; }
body { font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: #fff;
  margin: 0 auto; padding: 28px; max-width: 980px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 32px 0 8px; }
h3 { font-size: 15px; margin: 0 0 6px; }
p { margin: 4px 0; }
.grey { color: var(--grey); }
table { border-collapse: collapse; width: 100%; margin: 6px 0 10px; }
th { text-align: left; font-weight: 600; font-size: 12px; color: var(--grey); border-bottom: 1px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
th, td { padding: 3px 10px 3px 0; vertical-align: top; overflow-wrap: anywhere; }
th { overflow-wrap: normal; }
.number { text-align: right; white-space: nowrap; }
.date { white-space: nowrap; }
code { font: 11.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; }
.whole { white-space: nowrap; }
section { border: 1px solid var(--line); border-radius: 6px; padding: 12px 16px 6px; margin: 12px 0;
  break-inside: avoid; }
.state { font-size: 12px; font-weight: 600; border: 1px solid; border-radius: 10px; padding: 1px 9px; margin-left: 6px;
  white-space: nowrap; }
td .state { margin-left: 0; }
.can-log-in { color: var(--good); } .refused { color: var(--bad); } .closed, .unknown { color: var(--grey); }
.alarm { color: var(--bad); font-weight: 600; }
.stale { color: var(--warn); font-weight: 600; }
td, li, p, code, bdi { unicode-bidi: isolate; }
.line { width: 42%; padding: 0; }
.line > svg { display: block; width: 100%; height: 24px; font: 11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
.line .arrow { width: 8px; height: 24px; overflow: visible; }
svg .value { fill: var(--grey); } svg text.today { fill: var(--bad); }
svg line.today { stroke: var(--bad); stroke-width: 1.5; }
svg .holds { fill: var(--holds); } svg .ended { fill: var(--ended); }
svg .later { fill: #fff; stroke: var(--holds); stroke-width: 1.5; }
svg .unusable { fill: #fff; stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 4 2; }
svg .up { fill: var(--up); } svg .down { fill: #fbe3c0; stroke: var(--down); stroke-width: 1; }
svg.key { width: 12px; height: 12px; margin: 0 4px 0 12px; vertical-align: -1px; }
svg.key:first-child { margin-left: 0; }
svg.key rect { width: 100%; height: 100%; }
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; }
  a { color: inherit; text-decoration: none; }
  section { border-color: #999; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; break-inside: avoid; }
  tr { break-inside: avoid; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  @page { margin: 14mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
}
"#;
