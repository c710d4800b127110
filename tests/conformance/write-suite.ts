/** Writes the conformance suite for others: a manifest, and every piece as a file named by its digest. The manifest is described in docs/peers.md. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ConformanceEntry } from '@assay/testing';

const ABOUT =
  'Synthetic attestation evidence, sound or with exactly one defect, under roots made for this suite. A verifier is given root, evidence and companions, and the instant `at`. It must accept what is sound and refuse every defect; `code` is the error Assay gives. A verifier that refuses the sound entry of a variant does not know it, and its defects say nothing.';

/** Writes into a directory, made when missing, and answers its path. */
export function writeSuite(suite: readonly ConformanceEntry[], directory: string): string {
  const target = resolve(directory);
  mkdirSync(join(target, 'files'), { recursive: true });
  const file = (extension: string, content: Uint8Array | string): string => {
    const digest = createHash('sha256').update(content).digest('hex');
    const path = `files/${digest.slice(0, 24)}.${extension}`;
    writeFileSync(join(target, path), content);
    return path;
  };
  const entries = suite.map(({ variant, name, code, question }) => {
    const { kind, evidence, at, root } = question;
    return {
      id: `${variant}: ${name}`,
      kind,
      variant,
      name,
      expected: code === null ? 'accepted' : 'refused',
      code,
      at: new Date(at).toISOString(),
      evidence: file('evidence', evidence),
      ...(root !== undefined && { root: file('der', root) }),
      ...('collateral' in question && { collateral: file('json', JSON.stringify(question.collateral, null, 1)) }),
      ...(question.kind === 'sev-snp' && {
        product: question.product,
        ...(question.key !== undefined && { key: file('der', question.key) }),
        ...(question.intermediate !== undefined && { intermediate: file('der', question.intermediate) }),
        ...(question.crl !== undefined && { crl: file('crl', question.crl) }),
      }),
    };
  });
  writeFileSync(join(target, 'manifest.json'), `${JSON.stringify({ about: ABOUT, entries }, null, 1)}\n`);
  return target;
}
