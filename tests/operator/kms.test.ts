/**
 * The wallet's secret kept by AWS KMS: made once, given to this attested code only, the same after a restart and in a new data directory that
 * has the sealed secret. The agent is the simulator, whose documents have the form of Nitro's; KMS is a stand-in that verifies them.
 */

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createSimulatedAttester } from '../../packages/agent/src/adapters/attesters/simulated/simulated.ts';
import { openEnvelopedData } from '../../packages/agent/src/adapters/kms/enveloped-data.ts';
import type { KmsSettings } from '../../packages/agent/src/adapters/kms/kms-client.ts';
import { openKmsSecret } from '../../packages/agent/src/adapters/kms/kms-secret.ts';
import type { Attester } from '../../packages/agent/src/ports/attester.ts';
import { envelope, KMS_CREDENTIALS, KMS_KEY, type StandInKms, startKms } from './kms-stand-in.ts';
import { MANIFEST, type OwnedAgent, startOwnedAgent, temporary } from './owned-agent.ts';

const manifest = { ...MANIFEST, kms: { key: KMS_KEY } };
const FILE = 'kms-secret.txt';
const FIRST = { ASSAY_KMS_FIRST_START: 'on' };

interface Place {
  readonly directory: string;
  readonly kms: StandInKms;
  start(environment?: Readonly<Record<string, string>>, at?: string): Promise<OwnedAgent>;
}

async function place(): Promise<Place> {
  const directory = temporary();
  let at = directory;
  const kms = await startKms(() => readFileSync(join(at, 'data', 'simulated-root.pem'), 'utf8'));
  return {
    directory,
    kms,
    start: (environment = {}, elsewhere = directory) => {
      at = elsewhere;
      return startOwnedAgent({
        directory: elsewhere,
        manifest,
        environment: { ...KMS_CREDENTIALS, ASSAY_KMS_URL: kms.url, ...environment },
      });
    },
  };
}

test('the wallet outlives restarts and data directories, and no file holds its secret', { timeout: 60_000 }, async () => {
  const { directory, kms, start } = await place();
  const first = await start(FIRST);
  const { wallet } = await first.config();
  const file = join(directory, 'data', FILE);
  expect(wallet).toMatchObject({ kept: true, kms_ciphertext: readFileSync(file, 'utf8').trim() });
  await first.agent.close();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(existsSync(join(directory, 'data', 'simulated-secret'))).toBe(false);
  const again = await start();
  expect((await again.config()).wallet).toEqual(wallet);
  await again.agent.close();
  // A new enclave without files, with KMS's ciphertext in its settings.
  const elsewhere = temporary();
  const other = await start({ ASSAY_KMS_CIPHERTEXT: String(wallet.kms_ciphertext) }, elsewhere);
  expect((await other.config()).wallet).toEqual(wallet);
  expect(existsSync(join(elsewhere, 'data', FILE))).toBe(false);
  expect(kms.calls).toEqual(['GenerateDataKey', 'Decrypt', 'Decrypt']);
});

test('a start without the sealed secret makes no other wallet, unless it is called the first', {
  timeout: 60_000,
}, async () => {
  const { directory, kms, start } = await place();
  await expect(start()).rejects.toMatchObject({
    code: 'operator/secret-missing',
    message: expect.stringMatching(/ASSAY_KMS_CIPHERTEXT.*ASSAY_KMS_FIRST_START=on/),
  });
  expect(kms.calls).toEqual([]);
  expect(existsSync(join(directory, 'data', FILE))).toBe(false);
});

const settingsOf = (url: string): KmsSettings => ({
  url,
  accessKeyId: KMS_CREDENTIALS.AWS_ACCESS_KEY_ID,
  secretAccessKey: KMS_CREDENTIALS.AWS_SECRET_ACCESS_KEY,
  sessionToken: KMS_CREDENTIALS.AWS_SESSION_TOKEN,
  ciphertext: null,
  firstStart: true,
});

