/** Verifiers of Nitro documents beside ours. */

import { readFileSync } from 'node:fs';
import { AWS_NITRO_ROOTS } from '@assay/attestation';
import { bufferSource } from '@assay/encoding/bytes';
import { decodeCbor } from '@assay/encoding/cbor';
import { encodePem } from '@assay/encoding/pem';
import type { NitroQuestion, Question } from '@assay/testing';
import { verifyCertificateChain, verifyCoseSign1Sig } from '@turnkey/crypto';
import { inProcess } from './in-process.ts';
import { importPackage, packageFile } from './packages.ts';
import { startProgram } from './program.ts';
import type { Peer } from './question.ts';

const AWS_ROOT = AWS_NITRO_ROOTS[0]?.certificate ?? new Uint8Array();

function nitro(question: Question): NitroQuestion {
  if (question.kind !== 'nitro') throw new Error(`expected a document, got ${question.kind}`);
  return question;
}

/** npm `@turnkey/crypto`. Reading the document is left to its caller: done here with our CBOR reader, which is the stricter one. */
export function turnkey(): Peer {
  return inProcess(
    {
      name: 'npm @turnkey/crypto 2.13.2',
      language: 'JavaScript',
      kinds: ['nitro'],
      scope: 'signature and chain; no dates of the leaf, no header algorithm, no payload syntax, no CA rules',
      takesRoot: false, // it has a parameter for it, but compares its fingerprint with AWS's
    },
    async (question) => {
      const { evidence, at } = nitro(question);
      const rootPem = encodePem('CERTIFICATE', AWS_ROOT);
      const sign1 = decodeCbor(evidence) as unknown[];
      const payload = decodeCbor(sign1[2] as Uint8Array, { allowIndefinite: true }) as Map<string, unknown>;
      const leaf = bufferSource(payload.get('certificate') as Uint8Array);
      await verifyCoseSign1Sig(sign1, leaf);
      await verifyCertificateChain((payload.get('cabundle') as Uint8Array[]).map(bufferSource), rootPem, leaf, at);
      return 'accepted';
    },
  );
}

interface Evervault {
  initSync(options: { readonly module: Uint8Array }): void;
  readonly PCRs: { empty(): unknown };
  validateAttestationDocPcrs(document: string, pcrs: readonly unknown[]): boolean;
}

/** npm `@evervault/wasm-attestation-bindings`: Rust in wasm with AWS's root built in. Its clock is `Date`, mocked here. */
export async function evervault(): Promise<Peer | null> {
  const folder = '@evervault/wasm-attestation-bindings/';
  const module = await importPackage<Evervault>(`${folder}index.js`);
  const wasm = packageFile(`${folder}index_bg.wasm`);
  if (module === null || wasm === null) return null;
  module.initSync({ module: readFileSync(wasm) });
  return inProcess(
    {
      name: 'npm @evervault/wasm-attestation-bindings 0.3.1',
      language: 'wasm',
      kinds: ['nitro'],
      scope: 'signature, chain, dates and syntax, with no PCR asked for; no CRL',
      takesRoot: false,
      mockDate: true,
    },
    (question) => {
      const document = Buffer.from(nitro(question).evidence).toString('base64');
      // It prints every reason on the console, where this program prints its table.
      const printed = console.error;
      console.error = () => undefined;
      try {
        return module.validateAttestationDocPcrs(document, [module.PCRs.empty()]) ? 'accepted' : 'ERR refused';
      } finally {
        console.error = printed;
      }
    },
  );
}

/** The crate `nsm-nitro-enclave-utils`. */
export function nsmNitroRust(): Peer | null {
  return startProgram({
    name: 'Rust nsm-nitro-enclave-utils 0.1.3',
    language: 'Rust',
    folder: 'nsm-nitro-enclave-utils',
    kinds: ['nitro'],
    scope: 'signature, chain and dates; no CRL; sizes of fields and PCRs are left to its caller',
    takesRoot: true,
    complete: (question) => ({ ...question, root: question.root ?? AWS_ROOT }),
  });
}
