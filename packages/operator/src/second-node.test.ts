/** One node does not confirm itself, however its address is spelled and whichever list it stands in. */

import { expect, it } from 'vitest';
import { secondNodeOf } from './second-node.ts';

it.each<readonly [string, string | undefined, string, boolean]>([
  ['another host', 'https://b.example', 'https://a.example', true],
  ['another port', 'https://a.example:8545', 'https://a.example', true],
  ['another name of the domain', 'https://b.a.example', 'https://a.example', true],
  ['another address', 'http://[::ffff:192.168.1.2]:8545', 'http://192.168.1.1:8545', true],
  ['another port of this machine', 'http://localhost:8546', 'http://127.0.0.1:8545', true],
  ['a name that only looks like this machine', 'http://localhost.example:8545', 'http://localhost:8545', true],
  ['an address that only begins like this machine', 'http://127.0.0.1.example:8545', 'http://127.0.0.1:8545', true],
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

it.each([
  'http://127.0.0.1:8545',
  'http://127.1.2.3:8545',
  'http://[::1]:8545',
  'http://[::ffff:127.0.0.1]:8545',
  'http://0.0.0.0:8545',
  'http://[::]:8545',
  'http://LOCALHOST.:8545',
  'http://node.localhost:8545',
  'http://localhost.localdomain:8545',
  'http://ip6-localhost:8545',
  'http://ip6-loopback:8545',
  'http://2130706433:8545',
])('%s is localhost', (url) => {
  expect(secondNodeOf({ confirming_rpc_url: url }, 'https://localhost:8545/v1')).toBeNull();
  expect(secondNodeOf({ confirming_rpc_url: url }, 'https://a.example:8545')).toBe(url);
});

it('a chain that the policy names no more has none', () => {
  expect(secondNodeOf(undefined, 'https://a.example')).toBeNull();
});
