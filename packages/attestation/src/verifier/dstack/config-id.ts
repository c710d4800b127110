/**
 * What the launch commits to through MRCONFIGID (TDX) or the host data (SNP), dstack versions 1 to 3:
 *   1  01 ‖ compose hash
 *   2  02 ‖ Keccak256(compose hash ‖ app id ‖ key provider kind ‖ key provider id)
 *   3  03 ‖ SHA256("dstack-mr-config-v3:" ‖ 00 ‖ configuration document); SNP host data is that hash alone
 * all padded with zeros to 48 bytes. Source: Dstack-TEE/dstack, dstack-types mr_config.
 */

import { bufferSource, concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { DstackIdentity } from './identity.ts';

const ID = 'dstack.config-id';
const SPEC = 'dstack mr_config';
const KINDS: Readonly<Record<string, number>> = { none: 0, 'local-sgx': 1, local: 1, kms: 2, tpm: 3 };
const DOCUMENT_DOMAIN = 'dstack-mr-config-v3:\0';

/** Compares MRCONFIGID (lower-case hex, 48 bytes) with the identity in the log. */
export function configIdCheck(configId: string, { payloads }: DstackIdentity): Check {
  const compose = payloads.get('compose-hash');
  if (/^0*$/.test(configId)) return notChecked(ID, SPEC, 'mrconfigid is zero: this launch commits to nothing');
  if (compose === undefined) return notChecked(ID, SPEC, 'no compose hash was measured');
  switch (configId.slice(0, 2)) {
    case '01':
      return compare(`01${encodeHex(compose)}`, configId);
    case '02': {
      const provider = keyProviderOf(payloads.get('key-provider'));
      const kind = KINDS[provider?.name ?? 'none'];
      if (kind === undefined) return notChecked(ID, SPEC, `version 2 with an unknown key provider ${provider?.name}`);
      const message = concatBytes(
        compose,
        payloads.get('app-id') ?? new Uint8Array(0),
        Uint8Array.of(kind),
        provider?.id ?? new Uint8Array(0),
      );
      return compare(`02${encodeHex(keccak_256(message))}`, configId);
    }
    case '03':
      return notChecked(ID, SPEC, 'version 3 commits to a document that did not come along');
    default:
      return fail(ID, SPEC, 'version 1, 2 or 3', configId);
  }
}

function compare(wanted: string, actual: string): Check {
  const expected = wanted.padEnd(96, '0');
  return actual === expected ? pass(ID, SPEC, actual) : fail(ID, SPEC, expected, actual);
}

/** Hash of a version 3 configuration document, over its exact text. */
export async function configDocumentHash(document: string): Promise<Uint8Array> {
  const message = utf8(`${DOCUMENT_DOMAIN}${document}`);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(message)));
}

/** Name and id in a key-provider event: JSON `{"name","id"}`, id in hex. `null` when it is something else. */
export function keyProviderOf(payload: Uint8Array | undefined): { readonly name: string; readonly id: Uint8Array } | null {
  if (payload === undefined) return null;
  try {
    const json: Json = parseJson(payload);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
    const { name, id } = json as { readonly [member: string]: Json };
    return typeof name === 'string' && typeof id === 'string' ? { name, id: decodeHex(id) } : null;
  } catch {
    return null;
  }
}
