import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Report } from '../report.ts';
import { badgeOf, badgeSvg } from './badge.ts';
import { htmlOf } from './html.ts';
import { junitOf } from './junit.ts';
import { markdownOf } from './markdown.ts';

/** Where the forms of a report go; an absent one is not written. */
export interface FormFiles {
  readonly junit?: string | undefined;
  readonly markdown?: string | undefined;
  readonly html?: string | undefined;
  /** The picture; the JSON for shields.io has the same name with `.json`. */
  readonly badge?: string | undefined;
}

/** Every form that was asked for is on disk, its folder made where it was missing. */
export async function writeForms(report: Report, files: FormFiles, requireAll: boolean): Promise<void> {
  const badge = badgeOf(report);
  await write(files.junit, () => junitOf(report, requireAll));
  await write(files.markdown, () => markdownOf(report));
  await write(files.html, () => htmlOf(report));
  await write(files.badge && `${withoutSvg(files.badge)}.svg`, () => badgeSvg(badge));
  await write(files.badge && `${withoutSvg(files.badge)}.json`, () => `${JSON.stringify(badge)}\n`);
}

const withoutSvg = (file: string): string => file.replace(/\.(svg|json)$/, '');

async function write(file: string | undefined, form: () => string): Promise<void> {
  if (file === undefined || file === '') return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, form());
}
