import { expect, test } from 'vitest';
import { type HostRule, hostOfUrl, hostsOfContext, permitHosts } from './network-hosts.ts';

const requested: HostRule = { mode: 'requested', hosts: [] };
const cases: readonly { name: string; rule: HostRule; host: string; allowed: boolean }[] = [
  { name: 'a public name', rule: requested, host: 'base.llamarpc.com:443', allowed: true },
  { name: 'in capitals', rule: requested, host: 'Base.LlamaRPC.com:443', allowed: true },
  { name: 'localhost', rule: requested, host: 'localhost:8545', allowed: false },
  { name: 'a name below localhost', rule: requested, host: 'a.localhost:80', allowed: false },
  { name: 'a name without a dot', rule: requested, host: 'router:80', allowed: false },
  { name: 'mDNS', rule: requested, host: 'printer.local:80', allowed: false },
  { name: 'cloud metadata by name', rule: requested, host: 'metadata.google.internal:80', allowed: false },
  { name: 'cloud metadata with a final dot', rule: requested, host: 'metadata.google.internal.:80', allowed: false },
  { name: 'IPv4', rule: requested, host: '8.8.8.8:53', allowed: false },
  { name: 'IPv4 written short', rule: requested, host: '127.1:80', allowed: false },
  { name: 'IPv6', rule: requested, host: '[::1]:80', allowed: false },
  {
    name: 'private, but listed',
    rule: { mode: 'requested', hosts: ['127.0.0.1:8545'] },
    host: '127.0.0.1:8545',
    allowed: true,
  },
  {
    name: 'the same host, another port',
    rule: { mode: 'requested', hosts: ['127.0.0.1:8545'] },
    host: '127.0.0.1:22',
    allowed: false,
  },
  { name: 'public, not listed', rule: { mode: 'listed', hosts: ['a.example:443'] }, host: 'b.example:443', allowed: false },
  { name: 'listed', rule: { mode: 'listed', hosts: ['a.example:443'] }, host: 'a.example:443', allowed: true },
  { name: 'closed', rule: { mode: 'none', hosts: [] }, host: 'a.example:443', allowed: false },
];

test.each(cases)('$name', ({ rule, host, allowed }) => {
  const permit = permitHosts(rule, [host]);
  expect(permit.allowed).toEqual(allowed ? [host.toLowerCase()] : []);
  expect(permit.refused).toHaveLength(allowed ? 0 : 1);
});

test.each([
  ['https://base.llamarpc.com', 'base.llamarpc.com:443'],
  ['http://127.0.0.1:8545/rpc', '127.0.0.1:8545'],
  ['https://[2001:db8::1]/', '[2001:db8::1]:443'],
  ['https://user:secret@x.example/', 'x.example:443'],
  ['ftp://x.example/', null],
  ['file:///etc/passwd', null],
  ['not a url', null],
  [7, null],
])('host of %s', (url, host) => {
  expect(hostOfUrl(url)).toBe(host);
});

test('a context names hosts in rpc and rpc_url only', () => {
  expect(hostsOfContext({ rpc: 'https://a.example', rpc_url: 'https://b.example', other: 'https://c.example' })).toEqual([
    'a.example:443',
    'b.example:443',
  ]);
  expect(hostsOfContext(null)).toEqual([]);
});
