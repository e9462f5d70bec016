import { describe, expect, it } from 'vitest';
import { opStoreLaws } from '../src/laws/op-store/all.ts';
import { runLaw } from '../src/run/engine.ts';
import type { LawReport } from '../src/run/report.ts';
import { findTools } from '../src/world/tools.ts';
import { subjects } from './journal-stores.ts';

const machine = findTools();
const verdict = async (law: string, subject: string): Promise<LawReport> =>
  await runLaw(opStoreLaws.find((one) => one.id === law) as never, subjects.find((one) => one.name === subject) as never, {
    seed: 7,
    profile: 'quick',
    machine,
  });
const audited = machine.has('strace') && machine.has('eatmydata') ? 'pass' : 'not run';

describe('a store with a journal', () => {
  it('that keeps its word passes the kill and the fsync audit', async () => {
    expect(await verdict('OP-37', 'none')).toMatchObject({ verdict: 'pass' });
    expect(await verdict('OP-37-T2', 'none')).toMatchObject({ verdict: machine.has('strace') ? 'pass' : 'not run' });
    expect(await verdict('OP-39', 'none')).toMatchObject({ verdict: audited });
  });

  it('that acknowledges before it writes is found by a kill', async () => {
    expect(await verdict('OP-37', 'acknowledges before it writes')).toMatchObject({
      verdict: 'fail',
      failure: { message: expect.stringContaining('lost') },
    });
  });

  it('that writes a line for each record is found by a kill at its n-th write', async () => {
    const report = await verdict('OP-37-T2', 'a line for each record');
    if (machine.has('strace')) expect(report).toMatchObject({ verdict: 'fail', failure: { message: expect.stringContaining('torn') } });
    else expect(report).toMatchObject({ verdict: 'not run' });
  });

  it('that never calls fsync is found by the audit, or the audit says what it lacks', async () => {
    const report = await verdict('OP-39', 'no fsync');
    if (audited === 'pass')
      expect(report).toMatchObject({ verdict: 'fail', failure: { message: expect.stringMatching(/journal was written .* not forced/) } });
    else expect(report).toMatchObject({ verdict: 'not run', reason: expect.stringContaining('needs') });
  });

  it('that forgets its folder is found by the audit, or the audit says what it lacks', async () => {
    const report = await verdict('OP-39', 'no fsync of the folder');
    if (audited === 'pass') expect(report).toMatchObject({ verdict: 'fail', failure: { message: expect.stringContaining('the folder') } });
    else expect(report).toMatchObject({ verdict: 'not run' });
  });
});
