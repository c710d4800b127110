/**
 * Binds an event log to registers that were signed. RTMR3 (or the TPM's PCR14) must be the replay of the runtime events; RTMR0 to
 * RTMR2 likewise, unless the log was stripped of the events of the boot, which then read `not-checked`.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import { digestEvents, type LogEvent, RTMR_COUNT, replayRegister } from '../../evidence/dstack/event-log.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';

const SPEC = 'dstack event log';

/**
 * @param registers signed values, lower-case hex, by RTMR index.
 * @throws {AttestationError} `dstack/event-digest-mismatch`, `dstack/register-mismatch`.
 */
export async function bindEventLog(
  events: readonly LogEvent[],
  registers: readonly (string | undefined)[],
): Promise<readonly Check[]> {
  const digested = await digestEvents(events);
  const stripped = !events.some(({ imr }) => imr === 1) && !events.some(({ imr }) => imr === 2);
  const checks: Check[] = [];
  for (let imr = 0; imr < RTMR_COUNT; imr++) {
    const signed = registers[imr];
    if (signed === undefined) continue;
    const replayed = await replayRegister(digested, imr);
    const id = `dstack.rtmr${imr}`;
    if (equalBytes(replayed, decodeHex(signed))) checks.push(pass(id, SPEC, signed));
    else if (imr < 3 && stripped) checks.push(notChecked(id, SPEC, 'the log was stripped of the events of the boot'));
    else throw mismatch(`rtmr${imr}`, encodeHex(replayed), signed);
  }
  return checks;
}

/** The error for a register that the log does not lead to. */
export function mismatch(register: string, replayed: string, signed: string): AttestationError {
  return new AttestationError(
    'dstack/register-mismatch',
    `expected an event log that leads to the signed ${register}, got another; events were added, changed or left out`,
    { details: { register, replayed, signed } },
  );
}
