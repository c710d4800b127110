/**
 * The conversation with the model. It lives as long as the page, also while another page of the console is open; nothing of it is stored.
 * Every turn leaves sealed, with the turns before it, and its answer counts once its receipt was verified.
 */

import type { Receipt } from '@assay/receipt';
import type { Agent, Proof } from 'assay';
import { useEffect, useState } from 'preact/hooks';

export interface Turn {
  readonly id: number;
  readonly question: string;
  readonly answer: string;
  readonly state: 'answering' | 'proved' | 'stopped' | 'failed';
  /** Why there is no proved answer; empty otherwise. */
  readonly fault: string;
  readonly receipt: Receipt | null;
  readonly proof: Proof | null;
}

/** The answers that go along as history; older turns are left out, so that questions stay short. */
const MOST_TURNS_SENT = 12;

let turns: readonly Turn[] = [];
let next = 0;
let stopping: AbortController | null = null;
const readers = new Set<(turns: readonly Turn[]) => void>();

function settle(changed: readonly Turn[]): void {
  turns = changed;
  for (const reader of readers) reader(turns);
}

function change(id: number, members: Partial<Turn>): void {
  settle(turns.map((turn) => (turn.id === id ? { ...turn, ...members } : turn)));
}

/** The turns so far, the newest last. */
export function useConversation(): readonly Turn[] {
  const [known, setKnown] = useState(turns);
  useEffect(() => {
    readers.add(setKnown);
    setKnown(turns);
    return () => {
      readers.delete(setKnown);
    };
  }, []);
  return known;
}

/** Asks the next question; one at a time. */
export async function ask(agent: Agent, question: string): Promise<void> {
  if (stopping !== null) return;
  const id = next;
  next += 1;
  const stop = new AbortController();
  stopping = stop;
  const history = turns
    .filter(({ state }) => state === 'proved')
    .slice(-MOST_TURNS_SENT)
    .flatMap((turn) => [
      { role: 'user' as const, content: turn.question },
      { role: 'assistant' as const, content: turn.answer },
    ]);
  settle([...turns, { id, question, answer: '', state: 'answering', fault: '', receipt: null, proof: null }]);
  let answer = '';
  try {
    const { text, receipt, proof } = await agent.chat(question, {
      history,
      signal: stop.signal,
      onText: (piece) => {
        answer += piece;
        change(id, { answer });
      },
    });
    change(id, { answer: text, state: 'proved', receipt, proof });
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    change(
      id,
      stop.signal.aborted ? { state: 'stopped', fault: 'Stopped. What arrived has no proof.' } : { state: 'failed', fault },
    );
  } finally {
    stopping = null;
  }
}

/** Stops the answer that is coming. */
export function stopAnswer(): void {
  stopping?.abort();
}

/** Forgets the conversation. */
export function newConversation(): void {
  stopAnswer();
  settle([]);
}
