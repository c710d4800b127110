/**
 * The summary of an audit for one deployed contract, as ERC-7512 has it: EIP-712 typed data that someone who checked the deployment signs
 * (spec/contract-check.md §4). Not decided here: whether the deployment is what was audited.
 */

const field = (name: string, type: string) => ({ name, type });

/** As the ERC writes it, with its number of another ERC. */
export const SUMMARY_DOMAIN = { name: 'ERC-7652: Onchain Audit Representation', version: '1.0' } as const;

const SUMMARY_TYPES = {
  EIP712Domain: [field('name', 'string'), field('version', 'string')],
  AuditSummary: [
    field('auditor', 'Auditor'),
    field('issuedAt', 'uint256'),
    field('ercs', 'uint256[]'),
    field('auditedContract', 'Contract'),
    field('auditHash', 'bytes32'),
    field('auditUri', 'string'),
  ],
  Auditor: [field('name', 'string'), field('uri', 'string'), field('authors', 'string[]')],
  Contract: [field('chainId', 'bytes32'), field('deployment', 'address')],
} as const;

export interface SummaryFacts {
  /** e.g. `slither-analyzer 0.11.6`. */
  readonly analyzer: string;
  /** Digest of the keyset whose agent audited. */
  readonly keysetDigest: string;
  readonly receiptId: string;
  /** When the audit's receipt was signed, epoch seconds. */
  readonly issuedAt: number;
  /** `sha256:` and hex. */
  readonly auditHash: string;
  /** EIP-155. */
  readonly chainId: number;
  /** `0x` and 40 hex characters. */
  readonly address: string;
  /** Where the bundle can be had; without it the receipt is named. */
  readonly auditUri?: string | undefined;
  /** The audit's evidence is a simulator's. */
  readonly simulated: boolean;
}

/** Typed data as wallets take it in `eth_signTypedData_v4`. */
export interface SummaryTypedData {
  readonly domain: typeof SUMMARY_DOMAIN;
  readonly types: typeof SUMMARY_TYPES;
  readonly primaryType: 'AuditSummary';
  readonly message: {
    readonly auditor: { readonly name: string; readonly uri: string; readonly authors: readonly string[] };
    readonly issuedAt: string;
    /** Empty: an audit does not show that a standard is implemented in full. */
    readonly ercs: readonly string[];
    readonly auditedContract: { readonly chainId: `0x${string}`; readonly deployment: string };
    readonly auditHash: `0x${string}`;
    readonly auditUri: string;
  };
}

/**
 * The summary to sign.
 * @example
 * const audit = { analyzer: 'slither-analyzer 0.11.6', keysetDigest, receiptId, issuedAt, auditHash, simulated: false };
 * summaryTypedData({ ...audit, chainId: 1, address }).message.auditedContract;
 */
export function summaryTypedData(facts: SummaryFacts): SummaryTypedData {
  const { analyzer, keysetDigest, receiptId, issuedAt, auditHash, chainId, address, auditUri, simulated } = facts;
  return {
    domain: SUMMARY_DOMAIN,
    types: SUMMARY_TYPES,
    primaryType: 'AuditSummary',
    message: {
      auditor: {
        name: `${simulated ? 'SIMULATED: ' : ''}${analyzer} at an attested agent`,
        uri: `urn:assay:keyset:${keysetDigest}`,
        authors: [],
      },
      issuedAt: String(issuedAt),
      ercs: [],
      auditedContract: { chainId: `0x${chainId.toString(16).padStart(64, '0')}`, deployment: address.toLowerCase() },
      auditHash: `0x${auditHash.slice('sha256:'.length)}`,
      auditUri: auditUri ?? `urn:assay:receipt:${receiptId}`,
    },
  };
}
