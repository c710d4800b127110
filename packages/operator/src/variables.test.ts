/** What changes of variables and control may do, and what each refusal says. State is a value: a refusal leaves it as it was. */

import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal } from '@assay/testing';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { acceptControl, type ControlMessage, initialControl } from './control.ts';
import { bytesOf, type Hex, ZERO_HASH } from './hex.ts';
import { agentId, manifestDigest, parseManifest } from './manifest.ts';
import { type OwnerFields, type OwnerMessage, ownerMessageHash, typedDataOf } from './owner-message.ts';
import { acceptChange, matchValue, unsetVariable, valueHash } from './variables.ts';

const fill = (byte: string, length = 32): Hex => `0x${byte.repeat(length)}`;
const ACCOUNTS = ['22', '33', '44'].map((byte) => privateKeyToAccount(fill(byte)));
const OWNERS = ACCOUNTS.map(({ address }) => address.toLowerCase() as Hex);
const MANIFEST = parseManifest(
  utf8(
    JSON.stringify({
      v: 'assay-operator/1',
      name: 'my-agent',
      owners: { addresses: OWNERS, threshold: 2 },
      variables: {
        model: { default: 'small', visibility: 'public' },
        api_key: { signers: 'one' },
        fixed: { mutability: 'immutable', visibility: 'public' },
      },
    }),
  ),
);
const AGENT = fill('aa');
const NOW = 1_800_000_000;
const SALT = fill('07');
const RULES = { manifest: MANIFEST, agentId: AGENT, owners: MANIFEST.owners, policyHash: ZERO_HASH, now: NOW };

const sign = (message: OwnerMessage, count = 2): Promise<Hex[]> =>
  Promise.all(ACCOUNTS.slice(0, count).map((account) => account.signTypedData(typedDataOf(message) as never)));

async function change(fields: Partial<OwnerFields<'SetVariable'>> & { readonly name: string }, count = 2) {
  const whole: OwnerFields<'SetVariable'> = {
    agentId: AGENT,
    visibility: MANIFEST.variables[fields.name]?.visibility ?? 'public',
    mutability: MANIFEST.variables[fields.name]?.mutability ?? 'mutable',
    valueHash: valueHash(bytesOf(SALT), 'large'),
    version: 1,
    previousHash: ZERO_HASH,
    policyHash: ZERO_HASH,
    expiry: NOW + 60,
    ...fields,
  };
  return { fields: whole, signatures: await sign({ type: 'SetVariable', fields: whole }, count) };
}

