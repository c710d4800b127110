/** A log of one's own without an agent around it: an attested keyset that seals receipts, and their bundles. For programs that must commit to something before they do it. */

import type { JsonObject } from '@assay/encoding/json';
import { type Clock, openLedger, systemClock } from '@assay/ledger';
import { detectAttester } from './adapters/attesters/detect.ts';
import { ServerError } from './errors.ts';
import { ChannelKeys } from './identity/channel-keys.ts';
import { KeysetRotation } from './identity/rotation.ts';
import { TalkKeyring } from './tasks/talk/talk-keys.ts';

export interface NotaryOptions {
  /** Holds log, keys and the simulator's root. */
  readonly directory: string;
  /** As `ASSAY_ATTESTER`. */
  readonly attester: string;
  readonly clock?: Clock | undefined;
}

export interface NotarizedFacts {
  readonly task: string;
  readonly events: readonly ({ readonly type: string } & JsonObject)[];
  /** Document that the events name by digest. */
  readonly document: { readonly name: string; readonly bytes: Uint8Array };
}

/** Seals and logs what another program did, under the keys of an agent. */
export interface Notary {
  /** PEM of the simulator's root; `null` in a TEE. */
  readonly simulatedRoot: string | null;
  /** Seals and logs; gives the receipt's id when that is durable. */
  seal(facts: NotarizedFacts): Promise<string>;
  bundle(receiptIds: readonly string[]): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Keysets are replaced by agents; a notary ends before its keyset does. Seconds. */
const LIFETIME_SECONDS = 7 * 86_400;

/** @throws {ServerError} `attester/unavailable`; the ledger's errors. @example const notary = await openNotary({ directory: 'out/log', attester: 'auto' }); */
export async function openNotary({ directory, attester: choice, clock = systemClock }: NotaryOptions): Promise<Notary> {
  const ledger = await openLedger({ directory, clock });
  let rotation: KeysetRotation | null = null;
  const close = async (): Promise<void> => {
    await rotation?.close();
    await ledger.close();
  };
  try {
    const { attester } = await detectAttester({ choice, directory, clock });
    rotation = await KeysetRotation.start({
      ...{ attester, ledger, clock, channelKeys: new ChannelKeys(), talkKeys: new TalkKeyring() },
      ...{ createTlsKey: null, operatorKeys: null, lifetimeSeconds: LIFETIME_SECONDS, overlapSeconds: 0 },
      provenance: { repo_url: null, repo_commit: null, image_digest: null, image_provenance: null },
      onRotated: () => undefined,
      onFailure: () => undefined,
    });
    const root = attester.rootCertificate;
    return {
      simulatedRoot: root ?? null,
      seal: async ({ task, events, document }) => {
        const draft = ledger.open({
          ...{ taskId: crypto.randomUUID(), task, method: 'LOCAL', endpoint: task, nonce: null },
          requestBody: document.bytes,
        });
        draft.payload(document.name, 'application/json', document.bytes);
        for (const event of events) draft.append(event);
        const { receiptId } = await ledger.seal(draft);
        return receiptId;
      },
      bundle: async (receiptIds) => {
        const stored = await ledger.bundle(receiptIds);
        if (stored === null)
          throw new ServerError('server/internal', `expected receipts of this log, got others; look at ${directory}`);
        const pieces: Uint8Array[] = [];
        for await (const piece of stored.pieces()) pieces.push(piece);
        return new Uint8Array(Buffer.concat(pieces));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
