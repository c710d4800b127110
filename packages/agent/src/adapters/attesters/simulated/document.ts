/** Writes a document as the Nitro Secure Module does: COSE_Sign1, ES384, keys of the payload in deterministic order. */

import { type CborValue, encodeCbor } from '@assay/encoding/cbor';
import { encodeCoseSign1, sigStructure } from '@assay/encoding/cose';
import { type Issued, signEs384 } from './certificate.ts';

const PROTECTED_HEADER = encodeCbor(new Map([[1, -35]])); // { alg: ES384 }

export interface NitroDocumentFields {
  readonly moduleId: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  /** Index → 48 bytes. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly leaf: Issued;
  /** DER, root first. */
  readonly cabundle: readonly Uint8Array[];
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
}

/** The signed document, untagged as the NSM writes it. */
export async function writeNitroDocument(fields: NitroDocumentFields): Promise<Uint8Array> {
  const payload = encodeCbor(
    new Map<CborValue, CborValue>([
      ['module_id', fields.moduleId],
      ['digest', 'SHA384'],
      ['timestamp', fields.timestamp],
      ['pcrs', new Map<CborValue, CborValue>(fields.pcrs)],
      ['certificate', fields.leaf.certificate],
      ['cabundle', [...fields.cabundle]],
      ['public_key', fields.publicKey],
      ['user_data', fields.userData],
      ['nonce', fields.nonce],
    ]),
  );
  const signature = await signEs384(fields.leaf.key, sigStructure({ protectedBytes: PROTECTED_HEADER, payload }));
  return encodeCoseSign1({ protectedBytes: PROTECTED_HEADER, payload, signature });
}
