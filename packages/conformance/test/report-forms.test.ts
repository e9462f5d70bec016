import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badgeOf, badgeSvg } from '../src/run/forms/badge.ts';
import { htmlOf } from '../src/run/forms/html.ts';
import { junitOf } from '../src/run/forms/junit.ts';
import { markdownOf } from '../src/run/forms/markdown.ts';
import { linesOfSubject } from '../src/run/terminal.ts';
import { hostile, hostileReport, lawThatEnded, reportOf, subjectOfLaws } from './report-samples.ts';

const chromiumPath = '/usr/bin/chromium';
const browserIsMissing = !existsSync(chromiumPath) && process.env.SPACESTORE_REQUIRE_ALL !== '1';
/** The characters of a text that no reader sees, but the ends of its lines. */
const unseen = (text: string): readonly string[] => [...text].filter((char) => char !== '\n' && /[\p{C}\p{Zl}\p{Zp}]/u.test(char));

describe('every form of a report', () => {
  it.each([
    ['the terminal', () => hostileReport.subjects.flatMap((subject) => linesOfSubject(subject, hostileReport)).join('\n')],
    ['JUnit', () => junitOf(hostileReport, true)],
    ['Markdown', () => markdownOf(hostileReport)],
    ['HTML', () => htmlOf(hostileReport)],
  ])('%s: shows what a store said without a character that can’t be seen', (_name, form) => {
    expect(unseen(form())).toEqual([]);
    expect(form()).toContain('\\u{1b}[2J\\u{202e}evil\\u{d800}');
  });
});

describe('Markdown', () => {
  const page = markdownOf(hostileReport);

  it('keeps every line of a table in its cells, and a trace in its fence', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| OP-'));
    const cells = rows.map((row) => row.match(/(?<!\\)\|/g)?.length);
    expect(cells.filter((count) => count !== 5)).toEqual([]);
    expect(page).toMatch(/\n`{5}\nx OP-02/); // longer than the four in the words themselves
  });

  it('lets nothing through that is HTML, a link or a call outside of a fence', () => {
    const outside = page.replaceAll(/^(`{3,})\n[\s\S]*?\n\1$/gm, '');
    expect(outside).not.toMatch(/<|(?<!\\)\[|@|\*\*b/);
  });

  it('tells a failure with its trace and the command that shows it again', () => {
    expect(page).toContain('    append  a/a:0');
    expect(page).toContain('--law OP-02 --replay 7/0/0:0:0.1.0');
  });
});

describe.skipIf(browserIsMissing)(`as ${chromiumPath} reads it`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--headless', '--disable-gpu'] });
  }, 60_000);
  afterAll(() => browser.close());

  type Parsed = { readonly wrong: boolean; readonly found: readonly Readonly<Record<string, string>>[] };

  /** What an XML parser that forgives nothing makes of a text. */
  async function parsed(xml: string, selector: string): Promise<Parsed> {
    const page = await browser.newPage();
    try {
      return await page.evaluate<Parsed>(`(() => {
        const tree = new DOMParser().parseFromString(${JSON.stringify(xml)}, 'application/xml');
        const found = [...tree.querySelectorAll(${JSON.stringify(selector)})].map((node) => ({
          ...Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value])),
          text: node.textContent,
        }));
        return { wrong: tree.querySelector('parsererror') !== null, found };
      })()`);
    } finally {
      await page.close();
    }
  }

  it('JUnit is well-formed and counts what it holds', async () => {
    const xml = junitOf(hostileReport, false);
    const suites = await parsed(xml, 'testsuites');
    expect(suites.wrong).toBe(false);
    expect(suites.found[0]).toMatchObject({ tests: '7', failures: '2', errors: '0', skipped: '3' });
    const { found } = await parsed(xml, 'failure');
    expect(found.map(({ type }) => type)).toEqual(['fail', 'inconclusive']);
    expect(found[0]?.text).toContain('--law OP-02 --replay 7/0/0:0:0.1.0');
    expect(found[0]?.text).toContain("<script>document.title='taken'</script>");
    expect((await parsed(junitOf(hostileReport, true), 'testcase > failure')).found.map(({ type }) => type)).toEqual([
      'fail',
      'inconclusive',
      'known failure',
      'not run',
    ]);
  });

  it('JUnit is red where nothing was tried', async () => {
    for (const report of [
      reportOf(),
      reportOf(subjectOfLaws([lawThatEnded('OP-01', 'not run')])),
      reportOf(subjectOfLaws([], { error: hostile })),
    ]) {
      const { wrong, found } = await parsed(junitOf(report, false), 'testcase > error');
      expect(wrong).toBe(false);
      expect(found).toHaveLength(1);
    }
    expect((await parsed(junitOf(reportOf(subjectOfLaws([lawThatEnded('OP-01', 'pass')])), false), 'error, failure')).found).toEqual([]);
  });

  it('the badge is well-formed', async () => {
    expect((await parsed(badgeSvg({ ...badgeOf(hostileReport), message: hostile }), 'svg')).wrong).toBe(false);
  });

  it.each(['light', 'dark'] as const)('the page shows all, runs nothing and fetches nothing (%s)', async (colorScheme) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 900, height: 700 } });
    try {
      const page = await context.newPage();
      const [requests, complaints]: [string[], string[]] = [[], []];
      page.on('request', (request) => requests.push(request.url()));
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.setContent(htmlOf(hostileReport));
      expect(await page.title()).toMatch(/^Conformance of /);
      expect([requests, complaints]).toEqual([[], []]);
      expect(await page.locator('script, img').count()).toBe(0);
      const text = await page.locator('body').textContent();
      expect(text).toContain("<script>document.title='taken'</script>");
      expect(text).toContain('--law OP-02 --replay 7/0/0:0:0.1.0');
      await page.locator('summary').first().click();
      expect(await page.getByRole('img', { name: 'kills among work: 2 of 5' }).locator('rect.bar').count()).toBe(2);
      // Every cell is told in words as well, and leads to what is said of it.
      expect(await page.locator('td.sign .spoken').allInnerTexts()).toContain('known failure');
      for (const href of await page.locator('td.sign a').evaluateAll((links) => links.map((link) => link.getAttribute('href') as string)))
        expect([href, await page.locator(href).count()]).toEqual([href, 1]);
      const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(ground).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(14, 17, 22)');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(900);
    } finally {
      await context.close();
    }
  });
});
