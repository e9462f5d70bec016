import { percent } from '../../check/coverage.ts';
import { levels, levelsOf } from '../level.ts';
import { replayCommand } from '../replay.ts';
import type { LawFailure, LawReport, Report, SubjectReport } from '../report.ts';
import { totals } from '../terminal.ts';
import { killStrip, timingPlot } from './drawings.ts';
import { style } from './html-style.ts';
import { type Markup, markup } from './markup.ts';
import { anchorOf, lawsThatEnded, type Matrix, matricesOf, type OpenLaw, signs } from './matrix.ts';

/** A run as one page that fetches nothing and runs no script: its own policy forbids both, whatever a store's words contain. */
export function htmlOf(report: Report): string {
  const names = report.subjects.map(({ subject }) => subject).join(', ');
  const open = lawsThatEnded(report, 'fail', 'inconclusive', 'known failure');
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Conformance of ${names}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<header>
<h1>Conformance</h1>
<p>${totals(report)}</p>
<p class="quiet">kit ${report.kit} · seed ${report.seed} · ${report.profile} profile</p>
</header>
<main>
<section aria-labelledby="levels"><h2 id="levels">Levels</h2>${levelTable(report)}
<p class="quiet">A power cut is judged by what was forced to disk before it was acknowledged, not simulated.</p></section>
<section aria-labelledby="open"><h2 id="open">Open</h2>${open.length > 0 ? open.map(openOf) : markup`<p>No law failed, and none was left undecided.</p>`}
${notRunOf(report)}</section>
<section aria-labelledby="laws"><h2 id="laws">Laws × subjects</h2><p class="quiet">${legend()}</p>${matricesOf(report).map((matrix) => matrixOf(matrix, report))}</section>
<section aria-labelledby="measures"><h2 id="measures">Coverage and time</h2>${report.subjects.map((subject) => measuresOf(subject, report))}</section>
</main>
</body>
</html>
`.markup;
}

const legend = (): string =>
  Object.entries(signs)
    .map(([verdict, sign]) => `${sign} ${verdict}`)
    .join(' · ');

function levelTable(report: Report): Markup {
  return markup`<div class="wide" role="region" tabindex="0" aria-label="Levels"><table>
<thead><tr><th scope="col">subject</th><th scope="col">contract</th>${levels.map((level) => markup`<th scope="col">${level}</th>`)}<th scope="col">time</th></tr></thead>
<tbody>${report.subjects.map(levelRow)}</tbody></table></div>`;
}

function levelRow(subject: SubjectReport): Markup {
  const cells = levelsOf(subject).map(({ lack }, index, all) => {
    if (lack === undefined) return markup`<td class="pass"><b aria-hidden="true">✓</b> shown</td>`;
    const same = index > 0 && all[index - 1]?.lack === lack; // said once, to the left
    return markup`<td class="quiet">${same ? markup`<span aria-hidden="true">–</span><span class="spoken">${lack}</span>` : lack}</td>`;
  });
  const error = subject.error === undefined ? undefined : markup`<br><span class="fail">could not be tried</span>`;
  return markup`<tr><th scope="row">${subject.subject}${error}</th><td>${subject.kind}</td>${cells}<td class="number">${subject.seconds.toFixed(1)} s</td></tr>\n`;
}

function openOf({ law, subject, anchor }: OpenLaw): Markup {
  const { failure } = law;
  return markup`<article id="${anchor}" class="${classOf(law)}">
<h3>${signs[law.verdict]} ${law.law} ${law.verdict} <span class="quiet">${subject.subject}</span></h3>
<p>${law.title}</p>
${law.reason === undefined ? undefined : markup`<p>${law.reason}</p>`}
${failure && failureOf(failure, replayCommand(subject.word ?? subject.subject, law.law, failure))}
</article>`;
}

function failureOf(failure: LawFailure, replay: string): Markup {
  return markup`<p class="quiet">case ${failure.run}, shrunk ${failure.shrinks} times</p>
<ol class="trace">${failure.trace.map((line) => markup`<li><code>${line}</code></li>`)}</ol>
<pre class="message" tabindex="0">${failure.message}</pre>
<p>Run it again:</p><pre tabindex="0"><code>${replay}</code></pre>`;
}

function notRunOf(report: Report): Markup | undefined {
  const all = lawsThatEnded(report, 'not run');
  if (all.length === 0) return undefined;
  return markup`<h3>Not run here</h3><ul>${all.map(
    ({ law, subject, anchor }) =>
      markup`<li id="${anchor}">${subject.subject}: ${law.law} ${law.title} <span class="quiet">(${law.reason})</span></li>\n`,
  )}</ul>`;
}

const classOf = (law: LawReport): string => law.verdict.replace(' ', '-');

function matrixOf({ kind, subjects, rows }: Matrix, report: Report): Markup {
  return markup`<div class="wide" role="region" tabindex="0" aria-label="Laws of ${kind}"><table>
<caption>${kind}</caption>
<thead><tr><th scope="col">law</th><th scope="col">promise</th>${subjects.map(({ subject }) => markup`<th scope="col" class="subject"><span>${subject}</span></th>`)}</tr></thead>
<tbody>${rows.map(
    ({ law, title, cells }) =>
      markup`<tr><th scope="row">${law}</th><td>${title}</td>${cells.map((cell, index) => cellOf(cell, report.subjects.indexOf(subjects[index] as SubjectReport)))}</tr>\n`,
  )}</tbody>
</table></div>`;
}

function cellOf(law: LawReport | undefined, subject: number): Markup {
  if (!law) return markup`<td class="sign"><span class="spoken">not tried</span></td>`;
  const sign = markup`<span aria-hidden="true">${signs[law.verdict]}</span><span class="spoken">${law.verdict}</span>`;
  const isTold = law.verdict !== 'pass' && law.verdict !== 'not claimed';
  const linked = isTold ? markup`<a href="#${anchorOf(subject, law)}">${sign}</a>` : sign;
  return markup`<td class="sign ${classOf(law)}" title="${law.reason ?? law.verdict}">${linked}</td>`;
}

function measuresOf(subject: SubjectReport, report: Report): Markup {
  const facts = subject.laws.flatMap((law) => Object.entries(law.coverage).map(([fact, tally]) => ({ law: law.law, fact, ...tally })));
  return markup`<details${{ markup: report.subjects.length > 1 ? '' : ' open' }}><summary>${subject.subject}</summary>
${timingPlot(subject)}
${facts.length === 0 ? markup`<p class="quiet">No coverage was counted.</p>` : undefined}
${
  facts.length > 0
    ? markup`<div class="wide" role="region" tabindex="0" aria-label="Coverage of ${subject.subject}"><table><caption>Coverage</caption>
<thead><tr><th scope="col">law</th><th scope="col">fact</th><th scope="col">met</th><th scope="col">share</th></tr></thead>
<tbody>${facts.map(
        ({ law, fact, met, of }) =>
          markup`<tr><th scope="row">${law}</th><td>${fact}${fact.startsWith('kills ') ? killStrip(fact, met, of) : undefined}</td><td>${met} of ${of}</td><td>${percent(of === 0 ? 0 : met / of)}</td></tr>\n`,
      )}</tbody></table></div>`
    : undefined
}
</details>`;
}