test('another image, key, account or sealed secret gets nothing', { timeout: 60_000 }, async () => {
  const directory = temporary();
  const attester = await createSimulatedAttester({ directory });
  const kms = await startKms(() => attester.rootCertificate);
  const settings = settingsOf(kms.url);
  const open = async (changed: Partial<KmsSettings> = {}): Promise<Uint8Array> => {
    const { secret } = await openKmsSecret({ attester, key: KMS_KEY, directory, settings: { ...settings, ...changed } });
    return secret;
  };
  const secret = await open();
  expect(await open()).toEqual(secret);
  const refused = async (code: string, words: string, changed: Partial<KmsSettings> = {}): Promise<void> => {
    const error = await open(changed).then(
      () => null,
      (cause: unknown) => cause as { code?: string; message: string },
    );
    expect([words, error?.code]).toEqual([words, code]);
    expect(error?.message).toContain(words);
  };
  const unavailable = 'operator/secret-unavailable';
  const { pcr0 } = kms.rules;
  kms.rules.pcr0 = '00'.repeat(48);
  await refused(unavailable, 'AccessDeniedException');
  kms.rules.pcr0 = pcr0;
  await refused(unavailable, 'InvalidSignatureException', { secretAccessKey: 'x'.repeat(40) });
  await refused(unavailable, 'no credentials', { accessKeyId: null });
  await refused(unavailable, 'gives no answer', { url: 'http://127.0.0.1:9' });
  await refused(unavailable, 'InvalidCiphertextException', { ciphertext: Buffer.alloc(60, 1).toString('base64') });
  await refused(unavailable, 'no base64 of at most', { ciphertext: 'AAA' });
  for (const [words, tamper] of [
    ['with another key', { KeyId: KMS_KEY.replace('111122223333', '999999999999') }],
    ['does not open', { CiphertextForRecipient: null }],
    ['does not open', { CiphertextForRecipient: 'MIAG' }],
  ] as const) {
    kms.rules.tamper = (body) => ({ ...body, ...tamper });
    await refused(unavailable, words);
  }
  // A key of the machine in between is not ours: the envelope does not open.
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const forged = envelope(Buffer.alloc(32, 7), publicKey.export({ format: 'der', type: 'spki' })).toString('base64');
  kms.rules.tamper = (body) => ({ ...body, CiphertextForRecipient: forged });
  await refused(unavailable, 'does not open');
  kms.rules.tamper = (body) => body;
  for (const operation of ['Decrypt', 'GenerateDataKey', 'Encrypt', 'ReEncrypt', 'CreateGrant']) {
    kms.rules.open.add(operation);
    await refused('operator/secret-exposed', `${operation} is allowed`);
    kms.rules.open.clear();
  }
  kms.rules.tamper = (body) => ({ ...body, Plaintext: Buffer.alloc(32, 7).toString('base64') });
  await refused('operator/secret-exposed', 'came back in clear');
  kms.rules.tamper = (body) => body;
  writeFileSync(join(directory, FILE), 'no ciphertext');
  await refused(unavailable, 'no base64 of at most');
});

test('agents that share a data directory and start together have one secret', async () => {
  const directory = temporary();
  const attester = await createSimulatedAttester({ directory });
  const kms = await startKms(() => attester.rootCertificate);
  const settings = settingsOf(kms.url);
  const open = async (): Promise<Uint8Array> => {
    const { secret } = await openKmsSecret({ attester, key: KMS_KEY, directory, settings });
    return secret;
  };
  const [one, two] = await Promise.all([open(), open()]);
  expect(two).toEqual(one);
  expect(await open()).toEqual(one);
  expect(kms.calls).toEqual(['GenerateDataKey', 'GenerateDataKey', 'Decrypt', 'Decrypt']);
  expect(readdirSync(directory).filter((name) => name.startsWith(FILE))).toEqual([FILE]);
});

test('a first start under a key that anyone may use keeps nothing', { timeout: 60_000 }, async () => {
  const { directory, kms, start } = await place();
  kms.rules.open.add('Decrypt');
  await expect(start(FIRST)).rejects.toMatchObject({ code: 'operator/secret-exposed' });
  expect(existsSync(join(directory, 'data', FILE))).toBe(false);
});