describe('a change of a variable', () => {
  it('makes the next version, linked to the previous one', async () => {
    const first = await change({ name: 'model' });
    const { next, signers } = acceptChange(unsetVariable(MANIFEST, 'model'), first, RULES);
    expect(signers).toEqual(OWNERS.slice(0, 2));
    const changeHash = ownerMessageHash({ type: 'SetVariable', fields: first.fields });
    expect(next).toMatchObject({ version: 1, changeHash, valueHash: first.fields.valueHash });
    const second = await change({ name: 'model', version: 2, previousHash: changeHash, mutability: 'immutable' });
    const after = acceptChange(next, second, RULES).next;
    expect(after).toMatchObject({ version: 2, mutability: 'immutable' });
    await expectRefusal(() => acceptChange(after, second, RULES), 'operator/replayed', ['version 3']);
    const third = await change({ name: 'model', version: 3, previousHash: after.changeHash, mutability: 'immutable' });
    await expectRefusal(() => acceptChange(after, third, RULES), 'operator/immutable', ['model']);
  });

  it.each<[string, string, Partial<OwnerFields<'SetVariable'>> & { readonly name: string }, readonly string[]]>([
    ['an undeclared name', 'operator/variable-unknown', { name: 'other' }, ['declares']],
    ['a name of the prototype', 'operator/variable-unknown', { name: 'toString' }, ['declares']],
    ['another agent', 'operator/other-agent', { name: 'model', agentId: fill('ab') }, [AGENT, fill('ab')]],
    ['an expired message', 'operator/expired', { name: 'model', expiry: NOW }, ['2027-01-15T08:00:00Z', '--expires']],
    ['a version too far', 'operator/out-of-order', { name: 'model', version: 2 }, ['version 1']],
    ['another history', 'operator/out-of-order', { name: 'model', previousHash: fill('01') }, [fill('01')]],
    ['another policy', 'operator/policy-changed', { name: 'model', policyHash: fill('09') }, [ZERO_HASH]],
    ['public to hidden', 'operator/widened', { name: 'model', visibility: 'hidden' }, ['public']],
    ['immutable to mutable', 'operator/widened', { name: 'fixed', mutability: 'mutable' }, ['immutable']],
  ])('refuses %s', async (_name, code, fields, words) => {
    const signed = await change(fields);
    const current = unsetVariable(MANIFEST, Object.hasOwn(MANIFEST.variables, fields.name) ? fields.name : 'model');
    await expectRefusal(() => acceptChange({ ...current, name: fields.name }, signed, RULES), code, words);
  });

  it('needs as many owners as declared', async () => {
    expect(acceptChange(unsetVariable(MANIFEST, 'api_key'), await change({ name: 'api_key' }, 1), RULES).signers).toHaveLength(
      1,
    );
    const alone = await change({ name: 'model' }, 1);
    await expectRefusal(() => acceptChange(unsetVariable(MANIFEST, 'model'), alone, RULES), 'operator/too-few-signers', ['2']);
  });

  it('sets an immutable variable once', async () => {
    const { next } = acceptChange(unsetVariable(MANIFEST, 'fixed'), await change({ name: 'fixed' }), RULES);
    const again = await change({ name: 'fixed', version: 2, previousHash: next.changeHash });
    await expectRefusal(() => acceptChange(next, again, RULES), 'operator/immutable', ['fixed']);
  });

  it('commits to salt and value', async () => {
    const { fields } = await change({ name: 'model' });
    matchValue(fields, SALT, 'large');
    await expectRefusal(() => matchValue(fields, SALT, 'larger'), 'operator/value-mismatch', ['model']);
    await expectRefusal(() => matchValue(fields, fill('08'), 'large'), 'operator/value-mismatch', ['model']);
    await expectRefusal(() => valueHash(new Uint8Array(31), 'x'), 'operator/message-malformed', ['got 31']);
    await expectRefusal(() => valueHash(new Uint8Array(32), 'x'.repeat(65_537)), 'operator/message-malformed', ['65537']);
  });
});

describe('control', () => {
  const start = initialControl(MANIFEST);
  const links = { agentId: AGENT, version: 1, previousHash: ZERO_HASH, expiry: NOW + 60 };
  const rules = { agentId: AGENT, now: NOW };
  const paused = (on: boolean, more: object = {}): ControlMessage => ({
    type: 'SetPaused',
    fields: { ...links, paused: on, ...more },
  });

  it('lets one owner pause, and the threshold resume', async () => {
    const pause = paused(true);
    const { next } = acceptControl(start, pause, await sign(pause, 1), rules);
    expect(next.paused.value).toBe(true);
    const resume = paused(false, { version: 2, previousHash: next.paused.changeHash });
    const one = await sign(resume, 1);
    await expectRefusal(() => acceptControl(next, resume, one, rules), 'operator/too-few-signers', ['2 owners']);
    expect(acceptControl(next, resume, await sign(resume), rules).next.paused.value).toBe(false);
    const late = await sign(pause, 1);
    await expectRefusal(() => acceptControl(next, pause, late, rules), 'operator/replayed', ['version 2']);
  });

  it('replaces the owners; the old ones sign nothing after', async () => {
    const owners = [fill('77', 20)];
    const message: ControlMessage = { type: 'SetOwners', fields: { ...links, owners, threshold: 1 } };
    const { next } = acceptControl(start, message, await sign(message), rules);
    expect(next.owners.value).toEqual({ addresses: owners, threshold: 1 });
    const pause = paused(true);
    const old = await sign(pause, 1);
    await expectRefusal(() => acceptControl(next, pause, old, rules), 'operator/signer-unknown', [OWNERS[0]!]);
  });

  it.each<[string, Hex[], number]>([
    ['an owner twice', [fill('77', 20), fill('77', 20)], 1],
    ['a threshold that cannot be met', [fill('77', 20)], 2],
  ])('refuses %s', async (_name, owners, threshold) => {
    const message: ControlMessage = { type: 'SetOwners', fields: { ...links, owners, threshold } };
    const signatures = await sign(message);
    await expectRefusal(() => acceptControl(start, message, signatures, rules), 'operator/message-malformed', ['threshold']);
  });
});

