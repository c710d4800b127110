/** Claims of evidence that joins several kinds: dstack guests and combined reports. */

import type { TdxDetails, TdxMeasurements } from './dcap.ts';
import type { NitroDetails, NitroMeasurements } from './nitro.ts';
import type { SevSnpDetails, SevSnpMeasurements } from './sev-snp.ts';
import type { BoundKeyIdentity, ClaimsOf } from './shape.ts';
import type { TpmMeasurements, TpmQuoteDetails } from './tpm.ts';

/** What the measured event log names; hex. */
export type DstackEventMeasurements = {
  readonly 'compose-hash'?: string;
  readonly 'os-image-hash'?: string;
  readonly 'mr-kms'?: string;
  readonly 'mr-aggregated'?: string;
};

/** Those of the carrier, and those of the event log. */
export type DstackMeasurements = Partial<TdxMeasurements> &
  Partial<SevSnpMeasurements> &
  NitroMeasurements &
  TpmMeasurements &
  DstackEventMeasurements;

export type DstackIdentity = {
  readonly 'app-id'?: string;
  readonly 'instance-id'?: string;
  readonly 'key-provider'?: string;
  readonly 'key-provider-id'?: string;
  readonly 'storage-fs'?: string;
};

export type DstackFacts = {
  readonly carrier: 'tdx' | 'gcp-tdx' | 'sev-snp' | 'nitro' | 'nitro-tpm';
  readonly systemReady: boolean;
  /** The application's own events, payloads in hex. */
  readonly applicationEvents: readonly { readonly event: string; readonly payload: string }[];
  /** A key that the report data names in dstack's form. */
  readonly boundKey: { readonly algorithm: string; readonly key: string } | null;
};

/** The carrier's details, and those of dstack. */
export type DstackDetails = (TdxDetails | SevSnpDetails | NitroDetails | TpmQuoteDetails) & {
  readonly dstack: DstackFacts;
  /** GCP: PCRs that no settled key signed. */
  readonly unattributedPcrs?: Readonly<Record<string, string>>;
};

/** A dstack guest: its carrier's claims, and what the event log says. */
export interface DstackClaims
  extends ClaimsOf<'dstack', DstackMeasurements, DstackIdentity & BoundKeyIdentity & CarrierIdentity, DstackDetails> {}

/** Identity of the carrier: see {@link DcapIdentity}, {@link SevSnpIdentity}, {@link NitroClaims}. */
export type CarrierIdentity = {
  readonly fmspc?: string;
  readonly ppid?: string;
  readonly 'platform-id'?: string;
  readonly product?: string;
  readonly 'chip-id'?: string;
  readonly 'module-id'?: string;
};

/** Several nodes in one report; each is a submodule. Identity is that of the node that answers. */
export interface CombinedClaims
  extends ClaimsOf<
    'combined',
    Readonly<Record<never, string>>,
    BoundKeyIdentity & { readonly 'app-id'?: string },
    {
      readonly format: 'vllm-proxy' | 'chutes' | 'tinfoil';
      /** Labels of the nodes, which nothing signed. */
      readonly nodes: readonly { readonly name: string; readonly unsigned: Readonly<Record<string, string>> }[];
    }
  > {}
