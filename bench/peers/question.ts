/** What verifiers are asked and what they answer, the same for ours and every peer, so that verdicts and times can be laid side by side. */

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

/** A TCB status or `accepted`; refusals begin with `ERR`. */
export type Verdict = string;

export const refuses = (verdict: Verdict): boolean => verdict.startsWith('ERR');

export interface Peer {
  /** With version. */
  readonly name: string;
  readonly language: 'JavaScript' | 'wasm' | 'Rust' | 'Go';
  readonly kinds: readonly Question['kind'][];
  /** What it checks and leaves out, for who reads a ratio. */
  readonly scope: string;
  /** Whether it can be given a root of ours. */
  readonly takesRoot: boolean;
  verdict(question: Question): Promise<Verdict>;
  /** Processor microseconds of one verification, all threads, over so many calls in a row. */
  cost(question: Question, calls: number): Promise<number>;
  close(): void;
}

/** Processor microseconds a call in this process, all threads together. */
export async function processorTime(calls: number, run: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  for (let call = 0; call < calls; call++) await run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / calls;
}
