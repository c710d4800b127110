/** What the owners of an agent set and what it signed, as the agent shows it (spec/operator.md), read through the sealed channel. */

import type { Agent } from 'assay';
import type { Hex, SigningPolicy } from 'assay/owners';
import { useEffect, useState } from 'preact/hooks';
import { ProblemError, readJson } from './agent-reader.ts';

export interface OwnedVariable {
  readonly name: string;
  readonly visibility: 'hidden' | 'public';
  readonly mutability: 'mutable' | 'immutable';
  /** 0: never set. */
  readonly version: number;
  readonly change_hash: Hex;
  /** Of public variables. */
  readonly value?: string | null;
  readonly receipt_id: string | null;
}

interface Chained {
  readonly version: number;
  readonly change_hash: Hex;
}

export interface OwnerConfig {
  readonly tee_name: string;
  readonly agent_id: Hex;
  readonly wallet: { readonly address: Hex | null; readonly kept: boolean };
  readonly control: {
    readonly owners: Chained & { readonly addresses: readonly Hex[]; readonly threshold: number };
    readonly policy: Chained & { readonly policy_hash: Hex };
    readonly paused: Chained & { readonly paused: boolean };
  };
  /** What others remember of the log; see spec/operator.md §9. */
  readonly outside_head: {
    readonly witness: {
      readonly name: string;
      readonly cosigned_size: number | null;
      /** Entries that its last refusal names, which is not signed. */
      readonly refused_size: number | null;
    } | null;
    readonly behind: { readonly size: number } | null;
    readonly acknowledged: Chained & { readonly size: number; readonly without_witness: boolean };
  };
  readonly manifest: { readonly variables: Readonly<Record<string, { readonly signers?: 'one' | 'threshold' }>> };
  readonly policy: SigningPolicy | null;
  readonly variables: readonly OwnedVariable[];
}

export type TransactionState = 'signed' | 'sent' | 'included' | 'reverted' | 'replaced';

export interface ListedTransaction {
  readonly transaction_hash: string;
  readonly chain_id: number;
  readonly nonce: number;
  readonly to: string;
  readonly value: string;
  /** Contract whose code runs as the wallet by it (EIP-7702). */
  readonly delegates_to: string | null;
  readonly blobs: number;
  readonly rule: string;
  /** Epoch seconds. */
  readonly time: number;
  readonly state: TransactionState;
  readonly reason: string | null;
  readonly receipt_id: string;
  readonly final_receipt_id: string | null;
  readonly block_number: string | null;
}

/** A transaction that waits for owners. */
export interface WaitingTransaction {
  readonly hash: Hex;
  readonly chain_id: number;
  readonly to: string | null;
  readonly value: string;
  readonly data: string;
  readonly delegates_to: string | null;
  readonly blobs: number;
  /** The most wei that they cost. */
  readonly most_for_blobs: string;
  /** Epoch seconds. */
  readonly expiry: number;
}

export interface OwnedState {
  readonly config: OwnerConfig;
  readonly transactions: readonly ListedTransaction[];
  readonly pending: readonly WaitingTransaction[];
}

export type OwnedAgent =
  | { readonly state: 'reading' }
  /** It has no manifest. */
  | { readonly state: 'absent' }
  /** Its attested keyset names another agent id: what owners sign for this one would serve another. */
  | { readonly state: 'foreign'; readonly agentId: string }
  | { readonly state: 'failed'; readonly fault: string }
  | ({ readonly state: 'read' } & OwnedState);

const LOOK_MS = 5000;

/** The owners' state; `reload` reads it again. Transactions change by themselves, so the page looks from time to time. */
export function useOwnedAgent(agent: Agent): { readonly owned: OwnedAgent; readonly reload: () => void } {
  const [owned, setOwned] = useState<OwnedAgent>({ state: 'reading' });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    const look = (): Promise<void> =>
      ownedState(agent).then((found) => {
        if (current) setOwned(found);
      });
    void look();
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void look();
    }, LOOK_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [agent, turn]);
  return { owned, reload: () => setTurn((known) => known + 1) };
}

async function ownedState(agent: Agent): Promise<OwnedAgent> {
  try {
    const [config, listed, { isAttestedAgent }] = await Promise.all([
      readJson<OwnerConfig>(agent, 'api/v1/config'),
      readJson<Omit<OwnedState, 'config'>>(agent, 'api/v1/transactions'),
      import('../owners/index.ts'),
    ]);
    if (!isAttestedAgent(agent.attested.keyset, config.agent_id)) return { state: 'foreign', agentId: config.agent_id };
    return { state: 'read', config, transactions: listed.transactions, pending: listed.pending };
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'operator/absent') return { state: 'absent' };
    return { state: 'failed', fault: error instanceof Error ? error.message : String(error) };
  }
}
