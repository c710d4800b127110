/**
 * Evidence of Azure's confidential VMs. Proves: genuine SNP or TDX hardware reported a hash; the runtime data with that hash names
 * the vTPM's attestation key; that key signed these PCRs and this qualifying data. In order:
 *   1. signature and PCR values of the vTPM's quote under the key of the runtime data
 *   2. the hardware evidence, as everywhere, and the runtime data's hash in its report data
 * The claims are the hardware's, with the vTPM's under `vtpm`; the nonce is the quote's qualifying data, because the report data is
 * taken by the runtime data. Not proved: what the PCRs mean, and that the paravisor, which runs the vTPM, is one to trust: its
 * measurement is a claim.
 * Source: Microsoft, "Guest attestation for confidential VMs"; TCG TPM 2.0 Library part 2 §10.12.
 */

import { AttestationError } from '../../errors.ts';
import {
  type AzureSnpEvidence,
  type AzureTdxEvidence,
  azureSnpEvidenceOf,
  azureTdxEvidenceOf,
} from '../../evidence/azure/vtpm-evidence.ts';
import { parseQuote } from '../../evidence/dcap/quote.ts';
import { looksLikeQuote } from '../../evidence/dcap/quote-file.ts';
import type { TpmQuote } from '../../evidence/tpm/quote.ts';
import { pass } from '../../model/check.ts';
import type { SevSnpClaims, TdxClaims, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier, VerifyOptions } from '../../model/verification.ts';
import { tdxVerifier } from '../dcap/tdx.ts';
import { mint } from '../mint.ts';
import { verifySnp } from '../snp/snp.ts';
import { authenticQuote, quoteClaims } from '../tpm/tpm.ts';
import { azureAttestationKey } from './attestation-key.ts';

const SPEC = 'Azure HCL attestation';

/** The plug for SNP reports with a vTPM quote. */
export const azureSnpVerifier: TeeVerifier<AzureSnpEvidence, SevSnpClaims> = {
  type: 'sev-snp',
  recognise(file) {
    const value = azureSnpEvidenceOf(file);
    return value === null ? null : { type: 'sev-snp', value };
  },
  async verify({ value: { hardware, vtpm } }, options) {
    const spki = await azureAttestationKey(hardware.runtimeData.bytes);
    const bound = await authenticQuote(vtpm, spki);
    return withVtpm(await verifySnp(hardware, options), vtpm, { spki, bound });
  },
};

/** The plug for TDX quotes with a vTPM quote, and for a TD's HCL report whose quote lies among the endorsements. */
export const azureTdxVerifier: TeeVerifier<AzureTdxEvidence, TdxClaims> = {
  type: 'tdx',
  recognise(file) {
    const value = azureTdxEvidenceOf(file);
    return value === null ? null : { type: 'tdx', value };
  },
  async verify({ value: { quote, runtimeData, vtpm } }, options) {
    const spki = vtpm === null ? null : await azureAttestationKey(runtimeData.bytes);
    const bound = vtpm === null || spki === null ? null : await authenticQuote(vtpm, spki);
    const bytes = quote ?? besideQuote(options);
    const envelope = { quote: bytes, runtimeData, unread: [] };
    const cpu = await tdxVerifier.verify({ type: 'tdx', value: { ...parseQuote(bytes), envelope } }, options);
    return vtpm === null || spki === null || bound === null ? cpu : withVtpm(cpu, vtpm, { spki, bound });
  },
};

type BoundQuote = Awaited<ReturnType<typeof authenticQuote>>;

async function withVtpm<Of extends SevSnpClaims | TdxClaims>(
  cpu: VerifiedClaims<Of>,
  vtpm: TpmQuote,
  { spki, bound }: { readonly spki: Uint8Array; readonly bound: BoundQuote },
): Promise<VerifiedClaims<Of>> {
  const source = `named by the runtime data of the ${cpu.type === 'tdx' ? 'tdx quote' : 'snp report'}`;
  const { root, simulated, validity } = cpu;
  const part = await quoteClaims(vtpm, { spki, root, simulated, submodules: {}, source, ...validity }, bound);
  return mint({
    ...cpu,
    bindings: { ...cpu.bindings, nonce: part.bindings.nonce },
    checks: [...cpu.checks, pass('azure.vtpm', SPEC, 'a quote by the key that the runtime data names')],
    submodules: { ...cpu.submodules, vtpm: part },
  });
}

function besideQuote({ endorsements = [] }: VerifyOptions): Uint8Array {
  const found = endorsements.find((each) => each.kind === 'bytes' && looksLikeQuote(each.bytes));
  if (found?.kind === 'bytes') return found.bytes;
  throw new AttestationError(
    'dcap/quote-missing',
    'expected a tdx quote beside the hcl report, got none: its td report can be checked on its own machine only; supply the quote',
  );
}
