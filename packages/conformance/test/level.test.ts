import { describe, expect, it } from 'vitest';
import { allLaws } from '../src/laws/all.ts';
import { badgeOf, badgeSvg } from '../src/run/forms/badge.ts';
import { type CatalogueEntry, levelsOf, levelsOfRun, levelText, shown } from '../src/run/level.ts';
import type { LawReport, Verdict } from '../src/run/report.ts';
import { hostileReport, lawThatEnded, reportOf, subjectOfLaws } from './report-samples.ts';

const ids = (kind: 'op-store' | 'secret-store'): readonly string[] => allLaws.filter((law) => law.kind === kind).map(({ id }) => id);

/** A run of the whole catalogue of a kind in which every law held but those named. */
const all = (kind: 'op-store' | 'secret-store', but: Readonly<Record<string, Verdict | undefined>> = {}): readonly LawReport[] =>
  ids(kind).flatMap((id) => {
    const verdict = id in but ? but[id] : 'pass';
    return verdict === undefined ? [] : [lawThatEnded(id, verdict)];
  });

const reached = (laws: readonly LawReport[], catalogue: readonly CatalogueEntry[] = allLaws): readonly string[] =>
  shown(levelsOf(subjectOfLaws(laws), catalogue));

describe('the level of a store', () => {
  it('is everything its kind can show where every law held', () => {
    expect(reached(all('op-store'))).toEqual(['semantics', 'survives a process crash', 'survives a power cut', 'many processes']);
    expect(shown(levelsOf(subjectOfLaws(all('secret-store'), { kind: 'secret-store' })))).toEqual(['semantics', 'sealed at rest']);
  });

  it.each(['fail', 'known failure', 'inconclusive'] as const)('is none where one law, of whatever group, ended as %s', (verdict) => {
    for (const law of ['OP-20', 'OP-41', 'OP-31']) expect([law, reached(all('op-store', { [law]: verdict }))]).toEqual([law, []]);
  });

  it('counts no law that was not run or not tried', () => {
    for (const missing of ['not run', undefined] as const) {
      expect(reached(all('op-store', { 'OP-20': missing }))).toEqual([]);
      expect(reached(all('op-store', { 'OP-37': missing }))).toEqual(['semantics', 'many processes']);
      expect(reached(all('op-store', { 'OP-39': missing }))).toEqual(['semantics', 'survives a process crash', 'many processes']);
      expect(reached(all('op-store', { 'OP-31': missing }))).not.toContain('many processes');
    }
  });

  it('counts what is not claimed, and refused, for semantics and for nothing else', () => {
    const memory = all('op-store', { 'OP-22': 'not claimed', 'OP-36': 'not claimed', 'OP-37': 'not claimed', 'OP-39': 'not claimed' });
    expect(reached(memory)).toEqual(['semantics', 'many processes']);
    const nothing = Object.fromEntries(ids('op-store').map((id) => [id, 'not claimed'] as const));
    expect(reached(all('op-store', nothing))).toEqual([]);
  });

  it('counts no law that tried no case', () => {
    const idle = all('op-store').map((law) => (law.law === 'OP-37' ? { ...law, runs: 0 } : law));
    expect(reached(idle)).not.toContain('survives a process crash');
  });

  it('is none for a run of nothing', () => {
    expect(reached([], [])).toEqual([]);
    expect(levelsOfRun(reportOf())).toEqual([]);
  });

  it('names only laws there are', () => {
    const lacks = levelsOf(subjectOfLaws([lawThatEnded('OP-01', 'pass')])).map(({ lack }) => lack);
    expect(lacks[0]).toMatch(/^OP-\d+ not tried, and \d+ more$/);
    for (const id of ['OP-31', 'OP-36', 'OP-37', 'OP-39', 'BL-26', 'OB-02', 'OB-03', 'SE-02', 'SE-03', 'SE-04', 'SE-05'])
      expect(allLaws.map((law) => law.id)).toContain(id);
  });
});

describe('a badge', () => {
  it('says what every subject of the run reached', () => {
    const strong = subjectOfLaws(all('op-store'));
    const weak = subjectOfLaws(all('op-store', { 'OP-39': 'not run', 'OP-31': 'not claimed' }));
    expect(badgeOf(reportOf(strong))).toEqual({
      schemaVersion: 1,
      label: 'spacestore',
      message: 'survives a power cut, many processes',
      color: 'brightgreen',
    });
    expect(badgeOf(reportOf(strong, weak)).message).toBe('survives a process crash');
    expect(levelText(['semantics'])).toBe('semantics');
  });

  it('is red where a law failed or nothing was tried, and grey where too little was', () => {
    for (const report of [
      hostileReport,
      reportOf(),
      reportOf(subjectOfLaws([])),
      reportOf(subjectOfLaws([lawThatEnded('OP-01', 'not run')])),
    ])
      expect(badgeOf(report).color).toBe('red');
    expect(badgeOf(reportOf(subjectOfLaws([lawThatEnded('OP-01', 'pass')])))).toMatchObject({
      message: 'no level shown',
      color: 'lightgrey',
    });
    expect(badgeOf(reportOf(subjectOfLaws(all('op-store', { 'OP-20': 'known failure' })))).color).toBe('lightgrey');
  });

  it('is a picture that says the same, fetches nothing and has no ids that another in the same page could have', () => {
    const svg = badgeSvg({ schemaVersion: 1, label: 'a <b>', message: 'c & d', color: 'red' });
    expect(svg).toContain('aria-label="a &lt;b&gt;: c &amp; d"');
    expect(svg).not.toMatch(/href|url\(|<script| id=/);
  });
});
