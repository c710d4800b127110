/** What the doctor says of a machine: each TEE, tool and guarantee, and what to do where one is missing. */

import { findProgram, parseConfig, searchPath, type TeeSurvey } from '@assay/agent';
import { expect, test } from 'vitest';
import { type Machine, machineFindings, thisMachine } from './machine.ts';

const HARDWARE: TeeSurvey = { kind: 'hardware', detail: 'configfs-tsm', keepsSecret: false, absent: [] };
const machine = (there: readonly string[], manifest = '{}'): Machine => ({
  read: async () => new TextEncoder().encode(manifest),
  exists: (path) => there.includes(path),
  find: (program) => (there.includes(program) ? `/usr/bin/${program}` : null),
});
const TOOLS = ['bwrap', 'prlimit', 'setpriv', 'python3'];

async function told(
  survey: Partial<TeeSurvey>,
  there: readonly string[] = TOOLS,
  settings: Record<string, string> = {},
  manifest?: string,
) {
  const findings = await machineFindings({ ...HARDWARE, ...survey }, parseConfig(settings), machine(there, manifest));
  return Object.fromEntries(findings.map(({ what, standing, detail }) => [what, `${standing}: ${detail}`]));
}

test('hardware that answers, and what it keeps', async () => {
  expect(await told({})).toMatchObject({
    TEE: expect.stringMatching(/^ok: configfs-tsm/),
    guarantees: expect.stringMatching(/^ok: .*ASSAY_UPSTREAMS=verified/),
  });
  expect((await told({ keepsSecret: true })).secrets).toMatch(/^ok: .*outlive a restart/);
});

test('keys on the disk of a confidential virtual machine are named, and their secrecy is not promised', async () => {
  const { secrets, guarantees } = await told({});
  expect(secrets).toMatch(/^warning: data-key\.json and log-key\.json lie in clear in \/.*deploy\/cvm$/);
  expect(guarantees).not.toContain('sealed');
  const withManifest = await told({}, TOOLS, { ASSAY_OPERATOR_MANIFEST: 'manifest.json' });
  expect(withManifest.secrets).toMatch(/^warning: data-key.*lost with the enclave$/);
  for (const survey of [{ detail: 'AWS Nitro' }, { keepsSecret: true }])
    expect((await told(survey)).guarantees).toContain('nothing outside reads what is sealed');
});

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const OWNED = { v: 'assay-operator/1', name: 'a', owners: { addresses: [`0x${'22'.repeat(20)}`] } };
const UNDER_KMS = { ...OWNED, kms: { key: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd' } };

test.each<[string, object, Record<string, string>, RegExp]>([
  ['no KMS key', OWNED, {}, /^warning: .*lost with the enclave; .*name a KMS key/],
  ['no credentials', UNDER_KMS, {}, /^problem: .*AWS_ACCESS_KEY_ID/],
  ['no sealed secret', UNDER_KMS, CREDENTIALS, /^problem: .*ASSAY_KMS_CIPHERTEXT/],
  ['a first start', UNDER_KMS, { ...CREDENTIALS, ASSAY_KMS_FIRST_START: 'on' }, /^warning: .*keep wallet\.kms_ciphertext/],
  ['a sealed secret', UNDER_KMS, { ...CREDENTIALS, ASSAY_KMS_CIPHERTEXT: 'AAAA' }, /^ok: AWS KMS keeps the wallet/],
  ['a manifest that is none', {}, CREDENTIALS, /^problem: /],
])('a wallet in a Nitro enclave with %s', async (_name, manifest, settings, expected) => {
  const asked = { ASSAY_OPERATOR_MANIFEST: 'manifest.json', ...settings };
  expect((await told({ detail: 'AWS Nitro' }, TOOLS, asked, JSON.stringify(manifest))).secrets).toMatch(expected);
  expect((await told({ detail: 'AWS Nitro' })).secrets).toMatch(/^ok: the platform keeps no key/);
});

test.each<[string, Partial<TeeSurvey>, string, string]>([
  [
    'a failing TEE',
    { kind: 'failing', detail: 'expected a device, got EACCES' },
    'problem: expected a device',
    'problem: none',
  ],
  ['a vendor', { kind: 'vendor', detail: 'vendor Acme' }, 'warning: vendor Acme', 'warning: clients learn'],
  [
    'a simulator that was asked for',
    { kind: 'simulated', detail: 'simulated' },
    'warning: simulated: SIMULATED',
    'warning: for development',
  ],
  ['nothing', { kind: 'none' }, 'warning: none here', 'warning: for development'],
])('%s', async (_name, survey, tee, guarantees) => {
  const found = await told(survey);
  expect([found.TEE, found.guarantees]).toEqual([expect.stringContaining(tee), expect.stringContaining(guarantees)]);
  expect(found.secrets).toMatch(/^warning: keys lie in files of \//);
});

test('each absent TEE says what it needs, each missing tool how to get it', async () => {
  const found = await told({ kind: 'none', absent: [{ name: 'nitro', needs: 'the device /dev/nsm' }] }, []);
  expect(found).toMatchObject({
    'no nitro': 'warning: the device /dev/nsm',
    bwrap: 'warning: missing, for the strongest sandbox: apt install bubblewrap',
    python3: expect.stringContaining('apt install python3'),
  });
  expect(Object.keys(await told({}))).not.toContain('bwrap');
});

test('programs are found where the sandboxes find them, also with an empty PATH', () => {
  expect(thisMachine({ findProgram, searchPath }, '').find('env')).toBe('/usr/bin/env');
  expect(thisMachine({ findProgram, searchPath }, '').find('no-such-program')).toBeNull();
});

test.each([
  ['/dev/nitro_enclaves', 'enclaves', 'deploy/nitro'],
  ['/dev/tdx_guest', 'TDX', 'mount -t configfs'],
  ['/dev/sev-guest', 'SEV-SNP', 'mount -t configfs'],
  ['/dev/sgx_enclave', 'SGX', 'deploy/gramine'],
])('%s is half of the way', async (device, what, advice) => {
  expect((await told({ kind: 'none' }, [device]))[what]).toContain(advice);
  expect((await told({}, [device]))[what]).toBeUndefined();
});

test('GPUs', async () => {
  expect((await told({}, ['nvattest'])).GPUs).toMatch(/^ok: \/usr\/bin\/nvattest/);
  expect((await told({}, ['/dev/nvidiactl'])).GPUs).toMatch(/^warning: .*install NVIDIA's nvattest/);
  expect((await told({}, [], { ASSAY_GPU_EVIDENCE: 'off' })).GPUs).toMatch(/^ok: .*off$/);
  expect((await told({}, [], { ASSAY_GPU_EVIDENCE: 'required' })).GPUs).toMatch(/^problem/);
});
