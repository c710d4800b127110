/** What an agent does to be one of many on a shared store (docs/store.md): it shows the same simulated root, and says where it is and what it attests. */

import type { FleetKeyset, Ledger } from '@assay/ledger';
import { ServerError } from '../errors.ts';
import type { Attester } from '../ports/attester.ts';
import { logFleet } from './log-fleet.ts';

/**
 * Agents on one store show one simulated root, so that what one signed is verified as what another did.
 * @throws {ServerError} `attester/simulated-root-broken` when this one has another.
 */
export async function agreeOnRoot(ledger: Ledger, { simulated, rootCertificate }: Attester): Promise<void> {
  if (!ledger.shared || !simulated || rootCertificate === undefined) return;
  if ((await ledger.coordination.agree('simulated-root', rootCertificate)) !== rootCertificate)
    throw new ServerError(
      'attester/simulated-root-broken',
      'expected the simulated root of the other agents on this database, got another; copy simulated-root.pem and simulated-root-key.pem from the data directory of one of them',
    );
}

/** Tells other agents on the store where this one is and what it attests, and has the log name all live keysets. */
export async function announce(ledger: Ledger, keysets: readonly FleetKeyset[], address: string): Promise<void> {
  const { fleet } = ledger;
  if (fleet === null) return;
  await fleet.announce({ address, keysets });
  await logFleet(await fleet.members(), ledger);
}
