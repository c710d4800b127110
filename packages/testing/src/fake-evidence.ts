/** One sound piece of evidence of every kind that is verified, alone and in parts, each with all that its verification needs. */

import { createHash } from 'node:crypto';
import type { VerifyOptions } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import { certificatesOf, FAKE_NOW, fakeDcap, fakeKey, fakeSnp } from '@assay/simulator';
import { fakeAzureVm } from './fake-azure.ts';
import { fakeDstack } from './fake-dstack.ts';
import { fakeNitroDocument } from './fake-nitro.ts';
import { type FakeDevice, fakeDevice, fakeManifest, fakeMeasurement } from './fake-nvidia.ts';
import { fakeToken } from './fake-token.ts';
import { FAKE_TOKENS } from './fake-token-claims.ts';
import { fakeTpmQuote } from './fake-tpm.ts';
import { redpillKey, redpillReport } from './redpill-report.ts';
import { tinfoilDocument } from './tinfoil-document.ts';

export interface FakeEvidence {
  readonly name: string;
  readonly file: Uint8Array;
  readonly options: VerifyOptions;
}

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** @example for (const { file, options } of await fakeEvidence()) await verifyEvidence(file, options); */
export async function fakeEvidence(): Promise<readonly FakeEvidence[]> {
  return (await Promise.all([cpus(), machines(), gpus(), reports(), tokens()])).flat();
}

async function cpus(): Promise<readonly FakeEvidence[]> {
  const nitro = await fakeNitroDocument();
  const quotes = await Promise.all(
    (['sgx', 'tdx'] as const).map(async (tee) => {
      const { quote, endorsements, anchors, now } = await fakeDcap({ tee });
      return { name: tee, file: quote, options: { now, endorsements, trust: { roots: anchors } } };
    }),
  );
  const reports = await Promise.all(
    (['Milan', 'Genoa', 'Turin'] as const).map(async (product) => {
      const { report, chain, anchor } = await fakeSnp({ product });
      const options = { now: FAKE_NOW, endorsements: certificatesOf(chain), trust: { roots: [anchor] } };
      return { name: `sev-snp ${product}`, file: report, options };
    }),
  );
  const options = { now: FAKE_NOW, trust: { roots: [nitro.anchor] } };
  return [{ name: 'nitro', file: nitro.document, options }, ...quotes, ...reports];
}

async function machines(): Promise<readonly FakeEvidence[]> {
  const azure = await fakeAzureVm();
  const tpm = await fakeTpmQuote();
  const guest = await fakeDstack();
  const dcap = { now: guest.now, endorsements: guest.endorsements, trust: { roots: guest.anchors } };
  const vm = { now: FAKE_NOW, endorsements: certificatesOf(azure.chain), trust: { roots: [azure.anchor] } };
  return [
    { name: 'azure vm', file: azure.file, options: vm },
    { name: 'azure vm without its tpm', file: azure.hclReport, options: vm },
    { name: 'tpm', file: json(tpm.document), options: { now: FAKE_NOW, trust: { roots: [tpm.chain.anchor] } } },
    {
      name: 'dstack',
      file: json({ ...guest.document, tcb_info: JSON.stringify({ app_compose: guest.compose }) }),
      options: dcap,
    },
    await commitment(),
  ];
}

async function commitment(): Promise<FakeEvidence> {
  const key = await fakeKey('Ed25519', 'vendor of all kinds');
  const iso = (offset: number): string => new Date(FAKE_NOW + offset).toISOString();
  const unsigned = {
    type: 'assay.vendor-commitment/1',
    vendor: 'Acme',
    key_id: createHash('sha256').update(key.spki).digest('hex'),
    algorithm: 'Ed25519',
    issued_at: iso(-1000),
    expires_at: iso(1000),
    nonce: 'ab',
    measurements: { model: 'cd' },
    model: { name: 'm' },
  };
  const signature = Buffer.from(await key.signRaw(utf8(canonicalJson(unsigned)))).toString('base64url');
  const anchor = { name: 'acme', spki: key.spki, certificate: null, simulated: false };
  return {
    name: 'vendor commitment',
    file: json({ ...unsigned, signature }),
    options: { now: FAKE_NOW, trust: { roots: [anchor] } },
  };
}

