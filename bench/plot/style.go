package plot

// Style is the CSS of all plots. Six series differ in colour, also to the colour-blind
// (Okabe and Ito's set), and in their dashes, also on paper without colour.
const Style = `
.plot{max-width:100%;height:auto;font:12px system-ui,sans-serif;--ink:#1d2733;--faint:#5b6673;--rule:#dfe4ea;--paper:#fff;
--h0:#0072b2;--h1:#d55e00;--h2:#009e73;--h3:#a5508a;--h4:#8a6d00;--h5:#4f5b66;--mark:#b3261e}
.plot text{fill:var(--faint)}.plot .title{fill:var(--ink);font-size:14px;font-weight:600}
.plot .name{fill:var(--ink)}.plot .marked{fill:var(--mark);font-size:11px;stroke:var(--paper);stroke-width:3;paint-order:stroke}.plot .none{font-size:14px}
.plot .paper{fill:var(--paper)}.plot .grid{stroke:var(--rule)}.plot .small{stroke-opacity:.45}.plot .axis{stroke:var(--faint)}
.plot .mark{stroke:var(--mark);stroke-dasharray:5 4}.plot path{fill:none}
.plot .line{stroke:var(--h);stroke-width:1.8;stroke-linejoin:round}.plot .swatch{stroke:var(--h);stroke-width:9}
.plot .bar,.plot .point{fill:var(--h)}
.plot .s0{--h:var(--h0)}.plot .s1{--h:var(--h1)}.plot .s2{--h:var(--h2)}.plot .s3{--h:var(--h3)}.plot .s4{--h:var(--h4)}.plot .s5{--h:var(--h5)}
.plot .s1 .line{stroke-dasharray:7 3}.plot .s2 .line{stroke-dasharray:2 3}.plot .s3 .line{stroke-dasharray:9 3 2 3}
.plot .s4 .line{stroke-dasharray:12 4}.plot .s5 .line{stroke-dasharray:4 4}
.plot .beside .line{stroke-width:1.3;stroke-dasharray:1.5 3.5}.plot .beside .point{opacity:.55}
@media(prefers-color-scheme:dark){.plot{--ink:#e6ebf0;--faint:#9aa7b4;--rule:#2c3640;--paper:#14191f;
--h0:#56b4e9;--h1:#ff9447;--h2:#35c99b;--h3:#e29ac9;--h4:#e3c23c;--h5:#aab6c2;--mark:#ff8a80}}
@media print{.plot{--ink:#000;--faint:#333;--rule:#ccc;--paper:#fff;--h0:#0072b2;--h1:#d55e00;--h2:#009e73;--h3:#a5508a;--h4:#8a6d00;--h5:#4f5b66;--mark:#b3261e}}
`
