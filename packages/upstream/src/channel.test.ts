/** What the way to a service is bound by, for everything that evidence may bind and a caller may demand. */

import type { TlsDialer } from '@assay/channel';
import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import type { AttestedService } from './attested-service.ts';
import { bindChannel, type ChannelDemand } from './channel.ts';

const KEY = 'ab'.repeat(32);
const SEALED = { algorithm: 'x25519', publicKey: 'cd'.repeat(32) };
const open: typeof fetch = async () => new Response('open');
const pinned: typeof fetch = async () => new Response('pinned');
const dialer: TlsDialer = {
  open,
  unauthenticated: () => expect.unreachable('prompts go to attested keys'),
  pinned: (key) => (key === KEY ? pinned : expect.unreachable('the attested key is pinned')),
};

function bind({ demand = 'any', base = 'https://service.example', visible = true, tlsKey = KEY, sealed = false }: Case) {
  const service = { base, fetch: open, dialer: visible ? dialer : null, channel: demand } as unknown as AttestedService;
  return bindChannel(service, { tlsKey, sealedTo: sealed ? SEALED : null });
}

interface Case {
  readonly demand?: ChannelDemand;
  readonly base?: string;
  readonly visible?: boolean;
  readonly tlsKey?: string | null;
  readonly sealed?: boolean;
}

const HTTP = 'http://127.0.0.1:8000';

test.each<[string, Case, string | null, string | null]>([
  ['a key of https', {}, KEY, null],
  ['demanded', { demand: 'bound' }, KEY, null],
  ['sealed as well', { demand: 'sealed', sealed: true }, KEY, null],
  ['no key', { tlsKey: null }, null, 'binds no TLS key'],
  ['plain http', { base: HTTP }, null, 'not https'],
  ['a browser', { visible: false }, null, 'cannot be seen'],
  ['sealed is bound', { demand: 'bound', tlsKey: null, sealed: true }, null, 'binds no TLS key'],
  ['sealed in a browser', { demand: 'sealed', visible: false, sealed: true }, null, 'cannot be seen'],
])('%s', async (_, options, pin, unpinned) => {
  const { channel, fetch } = bind(options);
  expect(channel.tlsKey).toBe(pin);
  expect(channel.sealedTo).toEqual(options.sealed === true ? SEALED : null);
  expect(channel.unpinned).toEqual(unpinned === null ? null : expect.stringContaining(unpinned));
  expect(await (await fetch('https://service.example')).text()).toBe(pin === null ? 'open' : 'pinned');
});

test.each<[string, Case, string]>([
  ['bound, and no key', { demand: 'bound', tlsKey: null }, 'binds no TLS key'],
  ['bound over plain http', { demand: 'bound', base: HTTP }, 'not https'],
  ['bound in a browser', { demand: 'bound', visible: false }, 'cannot be seen'],
  ['sealed, and nothing to seal to', { demand: 'sealed' }, 'no public key'],
])('service/channel-unbound: %s', async (_, options, lack) => {
  await expectRefusal(
    async () => bind(options),
    'service/channel-unbound',
    ['service.example', lack].slice(options.base === undefined ? 0 : 1),
  );
});
