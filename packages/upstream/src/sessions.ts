/** The sessions with one service: opened when first needed, shared while they hold, dropped when they expire or their keys are gone. */

import { VerificationCache } from '@assay/attestation/certificates/verification-cache';
import { ChannelError } from '@assay/channel';
import type { AttestedService } from './attested-service.ts';
import { UpstreamError } from './errors.ts';
import type { AttestedSession, Opening, ServiceKind, SessionAnswer, SessionRequest } from './session.ts';

/** Models that are kept verified at the same time; the oldest is verified again after that. */
const MAX_SESSIONS = 64;

/**
 * @example
 * const sessions = new AttestedSessions(kind, service);
 * const opening = await sessions.open('phala/gemma-3-27b-it');
 * if (opening.outcome === 'verified') await sessions.forward(opening.session, request);
 */
export class AttestedSessions {
  readonly #kind: ServiceKind;
  readonly #service: AttestedService;
  readonly #sessions = new Map<string, AttestedSession>();
  readonly #opening = new Map<string, Promise<Opening>>();

  constructor(kind: ServiceKind, service: AttestedService) {
    this.#kind = kind;
    this.#service = { cache: new VerificationCache(), ...service };
  }

  /**
   * The session for `model` that holds now; verified first when there is none. Callers that ask at the same time share one verification.
   * @throws {UpstreamError} `service/…`; {AttestationError} `endorsements/…`. No prompt has left then.
   */
  async open(model: string): Promise<Opening> {
    const key = this.#kind.scope === 'model' ? model : '';
    const held = this.#sessions.get(key);
    if (held !== undefined && this.#isFresh(held)) return { outcome: 'verified', session: held };
    const opening = this.#opening.get(key) ?? this.#verify(key, model).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  /** Sessions that hold now. */
  current(): readonly AttestedSession[] {
    return this.newest().filter((session) => this.#isFresh(session));
  }

  /** The newest session of each model, expired or not; one that was verified again or dropped is not among them. */
  newest(): readonly AttestedSession[] {
    return [...this.#sessions.values()];
  }

  /**
   * Forwards over `session`. When the far end holds other keys, a renewed one or an intruder, the session is dropped: the next
   * request asks for new evidence.
   * @throws as {@link AttestedSession.forward}; {UpstreamError} `service/answer-unproved` for anything but an error that comes without a proof.
   */
  async forward(session: AttestedSession, request: SessionRequest): Promise<SessionAnswer> {
    try {
      const answer = await session.forward(request);
      const { status, body } = answer.response;
      if (answer.prove !== null || status >= 400) return answer;
      await body?.cancel();
      throw new UpstreamError(
        'service/answer-unproved',
        `expected an answer with a proof or an error, got status ${status} from ${session.origin}; do not rely on the answer`,
      );
    } catch (error) {
      if (ChannelError.is(error)) for (const [key, held] of this.#sessions) if (held === session) this.#sessions.delete(key);
      throw error;
    }
  }

  async #verify(key: string, model: string): Promise<Opening> {
    this.#sessions.delete(key);
    const opening = await this.#kind.open(this.#service, model);
    if (opening.outcome === 'verified') {
      if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value ?? '');
      this.#sessions.set(key, opening.session);
    }
    return opening;
  }

  #isFresh({ evidence }: AttestedSession): boolean {
    return evidence.expiresAt > this.#service.now();
  }
}
