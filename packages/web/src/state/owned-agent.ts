/** What the owners of an agent set and what it signed, as the agent shows it (spec/operator.md), read through the sealed channel. */

import type { Agent } from 'assay';
import type { ListedTransaction, ShownAgent, WaitingTransaction } from 'assay/owners';
import { useEffect, useState } from 'preact/hooks';
import { ProblemError, readJson } from './agent-reader.ts';

export interface OwnedState {
  readonly config: ShownAgent;
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
    const [shown, listed, { isAttestedAgent, parseShownAgent, parseShownTransactions }] = await Promise.all([
      readJson<unknown>(agent, 'api/v1/config'),
      readJson<unknown>(agent, 'api/v1/transactions'),
      import('../owners/index.ts'),
    ]);
    const config = parseShownAgent(shown);
    if (!isAttestedAgent(agent.attested.keyset, config.agent_id)) return { state: 'foreign', agentId: config.agent_id };
    return { state: 'read', config, ...parseShownTransactions(listed) };
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'operator/absent') return { state: 'absent' };
    return { state: 'failed', fault: error instanceof Error ? error.message : String(error) };
  }
}
