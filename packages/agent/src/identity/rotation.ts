/**
 * One keyset after another (spec/keyset.md §5). Ahead of a keyset's end, on demand, or when its channel keys are worn, the next one is
 * made, attested and logged; then, in one turn, everything changes over: receipts, reports, channel, talk and TLS. The keys that seal are
 * let go at once; those that open what clients sealed live on for the overlap, no longer than their keyset, and are destroyed.
 *
 * A rotation that fails leaves the keyset in force and is tried again. When none succeeds before the end, the agent seals and opens
 * nothing more: it never works past `not_after`.
 */

import { ohttpEntry, talkEntry } from '@assay/channel';
import type { Clock, KeysetRegistration, Ledger } from '@assay/ledger';
import { createSigningKeys } from '@assay/ledger';
import { type Digest, type DsseEnvelope, type Keyset, signEnvelope } from '@assay/receipt';
import { ServerError } from '../errors.ts';
import type { OperatorKeyring, OperatorKeys } from '../operator/operator-keys.ts';
import type { Attester, ResultAttestation } from '../ports/attester.ts';
import { generateTalkKeys, type TalkKeyring, type TalkKeys } from '../tasks/talk/talk-keys.ts';
import type { ChannelKeySet, ChannelKeys } from './channel-keys.ts';
import { createIdentity, type Identity, type IssuedReport, type SourceProvenance } from './identity.ts';
import { createProvenanceKey, type ProvenanceKey } from './provenance-key.ts';
import type { TlsKey } from './tls-key.ts';

export interface RotationOptions {
  readonly attester: Attester;
  readonly ledger: Ledger;
  readonly channelKeys: ChannelKeys;
  readonly talkKeys: TalkKeyring;
  /** Makes a key for TLS until `notAfter` (epoch milliseconds); `null` without TLS. */
  readonly createTlsKey: ((notAfter: number) => TlsKey) | null;
  readonly clock: Clock;
  /** How long a keyset lives. */
  readonly lifetimeSeconds: number;
  /** How long the keys of a replaced keyset still open requests; the next one is made so long ahead of the end. */
  readonly overlapSeconds: number;
  readonly provenance: SourceProvenance;
  /** The keys of an agent with an operator manifest; `null` without. */
  readonly operatorKeys: OperatorKeyring | null;
  readonly onRotated: (rotated: Rotated) => void;
  readonly onFailure: (error: unknown) => void;
}

/** What a rotation did. */
export interface Rotated {
  readonly keysetDigest: Digest;
  readonly previousDigest: Digest;
  /** Epoch seconds: until then the previous keyset's keys open requests. */
  readonly previousEndsAt: number;
}

/** The keyset in force, for operators. Times in epoch seconds. */
export interface KeysetStanding {
  readonly digest: string;
  readonly not_after: number;
  readonly next_at: number;
  /** Keysets whose keys still open requests. */
  readonly ending: readonly { readonly digest: string; readonly ends_at: number }[];
  /** Why the last replacement failed. */
  readonly failure: string | null;
}

const LOOK_EVERY_MS = 1000;
const RETRY_AFTER_MS = 10_000;
/** Keysets whose keys are alive at the same time. */
const MOST_ALIVE = 8;

/** A keyset on its way: everything is made, nothing is in force. */
interface Prepared {
  readonly identity: Identity;
  readonly channel: ChannelKeySet;
  readonly talk: TalkKeys;
  readonly tls: TlsKey | null;
  readonly operatorKeySet: OperatorKeys | null;
  readonly provenanceKey: ProvenanceKey;
  readonly registration: KeysetRegistration;
}

/** The agent's identity over all its keysets. */
export class KeysetRotation implements Identity {
  readonly #options: RotationOptions;
  readonly #timer: NodeJS.Timeout;
  #identity: Identity;
  #provenanceKey: ProvenanceKey;
  #tls: TlsKey | null = null;
  #onTlsKey: (key: TlsKey) => void = () => undefined;
  #rotating: Promise<Rotated> | null = null;
  #failure: string | null = null;
  #retryAt = 0;

