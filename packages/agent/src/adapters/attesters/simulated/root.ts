/**
 * The simulator's root: made at the first start, kept in the data directory as `simulated-root.pem` (certificate, to hand out) and
 * `simulated-root-key.pem` (PKCS #8, mode 0600). A key that is lost is not silently replaced, because verifiers pin it.
 */

import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { trustAnchor } from '@assay/attestation';
import { equalBytes } from '@assay/encoding/bytes';
import { decodePem, encodePem } from '@assay/encoding/pem';
import { encodeName } from '@assay/encoding/x509-writer';
import { ServerError } from '../../../errors.ts';
import { type Issued, issueCertificate, newSigningKey, type SigningKey } from './certificate.ts';

const ROOT_CERTIFICATE_FILE = 'simulated-root.pem';
const ROOT_KEY_FILE = 'simulated-root-key.pem';

const SUBJECT = { CN: 'Assay simulated root: proves nothing', OU: 'SIMULATED', O: 'Assay simulator' };
const LIFETIME = 10 * 365 * 86_400_000; // milliseconds
/** How long the second file of another agent is waited for, milliseconds. */
const OTHER_AGENT_MS = 1_000;
const POLL_MS = 25;
const P384 = { name: 'ECDSA', namedCurve: 'P-384' };

/**
 * The root of this directory, made when there is none.
 * @throws {ServerError} `attester/simulated-root-broken`; the error of the file system when it cannot be made.
 */
export async function openSimulatedRoot(directory: string, now: number): Promise<Issued> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const paths = { key: join(directory, ROOT_KEY_FILE), certificate: join(directory, ROOT_CERTIFICATE_FILE) };
  let stored = await Promise.all([readOrNull(paths.key), readOrNull(paths.certificate)]);
  if (stored[0] === null && stored[1] === null) {
    try {
      return await makeRoot(paths, now);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  // Agents that share the directory may start together: the one that wrote the key writes the certificate next.
  for (let waited = 0; stored.includes(null) && waited < OTHER_AGENT_MS; waited += POLL_MS) {
    await sleep(POLL_MS);
    stored = await Promise.all([readOrNull(paths.key), readOrNull(paths.certificate)]);
  }
  if (stored[0] === null || stored[1] === null)
    throw broken(`only one of ${ROOT_KEY_FILE} and ${ROOT_CERTIFICATE_FILE}`, directory);
  if (((await stat(paths.key)).mode & 0o077) !== 0 && process.platform !== 'win32') await chmod(paths.key, 0o600);
  return loadRoot(stored[0], stored[1], directory);
}

async function makeRoot(paths: { readonly key: string; readonly certificate: string }, now: number): Promise<Issued> {
  const key = await newSigningKey(true);
  const root = await issueCertificate({
    subject: SUBJECT,
    key,
    notBefore: now - 60_000,
    notAfter: now + LIFETIME,
    pathLength: Number.POSITIVE_INFINITY,
  });
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', key.privateKey));
  await writeFile(paths.key, encodePem('PRIVATE KEY', pkcs8), { mode: 0o600, flag: 'wx' });
  await writeFile(paths.certificate, encodePem('CERTIFICATE', root.certificate), { mode: 0o644, flag: 'wx' });
  return root;
}

async function loadRoot(keyPem: string, certificatePem: string, directory: string): Promise<Issued> {
  try {
    const [certificate] = decodePem(certificatePem);
    const [pkcs8] = decodePem(keyPem);
    if (certificate?.label !== 'CERTIFICATE' || pkcs8?.label !== 'PRIVATE KEY') throw new Error('wrong labels');
    const key = await loadKey(new Uint8Array(pkcs8.der));
    if (!equalBytes(key.spki, trustAnchor('simulated root', certificate.der).spki)) throw new Error('another key');
    return { certificate: certificate.der, key, subject: encodeName(SUBJECT) };
  } catch (cause) {
    throw broken('a key or certificate that does not load or does not match', directory, cause);
  }
}

async function loadKey(pkcs8: Uint8Array<ArrayBuffer>): Promise<SigningKey> {
  const extractable = await crypto.subtle.importKey('pkcs8', pkcs8, P384, true, ['sign']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', extractable);
  const publicKey = await crypto.subtle.importKey('jwk', { kty, crv, x, y } as JsonWebKey, P384, true, ['verify']);
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, P384, false, ['sign']),
    spki: new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)),
  };
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function broken(got: string, directory: string, cause?: unknown): ServerError {
  const message = `expected the simulator's root in ${directory}, got ${got}; restore both files, or delete both to start a new root`;
  return new ServerError('attester/simulated-root-broken', message, { cause });
}
