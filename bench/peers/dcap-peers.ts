/** Verifiers of SGX and TDX quotes beside ours. */

import { readFileSync } from 'node:fs';
import type { DcapQuestion, Question } from '@assay/testing';
import { QuoteVerifier } from '@phala/dcap-qvl';
import { inProcess } from './in-process.ts';
import { importPackage, packageFile } from './packages.ts';
import { startProgram } from './program.ts';
import type { Peer } from './question.ts';

function dcap(question: Question): DcapQuestion {
  if (question.kind !== 'sgx' && question.kind !== 'tdx') throw new Error(`expected a quote, got ${question.kind}`);
  return question;
}

/** npm `@phala/dcap-qvl`. */
export function dcapQvlJs(): Peer {
  return inProcess(
    {
      name: 'npm @phala/dcap-qvl 0.3.9',
      language: 'JavaScript',
      kinds: ['sgx', 'tdx'],
      scope: 'all collateral parsed again each time; CRLs unauthenticated, no TDX module identities; refuses debug',
      takesRoot: true,
    },
    (question) => {
      const { evidence, collateral, at, root } = dcap(question);
      const verifier = root === undefined ? QuoteVerifier.newProd() : QuoteVerifier.newWithRootCa(Buffer.from(root));
      return verifier.verify(Buffer.from(evidence), collateral as never, Math.floor(at / 1000)).status;
    },
  );
}

interface DcapQvlWeb {
  initSync(options: { readonly module: Uint8Array }): void;
  js_verify(quote: Uint8Array, collateral: unknown, now: bigint): { readonly status: string };
}

/** npm `@phala/dcap-qvl-web`, the Rust crate of 2025 in wasm. */
export async function dcapQvlWeb(): Promise<Peer | null> {
  const folder = '@phala/dcap-qvl-web/';
  const module = await importPackage<DcapQvlWeb>(`${folder}dcap-qvl-web.js`);
  const wasm = packageFile(`${folder}dcap-qvl-web_bg.wasm`);
  if (module === null || wasm === null) return null;
  module.initSync({ module: readFileSync(wasm) });
  return inProcess(
    {
      name: 'npm @phala/dcap-qvl-web 0.3.3',
      language: 'wasm',
      kinds: ['sgx', 'tdx'],
      scope: 'all collateral parsed again each time; QE identity not authenticated (CVE-2026-22696); refuses debug',
      takesRoot: false,
    },
    (question) => {
      const { evidence, collateral, at } = dcap(question);
      return module.js_verify(evidence, collateral, BigInt(Math.floor(at / 1000))).status;
    },
  );
}

/** The crate `dcap-qvl`. */
export function dcapQvlRust(): Peer | null {
  return startProgram({
    name: 'Rust dcap-qvl 0.7.1 (ring)',
    language: 'Rust',
    folder: 'dcap-qvl',
    kinds: ['sgx', 'tdx'],
    scope: 'everything but policy; collateral parsed again each time',
    takesRoot: true,
  });
}

/** `github.com/google/go-tdx-guest`. */
export function goTdxGuest(): Peer | null {
  return startProgram({
    name: 'Go go-tdx-guest 0.3.1',
    language: 'Go',
    folder: 'go-tdx-guest',
    kinds: ['tdx'],
    scope: 'quote version 4 only; CRLs on; any status but UpToDate is an error; collateral parsed again each time',
    takesRoot: true,
  });
}
