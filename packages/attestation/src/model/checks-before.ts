/**
 * Checks that were made before a verification could not go on. They go along in the error's details, so that a verdict can show them:
 * evidence whose signatures are good and whose collateral is stale reads so, not as if nothing were known of it. Only errors of kind
 * `unavailable` carry them: of what is forged or broken nothing is shown as good.
 */

import { AttestationError } from '../errors.ts';
import type { Check } from './check.ts';
import type { NamedClaims } from './claims.ts';

/** Where the details of an error keep them. */
const MEMBER = 'checksBefore';

/** An `unavailable` error with `checks` in front of those it has, others as they are; `path` of the part that failed goes in front of the ids of the latter. */
export function withChecksBefore(error: unknown, checks: readonly Check[], path = ''): unknown {
  if (!AttestationError.is(error) || error.kind !== 'unavailable') return error;
  const later = checksBefore(error).map((check) => ({ ...check, id: `${path}${check.id}` }));
  const details = { ...error.details, [MEMBER]: [...checks, ...later] };
  return new AttestationError(error.code, error.message, { cause: error.cause, details });
}

/** Every check of verified parts, under their names. */
export function checksOfParts(parts: Readonly<Record<string, NamedClaims>>, path = ''): readonly Check[] {
  return Object.entries(parts).flatMap(([name, { checks, submodules }]) => {
    const inside = `${path}${name}/`;
    return [...checks.map((check) => ({ ...check, id: `${inside}${check.id}` })), ...checksOfParts(submodules, inside)];
  });
}

/**
 * What `verify` gives; when it fails, `checks` go along.
 * @throws what `verify` throws, with `checks` in it.
 */
export async function after<Value>(checks: readonly Check[], verify: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await verify();
  } catch (error) {
    throw withChecksBefore(error, checks);
  }
}

/**
 * The checks that were made before an error; none for errors that carry none.
 * @example try { await verifyTdx(evidence, { now }) } catch (error) { console.log(checksBefore(error)) }
 */
export function checksBefore(error: unknown): readonly Check[] {
  const found = AttestationError.is(error) ? error.details[MEMBER] : undefined;
  return Array.isArray(found) ? (found as readonly Check[]) : [];
}