  private constructor(options: RotationOptions, first: Prepared) {
    this.#options = options;
    this.#identity = first.identity;
    this.#provenanceKey = first.provenanceKey;
    this.#putInForce(first, first.channel.notAfter);
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /**
   * Makes, attests and logs the first keyset.
   * @throws {ServerError} `attester/unavailable`; the ledger's errors.
   */
  static async start(options: RotationOptions): Promise<KeysetRotation> {
    const first = await prepare(options);
    await options.ledger.registerReport(first.registration);
    return new KeysetRotation(options, first);
  }

  get keyset(): Keyset {
    return this.#identity.keyset;
  }

  get keysetDigest(): Digest {
    return this.#identity.keysetDigest;
  }

  get attester(): Attester {
    return this.#options.attester;
  }

  /** The key that new TLS connections are to be served under. */
  get tlsKey(): TlsKey | null {
    return this.#tls;
  }

  /** Told of every later key for TLS, in the turn in which its keyset comes into force. */
  set onTlsKey(listener: (key: TlsKey) => void) {
    this.#onTlsKey = listener;
  }

  async report(nonce: string | null, nonceLength?: number): Promise<IssuedReport> {
    await this.inForce();
    return this.#identity.report(nonce, nonceLength);
  }

  async attestResult(result: Digest, nonce: string | null): Promise<ResultAttestation> {
    await this.inForce();
    return this.#identity.attestResult(result, nonce);
  }

  /** Signs the in-toto statement that `statementFor` makes for the keyset in force, with that keyset's provenance key. */
  async signProvenance(statementFor: (keysetDigest: Digest) => string): Promise<DsseEnvelope> {
    await this.inForce();
    return signEnvelope(this.#provenanceKey.signer, statementFor(this.keysetDigest));
  }

  async inForce(): Promise<void> {
    if (this.#options.clock.now() < this.keyset.not_after * 1000) return;
    await this.rotate().catch(() => undefined); // a report of an ended keyset says so itself
  }

  /**
   * Puts the next keyset in force.
   * @param overlapSeconds how long the keys of this one still open requests; default as configured, and never longer. 0 ends them.
   * @throws {ServerError} `attester/unavailable`; `http/conflict` while too many keysets are alive; the ledger's errors.
   */
  rotate(overlapSeconds: number = this.#options.overlapSeconds): Promise<Rotated> {
    this.#rotating ??= this.#rotate(overlapSeconds).finally(() => {
      this.#rotating = null;
    });
    return this.#rotating;
  }

  /** For operators. Times in epoch seconds. */
  standing(): KeysetStanding {
    const { channelKeys, overlapSeconds, clock } = this.#options;
    const ending = channelKeys.ending(Math.floor(clock.now() / 1000));
    return {
      digest: this.keysetDigest,
      not_after: this.keyset.not_after,
      next_at: this.keyset.not_after - overlapSeconds,
      ending: ending.map(({ keysetDigest, endsAt }) => ({ digest: keysetDigest, ends_at: endsAt })),
      failure: this.#failure,
    };
  }

  /** Ends what is over and begins what is due; called every second. */
  look(): void {
    const { clock, channelKeys, talkKeys, overlapSeconds } = this.#options;
    const now = clock.now();
    channelKeys.end(Math.floor(now / 1000));
    talkKeys.end(Math.floor(now / 1000));
    const due = channelKeys.worn || now >= (this.keyset.not_after - overlapSeconds) * 1000;
    if (due && this.#rotating === null && now >= this.#retryAt) this.rotate().catch(() => undefined);
  }

  /** Ends all keys; the process is about to end too. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#rotating?.catch(() => undefined);
    this.#options.channelKeys.end(Number.POSITIVE_INFINITY);
    this.#options.talkKeys.end(Number.POSITIVE_INFINITY);
  }

  async #rotate(overlapSeconds: number): Promise<Rotated> {
    const { ledger, clock, channelKeys } = this.#options;
    if (channelKeys.ending(Math.floor(clock.now() / 1000)).length >= MOST_ALIVE - 1)
      throw new ServerError(
        'http/conflict',
        `the keys of ${MOST_ALIVE - 1} earlier keysets still open requests; wait until the first of them ends`,
      );
    let rotated: Rotated | null = null;
    try {
      const next = await prepare(this.#options);
      await ledger.succeed(next.registration, () => {
        const overlap = Math.max(0, Math.min(overlapSeconds, this.#options.overlapSeconds));
        const previousEndsAt = Math.min(this.keyset.not_after, Math.floor(clock.now() / 1000) + overlap);
        rotated = { keysetDigest: next.identity.keysetDigest, previousDigest: this.keysetDigest, previousEndsAt };
        this.#putInForce(next, previousEndsAt);
      });
    } catch (error) {
      this.#options.onFailure(error);
      // What is in force stays so; a last leaf that could not be written is the ledger's to write.
      if (rotated === null) {
        this.#failure = error instanceof Error ? error.message : String(error);
        this.#retryAt = clock.now() + RETRY_AFTER_MS;
        throw error;
      }
    }
    this.#failure = null;
    if (rotated === null) throw new Error('a ledger that succeeds publishes');
    this.#options.onRotated(rotated);
    return rotated;
  }

  /** One turn, no await: half of it is never seen. */
  #putInForce({ identity, channel, talk, tls, operatorKeySet, provenanceKey }: Prepared, othersEndAt: number): void {
    const { channelKeys, talkKeys, clock } = this.#options;
    this.#identity = identity;
    this.#provenanceKey = provenanceKey;
    if (operatorKeySet !== null) this.#options.operatorKeys?.publish(operatorKeySet);
    channelKeys.publish(channel, identity.keysetDigest, othersEndAt);
    talkKeys.publish(talk, channel.notAfter, othersEndAt);
    channelKeys.end(Math.floor(clock.now() / 1000));
    talkKeys.end(Math.floor(clock.now() / 1000));
    if (tls === null) return;
    this.#tls = tls;
    this.#onTlsKey(tls);
  }
}

/** Makes every key of a keyset and has the TEE vouch for them. */
async function prepare(options: RotationOptions): Promise<Prepared> {
  const { attester, channelKeys, clock, lifetimeSeconds, provenance } = options;
  const notAfter = Math.floor(clock.now() / 1000) + lifetimeSeconds;
  const keys = createSigningKeys();
  const [channel, talk] = await Promise.all([channelKeys.next(notAfter), generateTalkKeys()]);
  const tls = options.createTlsKey?.(notAfter * 1000) ?? null;
  const operatorKeySet = options.operatorKeys?.next() ?? null;
  const provenanceKey = createProvenanceKey();
  const entries = channel.keys.map(({ keyId, keyPair }) => ({ keyId, kem: keyPair.kem, publicKey: keyPair.publicKey }));
  const identity = createIdentity({
    attester,
    notAfter,
    receiptKeys: [...keys.keysetEntries, provenanceKey.entry, ...(options.operatorKeys?.entries(operatorKeySet) ?? [])],
    subject: options.operatorKeys?.subject,
    channelKeys: [...entries.map(ohttpEntry), talkEntry(talk.spki)],
    tlsKeys: tls === null ? [] : [{ spki_sha256: tls.spkiSha256 }],
    channelPublicKey: entries[0]?.publicKey ?? null,
    clock,
    provenance,
  });
  const { document } = await identity.report(null);
  return { identity, channel, talk, tls, operatorKeySet, provenanceKey, registration: { report: document, nonce: null, keys } };
}
