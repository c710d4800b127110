/** One node does not confirm itself, however its address is spelled and whichever list it stands in. */

import { expect, it } from 'vitest';
import { secondNodeOf } from './second-node.ts';

it.each<readonly [string, string | undefined, string, boolean]>([
  ['another host', 'https://b.example', 'https://a.example', true],
  ['another port', 'https://a.example:8545', 'https://a.example', true],
  ['another name of the domain', 'https://b.a.example', 'https://a.example', true],
  ['another address', 'http://[::ffff:127.0.0.2]:8545', 'http://127.0.0.1:8545', true],
  ['none', undefined, 'https://a.example', false],
  ['another path', 'https://a.example/base', 'https://a.example/main', false],
  ['another query', 'https://a.example/?node=2', 'https://a.example/?node=1', false],
  ['the port of the other scheme', 'https://a.example', 'http://a.example:443', false],
  ['an address as IPv6 has it', 'http://[::ffff:192.168.1.255]:8545', 'http://192.168.1.255:8545', false],
  ['the same text', 'https://a.example', 'https://a.example', false],
  ['a slash more', 'https://a.example/v1/', 'https://a.example/v1', false],
  ['capitals', 'HTTPS://A.example', 'https://a.example', false],
  ['the port of its scheme', 'https://a.example:443', 'https://a.example', false],
  ['another scheme', 'http://a.example', 'https://a.example', false],
  ['a dot more', 'https://a.example.:8545', 'https://a.example:8545', false],
  ['a fragment', 'https://a.example#b', 'https://a.example', false],
  ['credentials', 'https://u:p@a.example', 'https://a.example', false],
  ['an address in hex', 'http://0x7f.1:8545', 'http://127.0.0.1:8545', false],
  ['the same that does not parse', 'https://a.example:port', 'https://a.example:port', false],
])('%s', (_, second, url, given) => {
  expect(secondNodeOf({ confirming_rpc_url: second }, url)).toBe(given ? second : null);
});

it('a chain that the policy names no more has none', () => {
  expect(secondNodeOf(undefined, 'https://a.example')).toBeNull();
});
