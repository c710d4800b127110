/** Keys of simulators that verifiers are told of: made at the first start, kept in the data directory, mode 0600, never replaced silently. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodePem, encodePem } from '@assay/encoding/pem';
import { ServerError } from '../../../errors.ts';

/** What WebCrypto makes a key pair of. */
export type KeyParameters = EcKeyGenParams | RsaHashedKeyGenParams | { readonly name: 'Ed25519' };

/**
 * The key pair in `<directory>/<name>-key.pem`, made when there is none.
 * @throws {ServerError} `attester/simulated-root-broken` when the file holds something else.
 */
export async function storedKeyPair(directory: string, name: string, parameters: KeyParameters): Promise<CryptoKeyPair> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${name}-key.pem`);
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (kept === null) {
    const pair = (await crypto.subtle.generateKey(parameters as EcKeyGenParams, true, ['sign', 'verify'])) as CryptoKeyPair;
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
    await writeFile(path, encodePem('PRIVATE KEY', pkcs8), { mode: 0o600, flag: 'wx' });
    return pair;
  }
  try {
    const [block] = decodePem(kept);
    const pkcs8 = new Uint8Array(block?.der ?? []);
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, parameters as EcKeyImportParams, true, ['sign']);
    const {
      d: _,
      p: __,
      q: ___,
      dp: ____,
      dq: _____,
      qi: ______,
      key_ops: _______,
      ...jwk
    } = await crypto.subtle.exportKey('jwk', privateKey);
    const publicKey = await crypto.subtle.importKey('jwk', jwk, parameters as EcKeyImportParams, true, ['verify']);
    return { privateKey, publicKey };
  } catch (cause) {
    throw new ServerError(
      'attester/simulated-root-broken',
      `expected the simulator's key in ${path}, got something that does not load; restore the file, or delete it to start a new root`,
      { cause },
    );
  }
}

/** DER SubjectPublicKeyInfo. */
export async function spkiOf({ publicKey }: CryptoKeyPair): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
}
