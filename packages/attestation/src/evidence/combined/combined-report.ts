/** What every combined report comes to, whatever its format: nodes with evidence, and what each one's report data must commit to. */

import type { DstackEvidence } from '../dstack/evidence-file.ts';
import type { NvidiaEvidence } from '../nvidia/evidence-file.ts';

/** What a node's report data must commit to, and how. */
export type NodeBinding =
  /** address padded to 32 ‖ nonce, or SHA256(address ‖ TLS fingerprint) ‖ nonce. */
  | {
      readonly rule: 'signing-address';
      readonly address: Uint8Array;
      readonly algorithm: 'ecdsa' | 'ed25519';
      readonly publicKey: Uint8Array | null;
      readonly tlsFingerprint: Uint8Array | null;
      /** TLS keys that stand elsewhere in the document, one of which the report data may commit to. */
      readonly tlsCandidates: readonly Uint8Array[];
      /** `null` where the document does not name the nonce it answers. */
      readonly nonce: Uint8Array | null;
    }
  /** actions hash ‖ nonce. */
  | { readonly rule: 'actions'; readonly hash: Uint8Array; readonly nonce: Uint8Array }
  /** SHA256(nonce text ‖ key text) ‖ SHA256(SPKI of the certificate); each half may be uncheckable. */
  | {
      readonly rule: 'chutes';
      readonly nonce: string | null;
      readonly encryptionKey: string | null;
      readonly certificate: Uint8Array | null;
    }
  /** SHA256(TLS key fingerprint ‖ HPKE key ‖ nonce [‖ GPU evidence hash [‖ switch evidence hash]]), zero-padded. */
  | {
      readonly rule: 'tinfoil';
      readonly tlsFingerprint: Uint8Array;
      readonly hpkeKey: Uint8Array;
      readonly nonce: Uint8Array;
      /** Exact JSON of the GPU and switch evidence, `null` when absent. */
      readonly gpu: string | null;
      readonly switches: string | null;
      readonly certificate: Uint8Array | null;
    }
  /** SHA256(algorithm name ‖ nonce ‖ SHA256(keys section) ‖ SHA256(devices section)), zero-padded. */
  | {
      readonly rule: 'tinfoil-sections';
      /** Exact bytes of the section that holds the two keys. */
      readonly keys: Uint8Array;
      /** Exact bytes of the section that holds evidence of GPUs and switches. */
      readonly devices: Uint8Array;
      readonly hasGpus: boolean;
      readonly nonce: Uint8Array;
      readonly tlsFingerprint: Uint8Array;
      readonly hpkeKey: Uint8Array;
    }
  /** Tinfoil before version 3: TLS key fingerprint ‖ HPKE key, or the fingerprint as 64 hex digits in ASCII. */
  | { readonly rule: 'tinfoil-keys'; readonly version: 1 | 2; readonly certificate: Uint8Array | null };

export interface CombinedNode {
  /** Submodule name: `gateway`, `model`, `model-1`, `compose-manager`, `instance-0`, `cpu`. */
  readonly name: string;
  readonly platform: 'tdx' | 'sev-snp';
  /** TDX: quote and event log. SNP: the report in `evidence`, no events. */
  readonly evidence: DstackEvidence;
  /** The bytes in {@link evidence} are compressed with gzip. */
  readonly compressed: boolean;
  readonly binding: NodeBinding;
  readonly gpus: NvidiaEvidence | null;
  /** Names in the document that are not signed: model, instance. For people. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface CombinedReport {
  readonly format: 'vllm-proxy' | 'chutes' | 'tinfoil';
  /** At least one. */
  readonly nodes: readonly CombinedNode[];
  /** Parts of the document that are not read. */
  readonly unread: readonly string[];
}
