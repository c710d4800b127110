/** Sessions of transcripts (spec/transcripts.md §1): who asked, for which nonce, and how far the chain has come. In memory, bounded. */

import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@assay/encoding/json';

/** How long a session takes transcripts, milliseconds. */
export const SESSION_MS = 3_600_000;
const MAX_SESSIONS = 1024;
const MAX_TRANSCRIPTS = 1024;

export interface TranscriptLink {
  readonly receiptId: string;
  /** `sha256:` and hex, of the JCS form of the receipt. */
  readonly digest: string;
}

export interface EvidenceSession {
  readonly id: string;
  /** As {@link DraftOptions.access}. */
  readonly access: string | null;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly attestation: JsonObject;
  readonly attestationHash: string;
  readonly modelIdentity: JsonObject;
  readonly modelHash: string;
  readonly transcripts: readonly TranscriptLink[];
  /** Runs one seal after another, so that every transcript names the previous one. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  append(link: TranscriptLink): void;
}

type SessionFacts = Pick<
  EvidenceSession,
  'access' | 'createdAt' | 'attestation' | 'attestationHash' | 'modelIdentity' | 'modelHash'
>;

export class EvidenceSessions {
  readonly #sessions = new Map<string, EvidenceSession>();
  readonly #now: () => number;
  /** How many each key opened since the start. */
  readonly #made = new Map<string | null, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many this caller opened since the start. */
  madeBy(access: string | null): number {
    return this.#made.get(access) ?? 0;
  }

  open(facts: SessionFacts): EvidenceSession {
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value ?? '');
    const session = newSession(facts);
    this.#sessions.set(session.id, session);
    this.#made.set(facts.access, this.madeBy(facts.access) + 1);
    return session;
  }

  /** The session that takes transcripts of this caller now, else `null`. */
  find(id: string, access: string | null): EvidenceSession | null {
    const found = this.#sessions.get(id);
    if (found === undefined || found.access !== access) return null;
    const isOver = this.#now() - found.createdAt >= SESSION_MS || found.transcripts.length >= MAX_TRANSCRIPTS;
    return isOver ? null : found;
  }

  /** Sessions of this caller that have transcripts, oldest first; ended ones too. */
  withTranscripts(access: string | null): readonly EvidenceSession[] {
    return [...this.#sessions.values()].filter((session) => session.access === access && session.transcripts.length > 0);
  }
}

function newSession(facts: SessionFacts): EvidenceSession {
  const transcripts: TranscriptLink[] = [];
  let last: Promise<unknown> = Promise.resolve();
  return {
    id: randomUUID(),
    ...facts,
    transcripts,
    inTurn: (work) => {
      const turn = last.then(work, work);
      last = turn.catch(() => undefined);
      return turn;
    },
    append: (link) => void transcripts.push(link),
  };
}
