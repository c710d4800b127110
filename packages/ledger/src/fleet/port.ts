/**
 * The agents that are alive on one store: which keysets they attest, under which ids their channel keys go, and where the others reach them.
 * What each says of itself is sealed under the data key with its end, so that who can write the database neither sends bytes anywhere nor
 * brings back what an agent said earlier.
 */

export interface FleetKeyset {
  /** `sha256:` and hex. */
  readonly digest: string;
  /** Epoch seconds. */
  readonly notAfter: number;
  /** Ids of its channel keys. */
  readonly keyIds: readonly number[];
}

export interface FleetMember {
  /** Of this start of the agent, 32 hex characters. */
  readonly member: string;
  /** Origin at which other agents reach it; `null` when they cannot. */
  readonly address: string | null;
  readonly keysets: readonly FleetKeyset[];
}

/** Where a channel key is, as its agent says. */
export interface KeyHolderAgent {
  readonly member: string;
  readonly address: string;
  /** Digest of the keyset that lists the key. */
  readonly keyset: string;
}

export interface Fleet {
  /** Names this start of the agent. */
  readonly member: string;
  /**
   * Ids for channel keys that no other live agent uses, from 1 to 254.
   * @throws {LedgerError} `ledger/key-ids-spent`.
   */
  claimKeyIds(count: number): Promise<readonly number[]>;
  releaseKeyIds(ids: readonly number[]): Promise<void>;
  /** Says where this agent is and what it attests; from then on it is alive as long as the process is. */
  announce(about: Omit<FleetMember, 'member'>): Promise<void>;
  /** The other live agent that says that it has this id; `null` when there is none. The keyset is to be found in the log. */
  holderOf(keyId: number): Promise<KeyHolderAgent | null>;
  /** The live ones, this one among them. */
  members(): Promise<readonly FleetMember[]>;
}
