/** What a story is made of. */

export type StoryKind =
  | 'asked'
  | 'model'
  | 'review'
  | 'code'
  | 'ran'
  | 'file'
  | 'network'
  | 'tool'
  | 'contract'
  | 'change'
  | 'decision'
  | 'transaction'
  | 'finished'
  | 'failed'
  | 'cancelled'
  | 'answered'
  | 'sealed'
  | 'logged'
  /** An event of a later version, or with other fields. */
  | 'event';

/** A text of the step: what was asked, the code, what it printed; at most {@link MAX_QUOTE} characters. */
export interface Quote {
  readonly label: string;
  readonly text: string;
  /** `python`, `javascript`, `json`, `solidity`, `text` … */
  readonly language: string;
  /** A raw document: closed until it is opened. */
  readonly folded: boolean;
}

export interface StoryStep {
  readonly kind: StoryKind;
  /** What happened, in a few words. */
  readonly title: string;
  /** From 1; `null` where attempts are not counted. */
  readonly attempt: number | null;
  /** One or two sentences; may be empty. */
  readonly text: string;
  readonly tone: 'plain' | 'pass' | 'fail' | 'open';
  readonly quotes: readonly Quote[];
  /** Everything the events say, by member; hashes among them. */
  readonly members: readonly (readonly [name: string, value: string])[];
}

/** A step before the members of its event are added. */
export type ToldStep = Omit<StoryStep, 'members'>;

/** The bytes behind a digest (`sha256:<hex>`), `null` where they were left out. */
export type PayloadOf = (digest: string) => Uint8Array | null;

/** Characters of one quote; the bundle has the rest. */
export const MAX_QUOTE = 20_000;

/** @example told('ran', 'Ran it in the sandbox', { tone: 'pass' }) */
export function told(kind: StoryKind, title: string, rest: Partial<Omit<ToldStep, 'kind' | 'title'>> = {}): ToldStep {
  return { kind, title, attempt: null, text: '', tone: 'plain', quotes: [], ...rest };
}

/** No quote for no text. */
export function quote(label: string, text: string | null, language: string, folded = false): readonly Quote[] {
  if (text === null || text.trim() === '') return [];
  const cut = text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}\n… (the bundle has the rest)` : text.trimEnd();
  return [{ label, text: cut, language, folded }];
}

/** The text of a payload, at most `most` bytes of it; `null` for bytes that were left out or are no text. */
export function textOf(digest: unknown, payload: PayloadOf, most: number = MAX_QUOTE * 4): string | null {
  const bytes = typeof digest === 'string' ? payload(digest) : null;
  if (bytes === null) return null;
  const whole = bytes.length <= most;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(whole ? bytes : bytes.subarray(0, most), {
      stream: !whole,
    });
  } catch {
    return null;
  }
}

/** The object that a text is; `null` for any other text. */
export function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
