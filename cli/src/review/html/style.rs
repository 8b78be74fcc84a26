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
svg { display: block; max-width: 100%; height: auto; font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
svg text { fill: var(--ink); } svg text.inside { fill: #fff; } svg text.value { fill: var(--grey); font-size: 11px; }
svg text.today { fill: var(--bad); } svg line.today { stroke: var(--bad); stroke-width: 1.5; }
svg .holds { fill: var(--holds); } svg .ended { fill: var(--ended); } svg .unusable { fill: var(--bad); }
svg .up { fill: var(--up); } svg .down { fill: var(--down); }
.key { display: inline-block; width: 10px; height: 10px; margin: 0 4px 0 12px; }
@media print {
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  section { border-color: #999; }
  h2 { break-after: avoid; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  @page { margin: 14mm; }
}
"#;
