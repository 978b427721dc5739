/* SPDX-License-Identifier: MIT
 *
 * The style of HTML pages: light and dark by the reader's choice, one column on a phone, black on white on paper. No
 * font, picture or script comes from elsewhere.
 */
#include "html_out.h"

/* clang-format off */
const char *const html_style[] = {
    ":root{color-scheme:light dark;--bg:#f7f6f2;--card:#fff;--ink:#1c1d1b;--soft:#65655f;--line:#e3e0d8;"
    "--accent:#1f6f68;--pale:#bcd9d3;--bad:#b3261e;--bad-bg:#fbe9e7;--warn:#8a5a00;--warn-bg:#fbf1dc;--good:#2b6e3a;"
    "--v0:#14564f;--v1:#2f8a7d;--v2:#6fb3a2;--v3:#b5c58c;--v4:#e3bd6b;--v5:#c9c5ba}\n",
    "@media (prefers-color-scheme:dark){:root{--bg:#151614;--card:#1e1f1d;--ink:#eceae4;--soft:#a5a49c;--line:#353631;"
    "--accent:#6cc4b7;--pale:#2b524c;--bad:#ff9a90;--bad-bg:#3a211e;--warn:#f0bd6a;--warn-bg:#38301d;--good:#8ad39a;"
    "--v0:#8fe3d4;--v1:#4fb0a2;--v2:#2f7a71;--v3:#7c8f55;--v4:#a8853f;--v5:#5a5950}}\n",
    "*{box-sizing:border-box}\n",
    "body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Helvetica Neue\",Arial,\"DejaVu Sans\",sans-serif;-webkit-text-size-adjust:100%}\n",
    "main,header,footer{max-width:1080px;margin:0 auto;padding:0 20px}\n",
    "header{padding-top:36px}\n",
    ".mark{display:flex;align-items:center;gap:8px;color:var(--accent);font-weight:600;letter-spacing:.02em}\n",
    "h1{font-size:30px;line-height:1.2;margin:10px 0 6px;letter-spacing:-.01em}\n",
    "h2{font-size:19px;margin:44px 0 4px}\n",
    "h3{font-size:15px;margin:0;font-weight:600;overflow-wrap:anywhere}\n",
    "p{margin:0 0 12px}\n",
    "code{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;"
    "overflow-wrap:anywhere;unicode-bidi:isolate}\n",
    ".soft,.lead{color:var(--soft)}\n",
    ".lead{margin-bottom:14px;max-width:68ch}\n",
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px}\n",
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:12px;margin:22px 0 0}\n",
    ".tile b{display:block;font-size:23px;line-height:1.25;font-weight:650;white-space:nowrap;font-variant-numeric:tabular-nums}\n",
    ".tile span{color:var(--soft);font-size:13px}\n",
    ".tile.bad b{color:var(--bad)}.tile.good b{color:var(--good)}\n",
    ".concerns{display:grid;gap:12px}\n",
    ".concern{border-left:4px solid var(--line)}\n",
    ".concern.w2{border-left-color:var(--bad)}.concern.w1{border-left-color:var(--warn)}\n",
    ".concern p{margin:2px 0 0;color:var(--soft);max-width:80ch}\n",
    ".concern ul{margin:10px 0 0;padding:0;list-style:none}\n",
    "summary{cursor:pointer;display:flex;gap:8px;list-style:none}summary::-webkit-details-marker{display:none}"
    "summary::after{content:\"\\25BE\";color:var(--soft);margin-left:auto}[open]>summary::after{content:\"\\25B4\"}\n",
    ".concern li{padding:6px 0;border-top:1px solid var(--line)}\n",
    ".concern li span{display:block;color:var(--soft);font-size:13px;overflow-wrap:anywhere}\n",
    ".count{color:var(--soft);font-weight:400}\n",
    ".w2 .count{color:var(--bad)}.w1 .count{color:var(--warn)}\n",
    ".bars{display:grid;gap:14px}\n",
    ".bar{display:grid;grid-template-columns:minmax(160px,300px) 1fr minmax(150px,auto);gap:4px 16px;align-items:center}\n",
    ".bar>:last-child{font-variant-numeric:tabular-nums;color:var(--soft);font-size:13px;text-align:right}\n",
    ".bar svg{display:block;width:100%;height:16px}\n",
    ".ages .bar{grid-template-columns:150px 1fr 80px}\n",
    ".all{fill:var(--pale)}.part{fill:var(--accent)}.base{fill:var(--line)}\n",
    ".v0{fill:var(--v0);background:var(--v0)}.v1{fill:var(--v1);background:var(--v1)}"
    ".v2{fill:var(--v2);background:var(--v2)}.v3{fill:var(--v3);background:var(--v3)}"
    ".v4{fill:var(--v4);background:var(--v4)}.v5{fill:var(--v5);background:var(--v5)}\n",
    ".key{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:5px}\n",
    ".key.all{background:var(--pale)}.key.part{background:var(--accent)}\n",
    ".legend{display:flex;flex-wrap:wrap;gap:2px 16px;color:var(--soft);font-size:13px;margin:4px 0 8px}\n",
    ".series{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:12px}\n",
    ".series svg{display:block;width:100%;height:84px}\n",
    ".axis{display:flex;justify-content:space-between;color:var(--soft);font-size:12px;margin-top:4px;"
    "font-variant-numeric:tabular-nums}\n",
    ".scroll{overflow-x:auto;padding:0}\n",
    "table{border-collapse:collapse;width:100%;font-size:14px}\n",
    "th,td{padding:7px 12px;text-align:left;vertical-align:top}\n",
    "thead th{font-size:12px;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line);white-space:nowrap}\n",
    "tbody tr+tr td,tbody+tbody tr:first-child>*,tbody tr+tr th{border-top:1px solid var(--line)}\n",
    "tbody th{font-weight:600}\n",
    "tbody th.group{padding-bottom:1px}th.group code{font-weight:600}\n",
    "tbody th.group+td,tr.first td{border-top:0}\n",
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n",
    ".d{white-space:nowrap;font-variant-numeric:tabular-nums}\n",
    "td code,th code{min-width:14ch;display:inline-block}\n",
    ".tag{display:inline-block;border-radius:999px;padding:1px 9px;margin:0 4px 3px 0;font-size:12px;white-space:nowrap;"
    "background:var(--line);color:var(--ink)}\n",
    ".tag.w2{background:var(--bad-bg);color:var(--bad)}.tag.w1{background:var(--warn-bg);color:var(--warn)}"
    ".tag.ok{background:var(--pale);color:var(--ink)}\n",
    ".fields{min-width:15em;display:flex;flex-wrap:wrap;gap:3px 6px}\n",
    ".fields code{border:1px solid var(--line);border-radius:5px;padding:0 6px;min-width:0}\n",
    ".fields .more{border-color:var(--good);color:var(--good)}\n",
    ".fields .less{border-color:var(--bad);color:var(--bad);text-decoration:line-through}\n",
    "footer{padding-top:36px;padding-bottom:48px;color:var(--soft);font-size:13px}\n",
    "a{color:var(--accent)}\n",
    "nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin-top:18px}\n",
    ":focus-visible{outline:2px solid var(--accent);outline-offset:2px}\n",
    "@media (max-width:640px){main,header,footer{padding-left:14px;padding-right:14px}h1{font-size:25px}"
    ".bar,.ages .bar{grid-template-columns:1fr auto}.bar svg{grid-column:1/-1;grid-row:2}.card{padding:14px}"
    ".scroll{padding:0}.tiles{grid-template-columns:repeat(2,1fr)}th,td{padding:6px 10px}}\n",
    "@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#1f6f68;--pale:#bcd9d3;"
    "--bad:#b3261e;--warn:#8a5a00;--good:#2b6e3a;--bad-bg:#fff;--warn-bg:#fff;--v0:#14564f;--v1:#2f8a7d;--v2:#6fb3a2;"
    "--v3:#b5c58c;--v4:#e3bd6b;--v5:#c9c5ba}body{font-size:11px}nav,summary::after{display:none}details::details-content{content-visibility:visible;height:auto}h2{margin-top:22px;break-after:avoid}"
    ".scroll{overflow:visible}table{font-size:10px}th,td{padding:3px 5px}code{font-size:9.5px}"
    ".card,.bar,tr{break-inside:avoid}.scroll,details.card{break-inside:auto}.lead,.legend,summary{break-after:avoid}"
    ".series{grid-template-columns:1fr 1fr}.series svg{height:50px}.tiles{grid-template-columns:repeat(6,1fr);gap:6px}.tile{padding:8px}"
    ".tile b{font-size:14px}.tile span{font-size:10px}svg,.key,.tag{print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}td code,th code{min-width:0}}\n",
    NULL,
};
/* clang-format on */
