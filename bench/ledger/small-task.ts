/** The task that the benches seal: one payload, three events, as a short `execute` makes them. */

interface Draft {
  payload(name: string, mediaType: string, bytes: Uint8Array): string;
  append(event: { readonly type: string; readonly [field: string]: string | null }): void;
}

export interface SealingLedger<D extends Draft = Draft> {
  open(options: {
    readonly taskId: string;
    readonly task: string;
    readonly method: string;
    readonly endpoint: string;
    readonly requestBody: Uint8Array;
    readonly nonce: string | null;
  }): D;
  seal(draft: D): Promise<{ readonly receiptId: string }>;
}

const encoder = new TextEncoder();
const BODY = encoder.encode(JSON.stringify({ data: { type: 'execute', language: 'python', code: 'print(42)' } }));
let serial = 0;

export interface TaskOptions {
  /** The payload; a short program of its own for each task unless given. */
  readonly code?: Uint8Array | undefined;
  readonly nonce?: string | undefined;
}

/** A draft with all its events, ready to be sealed. */
export function smallTask<D extends Draft>(ledger: SealingLedger<D>, { code, nonce = undefined }: TaskOptions = {}): D {
  serial += 1;
  const draft = ledger.open({
    taskId: `t${serial}`,
    task: 'execute',
    method: 'POST',
    endpoint: '/api/process',
    requestBody: BODY,
    nonce: nonce ?? null,
  });
  const code_hash = draft.payload('code.py', 'text/x-python', code ?? encoder.encode(`print(${serial})`));
  draft.append({ type: 'code.generated', language: 'python', code_hash, source: 'client' });
  draft.append({ type: 'task.completed', result_hash: code_hash });
  draft.append({ type: 'response.returned', body_hash: code_hash });
  return draft;
}

/** Seals `count` tasks with `inFlight` of them at a time. */
export async function sealMany<D extends Draft>(
  ledger: SealingLedger<D>,
  {
    count,
    inFlight,
    task = () => ({}),
  }: { readonly count: number; readonly inFlight: number; readonly task?: () => TaskOptions },
): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left-- > 0) await ledger.seal(smallTask(ledger, task()));
    }),
  );
}
