// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment look like that
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';

describe('a config file', () => {
  it('may be empty, YAML or JSON', () => {
    expect(parseConfig('', {})).toEqual({});
    expect(parseConfig('port: 8787\ndata: ./d\n', {})).toEqual({ port: 8787, data: './d' });
    expect(parseConfig('{"port": 1, "limits": {"callRecords": 5}}', {})).toEqual({ port: 1, limits: { callRecords: 5 } });
  });

  it('takes values from the environment', () => {
    const text = 'auth: { secret: "${TOKEN_SECRET}", issuer: "https://${HOST}/$$" }';
    expect(parseConfig(text, { TOKEN_SECRET: 'abc', HOST: 'h' })).toEqual({ auth: { secret: 'abc', issuer: 'https://h/$' } });
  });

  it.each([
    ['auth: { secret: "${NOT_SET}" }', /auth\.secret refers to the environment variable NOT_SET/],
    ['stores: [{ use: a, options: { url: "${EMPTY}" } }]', /stores\[0\]\.options\.url .* EMPTY/],
    ['prot: 1', /unknown key prot/],
    ['auth: { secrets: x }', /unknown key auth\.secrets/],
    ['limits: { callRecord: 5 }', /unknown key limits\.callRecord/],
    ['port: no', /port/],
    ['port: 70000', /port/],
    ['stores: []', /stores/],
    ['a: [', /line 1 is not YAML/],
    ['port: 1\nport: 2', /line 2 is not YAML/],
    ['[1]', /the file/],
    ['auth: { jwks: { algorithms: [HS256], url: x } }', /auth\.jwks\.algorithms\.0/],
  ])('is refused when it says %s', (text, message) => {
    expect(() => parseConfig(text, { EMPTY: '' })).toThrow(message);
  });

  it('is refused without repeating its values', () => {
    try {
      parseConfig('auth: { secret: 5, canary-key: x }\nport: canary-value', {});
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain('canary-key');
      expect(String(error)).not.toContain('canary-value');
    }
  });
});
