/** The verify page's question, as its fields hold it: text that may be wrong. */

import { type PolicyPreset, parseInstant } from '@assay/attestation';
import { type NamedBytes, type Verification, verifyInBrowser } from './verification.ts';

export interface FilesQuestion {
  /** RFC 3339; empty for now. */
  readonly at: string;
  readonly policy: PolicyPreset | '';
  /** Hex; empty for none. */
  readonly nonce: string;
  readonly simulatedRoot: string | null;
}

/** A verdict, or which field is wrong. */
export type FilesAnswer = { readonly verification: Verification } | { readonly fault: 'at' | 'nonce' };

/** Verifies dropped files; see {@link verifyInBrowser}. */
export async function verifyFiles(files: readonly NamedBytes[], question: FilesQuestion): Promise<FilesAnswer> {
  const { at, policy, nonce, simulatedRoot } = question;
  const now = at === '' ? Date.now() : parseInstant(at);
  if (now === null) return { fault: 'at' };
  if (nonce !== '' && !/^(?:[0-9a-f]{2})+$/i.test(nonce)) return { fault: 'nonce' };
  const verification = await verifyInBrowser(files, {
    now,
    simulatedRoot,
    policy: policy === '' ? undefined : policy,
    nonce: nonce === '' ? undefined : nonce,
  });
  return { verification };
}