test('outside of the simulator KMS is asked over HTTPS, with a document of Nitro', async () => {
  const credentials = { accessKeyId: 'A', secretAccessKey: 'B', sessionToken: null };
  const settings = { ...credentials, url: 'http://127.0.0.1:9', ciphertext: null, firstStart: true };
  const attester: Attester = {
    name: 'dstack',
    simulated: false,
    attest: () => Promise.resolve({ teeType: 'tdx', evidenceType: 'tdx', evidence: { quote: '00' } }),
  };
  const about = { attester, key: KMS_KEY, settings, directory: temporary() };
  await expect(openKmsSecret(about)).rejects.toMatchObject({ message: expect.stringContaining('is not HTTPS') });
  const secure = { ...about, settings: { ...settings, url: 'https://127.0.0.1:9' } };
  await expect(openKmsSecret(secure)).rejects.toMatchObject({
    code: 'operator/secret-unavailable',
    message: expect.stringContaining('this is dstack'),
  });
});

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = keys.publicKey.export({ format: 'der', type: 'spki' });

test('an envelope opens, and no changed, shortened or other one does', async () => {
  const secret = Buffer.alloc(32, 9);
  const good = envelope(secret, spki);
  expect(Buffer.from(await openEnvelopedData(good, keys.privateKey))).toEqual(secret);
  for (let length = 0; length < good.length - 8; length += 7)
    await expect(openEnvelopedData(good.subarray(0, length), keys.privateKey)).rejects.toThrow();
  for (const [at, what] of [
    [good.indexOf(Buffer.from('2a864886f70d010703', 'hex')) + 8, 'type'],
    [good.indexOf(Buffer.from('2a864886f70d010107', 'hex')) + 8, 'wrapping'],
    [good.indexOf(Buffer.from('60864801650304012a', 'hex')) + 8, 'cipher'],
    [good.indexOf(Buffer.from('04820100', 'hex')) + 40, 'wrapped key'],
  ] as const) {
    const changed = Buffer.from(good);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(openEnvelopedData(changed, keys.privateKey), what).rejects.toThrow();
  }
  await expect(openEnvelopedData(envelope(secret, spki, { oaepHash: 'sha1' }), keys.privateKey)).rejects.toThrow();
  await expect(openEnvelopedData(Buffer.alloc(20_000, 0x30), keys.privateKey)).rejects.toThrow('at most');
  const nested = Buffer.concat([Buffer.from(Array.from({ length: 8000 }, (_, n) => (n % 2 === 0 ? 0x30 : 0x80)))]);
  await expect(openEnvelopedData(nested, keys.privateKey)).rejects.toThrow();
});

const OPENSSL = ((): boolean => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).startsWith('OpenSSL 3');
  } catch {
    return false;
  }
})();
if (!OPENSSL) process.stderr.write('\nLEFT OUT: envelopes that OpenSSL 3 makes\n');

test.skipIf(!OPENSSL).each([
  ['DER', []],
  ['BER of indefinite length', ['-stream']],
] as const)('an envelope that OpenSSL makes opens, in %s', async (_form, more) => {
  const directory = mkdtempSync(join(tmpdir(), 'assay-cms-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: readonly string[]): Buffer =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  writeFileSync(at('key.pem'), keys.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  writeFileSync(at('secret'), Buffer.alloc(32, 5));
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    at('key.pem'),
    '-subj',
    '/CN=enclave',
    '-addext',
    'subjectKeyIdentifier=hash',
    '-out',
    at('cert.pem'),
  );
  const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'].flatMap((each) => ['-keyopt', each]);
  const made = openssl(
    ...['cms', '-encrypt', '-binary', '-keyid', '-aes-256-cbc', '-in', at('secret'), '-outform', 'DER', ...more],
    ...['-recip', at('cert.pem'), ...oaep],
  );
  expect(Buffer.from(await openEnvelopedData(made, keys.privateKey))).toEqual(Buffer.alloc(32, 5));
});
