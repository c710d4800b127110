/** Runs inputs against targets and collects what no parser may do. */

import { mutate, Random } from './mutate.ts';
import type { Target } from './targets.ts';

export interface Finding {
  readonly target: string;
  readonly why: string;
  readonly inputHex: string;
}

export interface Campaign {
  readonly inputs: number;
  readonly parsed: number;
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
}

const SLOW_MS = 1000;

/** `count` inputs, spread evenly over the targets. `onProgress` is told now and then. */
export function runCampaign(
  targets: readonly Target[],
  count: number,
  seed: number,
  onProgress: (done: number) => void = () => undefined,
): Campaign {
  const random = new Random(seed);
  const findings: Finding[] = [];
  let parsed = 0;
  let slowestMs = 0;
  for (let index = 0; index < count; index += 1) {
    const target = targets[index % targets.length];
    if (target === undefined) break;
    const base = target.seeds[random.next(target.seeds.length)] ?? new Uint8Array(0);
    const other = target.seeds[random.next(target.seeds.length)] ?? base;
    const input = mutate(base, other, random);
    const begun = performance.now();
    const why = attempt(target, input);
    const took = performance.now() - begun;
    slowestMs = Math.max(slowestMs, took);
    if (why === null) parsed += 1;
    else if (why !== 'refused')
      findings.push({ target: target.name, why, inputHex: Buffer.from(input).toString('hex').slice(0, 4000) });
    if (took > SLOW_MS && isSlow(target, input))
      findings.push({
        target: target.name,
        why: `took ${Math.round(took)} ms`,
        inputHex: Buffer.from(input).toString('hex').slice(0, 4000),
      });
    if (index % 100_000 === 99_999) onProgress(index + 1);
  }
  return { inputs: count, parsed, slowestMs, findings };
}

/** Slow by itself, not because the machine was busy: three more times in a row. */
function isSlow(target: Target, input: Uint8Array): boolean {
  return [1, 2, 3].every(() => {
    const begun = performance.now();
    attempt(target, input);
    return performance.now() - begun > SLOW_MS;
  });
}

/** `null` when it parsed, `refused` for a coded error, otherwise what went wrong. */
function attempt(target: Target, input: Uint8Array): string | null {
  try {
    target.parse(input);
    return null;
  } catch (error) {
    const { code, kind } = (error ?? {}) as { readonly code?: unknown; readonly kind?: unknown };
    if (typeof code === 'string' && typeof kind === 'string') return 'refused';
    return error instanceof Error
      ? `${error.name}: ${error.message}\n${error.stack?.split('\n').slice(1, 4).join('\n')}`
      : String(error);
  }
}
