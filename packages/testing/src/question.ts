/** Evidence with everything needed to judge it, as any verifier can be asked about it: of genuine cases, of the conformance suite. */

/** dcap-qvl's collateral file: chains in PEM, documents as text, lists and signatures in hex. */
export type DcapCollateral = Readonly<Record<string, string>>;

export interface DcapQuestion {
  readonly kind: 'sgx' | 'tdx';
  readonly evidence: Uint8Array;
  /** Epoch milliseconds. */
  readonly at: number;
  /** DER; the vendor's own when absent. */
  readonly root?: Uint8Array;
  readonly collateral: DcapCollateral;
}

export interface SnpQuestion {
  readonly kind: 'sev-snp';
  readonly evidence: Uint8Array;
  readonly at: number;
  readonly root?: Uint8Array;
  /** ASK or ASVK, DER. Peers bring their own where no `root` is named. */
  readonly intermediate?: Uint8Array;
  /** VCEK or VLEK, DER. */
  readonly key?: Uint8Array;
  /** The root's, DER. */
  readonly crl?: Uint8Array;
  /** `Milan`, `Genoa` or `Turin`: whose chain this is. */
  readonly product?: string;
}

export interface NitroQuestion {
  readonly kind: 'nitro';
  readonly evidence: Uint8Array;
  readonly at: number;
  readonly root?: Uint8Array;
}

export type Question = DcapQuestion | SnpQuestion | NitroQuestion;
