import { createHash } from 'node:crypto';
import { parseUserId } from '@spacestore/core';
import { expect, it } from 'vitest';
import { staticTokens } from '../../src/auth/static-tokens.ts';

const digest = (token: string) => createHash('sha256').update(token).digest('hex');
const ada = { user: parseUserId('ada') };
const bob = { user: parseUserId('bob') };

it('a static token is known by its digest alone', async () => {
  const auth = staticTokens([
    { sha256: digest('first-token'), identity: ada },
    { sha256: digest('second-token'), identity: bob },
  ]);
  expect(await auth.verify('first-token')).toBe(ada);
  expect(await auth.verify('second-token')).toBe(bob);
  for (const wrong of ['', 'first', 'first-token ', digest('first-token'), 'x'.repeat(9000)])
    await expect(auth.verify(wrong)).rejects.toMatchObject({ code: 'unauthenticated' });
});

it('a long token is not accepted for its beginning', async () => {
  const token = 'x'.repeat(4096);
  await expect(staticTokens([{ sha256: digest(token), identity: ada }]).verify(`${token}y`)).rejects.toMatchObject({
    code: 'unauthenticated',
  });
});

it('a static token that is not given as a digest refuses to start', () => {
  expect(() => staticTokens([{ sha256: 'my-plain-token', identity: ada }])).toThrow(/sha256/);
});
