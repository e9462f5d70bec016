/** The page's look, light and dark by what the reader's system prefers. All text has a contrast of at least 4.5 to what is behind it. */
export const style = `
:root { color-scheme: light dark; --ground: #fff; --sheet: #f5f6f8; --ink: #1b1f24; --quiet: #59636e; --line: #d1d9e0;
  --pass: #1a7f37; --fail: #c1121f; --warn: #8a5a00; --bar: #2f6fd0; --link: #0757c2; }
@media (prefers-color-scheme: dark) { :root { --ground: #0e1116; --sheet: #181d24; --ink: #e8ecf1; --quiet: #9aa5b1; --line: #39424d;
  --pass: #4cc26b; --fail: #ff7b72; --warn: #e3b341; --bar: #6ea8fe; --link: #7ab4ff; } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1, h2, h3 { line-height: 1.25; margin: 1.5em 0 .4em } h1 { margin-top: 0; font-size: 1.7rem } h2 { font-size: 1.25rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem }
h3 { font-size: 1rem } h3, p, li, summary { overflow-wrap: anywhere } p { margin: .3em 0 } a { color: inherit }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
.quiet { color: var(--quiet); font-weight: normal } .pass { color: var(--pass) } .fail { color: var(--fail) } .inconclusive, .known-failure { color: var(--warn) }
.not-run, .not-claimed { color: var(--quiet) }
article { border: 1px solid var(--line); border-left: 4px solid currentColor; border-radius: 6px; padding: .6rem 1rem; margin: .8rem 0; background: var(--sheet) }
article > * { color: var(--ink) } article > h3 { color: inherit; margin-top: 0 } article > .quiet { color: var(--quiet) }
article:target { outline: 2px solid var(--link) }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--ground); border: 1px solid var(--line); border-radius: 4px; padding: .5rem .7rem; margin: .4em 0 }
code, pre, .trace { font: 13px/1.5 ui-monospace, monospace } .trace { padding-left: 2.2em; overflow-wrap: anywhere; white-space: pre-wrap }
.wide { position: relative; overflow-x: auto; margin: .8rem 0 } table { border-collapse: collapse } caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .6rem; text-align: left; vertical-align: top } thead th { vertical-align: bottom }
tbody th { white-space: nowrap; font-weight: 600 } .subject span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 14rem }
.number { white-space: nowrap; text-align: right } .sign { text-align: center; font-weight: 700 } .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
summary { cursor: pointer; font-weight: 600; padding: .3rem 0 } figure { margin: .5rem 0 } figcaption { font-weight: 600 }
svg { max-width: 100%; height: auto; display: block } svg text { fill: var(--ink); font: 12px system-ui, sans-serif } .bar { fill: var(--bar) }
.empty { fill: none; stroke: var(--quiet) } .strip { margin: .2rem 0 }
@media print { article, pre { break-inside: avoid } }
`;