describe('the manifest', () => {
  const good = { v: 'assay-operator/1', name: 'a', owners: { addresses: [OWNERS[0]] } };
  const parse = (value: unknown) => parseManifest(utf8(JSON.stringify(value)));
  const witnessed = (url: string) => ({ ...good, witness: { url, vkey: 'witness.example/w1+00000000+BBBB' } });

  it.each<[string, unknown, string]>([
    ['another version', { ...good, v: 'assay-operator/2' }, 'v:'],
    ['no owner', { ...good, owners: { addresses: [] } }, 'owners.addresses'],
    ['an owner twice', { ...good, owners: { addresses: [OWNERS[0], OWNERS[0]?.toUpperCase().replace('0X', '0x')] } }, 'once'],
    ['a threshold above the owners', { ...good, owners: { addresses: [OWNERS[0]], threshold: 2 } }, 'threshold'],
    ['a name with a semicolon', { ...good, name: 'a;b' }, 'name'],
    ['a variable with a semicolon', { ...good, variables: { 'a;b': {} } }, 'variables'],
    ['an unknown member', { ...good, wallets: 1 }, 'wallets'],
    ['a long default', { ...good, variables: { a: { default: 'x'.repeat(65_537) } } }, '65536'],
    ['a default that is hidden', { ...good, variables: { a: { default: 'sk-1' } } }, 'variables.a.default'],
    [
      'too many variables',
      { ...good, variables: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`v${i}`, {}])) },
      '1000',
    ],
    ...[
      'http://witness.example',
      'http://10.0.0.1:8080',
      'http://localhost.example',
      'http://127.0.0.1.example/',
      'http://127.0.0.1:80@witness.example/',
      'http://127.0.0.1@witness.example/',
      'ftp://127.0.0.1',
    ].map((url): [string, unknown, string] => [`the witness ${url}`, witnessed(url), 'https address']),
  ])('refuses %s', async (_name, value, word) => {
    await expectRefusal(() => parse(value), 'operator/manifest-malformed', [word]);
  });

  it.each(['https://witness.example/w', 'http://127.0.0.1:8080/w', 'http://localhost', 'http://[::1]:80'])(
    'takes the witness %s',
    (url) => {
      expect(parse(witnessed(url)).witness?.url).toBe(url);
    },
  );

  it('refuses what is no JSON', async () => {
    await expectRefusal(() => parseManifest(utf8('{')), 'operator/manifest-malformed', ['JSON']);
  });

  it('has one digest however it is written, and another for every change', () => {
    const digest = manifestDigest(parse(good));
    expect(manifestDigest(parse({ ...good, variables: {}, wallet: 'kept' }))).toBe(digest);
    expect(manifestDigest(parse({ ...good, wallet: 'ephemeral' }))).not.toBe(digest);
  });

  it('names an agent by manifest, log and secret', () => {
    const parts = { manifest: fill('01'), log: 'log.a', logKeys: ['a', 'b'], secret: fill('02') };
    const changes = [{ manifest: fill('03') }, { log: 'log.b' }, { logKeys: ['ab'] }, { secret: fill('03') }];
    expect(new Set([parts, ...changes.map((each) => ({ ...parts, ...each }))].map(agentId)).size).toBe(5);
  });
});
