import type { SubjectReport } from './report.ts';

/** What the laws of durability have shown of a store, in words; undefined for kinds that have none. */
export function levelOf(report: SubjectReport): string | undefined {
  if (report.kind !== 'op-store') return undefined;
  const passed = (id: string): boolean => report.laws.some((law) => law.law === id && law.verdict === 'pass');
  if (passed('OP-39') && passed('OP-37')) return 'forces to disk what it acknowledges, survives a kill';
  if (passed('OP-37')) return 'survives a process crash';
  if (passed('OP-36')) return 'survives being reopened';
  return 'memory only, or not shown';
}