async function gpus(): Promise<readonly FakeEvidence[]> {
  const nonce = new Uint8Array(32).fill(0x21);
  const [first, second, blackwell, lane] = await Promise.all([
    fakeDevice({ serial: 1, nonce }),
    fakeDevice({ serial: 2, nonce }),
    fakeDevice({ serial: 3, nonce, product: 'GB100' }),
    fakeDevice({ serial: 9, nonce, product: 'LS_10' }),
  ]);
  const manifests = [
    await fakeManifest(),
    await fakeManifest({ version: '96.00.74.00.1A', golden: { 2: [encodeHex(fakeMeasurement(2))] } }),
  ];
  const list = (...devices: readonly FakeDevice[]): Uint8Array => json(devices.map(({ entry }) => entry));
  const options = { now: FAKE_NOW, trust: { roots: [first.anchor] } };
  const compared = {
    now: FAKE_NOW,
    endorsements: manifests.map(({ xml }) => ({ kind: 'rim', xml }) as const),
    trust: { roots: [first.anchor, ...manifests.map(({ anchor }) => anchor)] },
  };
  return [
    { name: 'one gpu', file: list(first), options },
    { name: 'one gpu with manifests', file: list(first), options: compared },
    { name: 'two gpus', file: list(first, second), options },
    { name: 'two gpus with manifests', file: list(first, second), options: compared },
    { name: 'two gpus of two kinds', file: list(first, blackwell), options },
    { name: 'two gpus and a switch', file: list(first, second, lane), options },
    { name: 'a switch', file: list(lane), options },
  ];
}

async function reports(): Promise<readonly FakeEvidence[]> {
  const nonce = new Uint8Array(32).fill(0x4e);
  const key = await redpillKey('ecdsa');
  const common = { key, nonce, model: 'm', now: FAKE_NOW, lie: null, textMembers: false, tlsFingerprint: null } as const;
  const found: FakeEvidence[] = [];
  for (const [shape, gpu] of [
    ['flat', false],
    ['flat', true],
    ['two-layer', true],
  ] as const) {
    const { document, endorsements, anchors } = await redpillReport({ ...common, shape, gpu });
    const options = { now: FAKE_NOW, endorsements, trust: { roots: anchors } };
    found.push({ name: `combined, ${shape}${gpu ? ' with a gpu' : ''}`, file: json(document), options });
  }
  for (const platform of ['tdx', 'sev-snp'] as const) {
    const keys = { tlsKey: new Uint8Array(32).fill(1), hpkeKey: new Uint8Array(32).fill(2) };
    const { document, endorsements, anchors } = await tinfoilDocument({
      ...keys,
      ...{ platform, nonce, now: FAKE_NOW, lie: null, form: 'sections' },
    });
    const options = { now: FAKE_NOW, endorsements, trust: { roots: anchors } };
    found.push({ name: `combined, ${platform} enclave`, file: json(document), options });
  }
  return found;
}

async function tokens(): Promise<readonly FakeEvidence[]> {
  const alone = await Promise.all(
    FAKE_TOKENS.map(async ({ name, issuer, claims }) => {
      const { file, keySet } = await fakeToken(issuer, claims);
      return { name: `token: ${name}`, file, options: { now: FAKE_NOW, endorsements: [keySet] } };
    }),
  );
  const nonce = encodeHex(new Uint8Array(32).fill(3));
  const part = await fakeToken('nras', { eat_nonce: nonce, measres: 'success', ueid: '1' });
  const digest = createHash('sha256').update(part.text).digest('hex');
  const overall = await fakeToken('nras', {
    eat_nonce: nonce,
    'x-nvidia-overall-att-result': true,
    submods: { 'GPU-0': ['DIGEST', ['SHA-256', digest]] },
  });
  const file = json([['JWT', overall.text], { 'GPU-0': part.text }]);
  return [...alone, { name: 'token: detached bundle', file, options: { now: FAKE_NOW, endorsements: [overall.keySet] } }];
}
