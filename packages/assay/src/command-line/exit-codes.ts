/** Exit codes (design §6). Scripts rely on them: a number never changes its meaning, and `0` says accepted and nothing less. */

export const EXIT = {
  accepted: 0,
  misuse: 1,
  malformed: 2,
  notAuthentic: 3,
  unavailable: 4,
  refused: 5,
  /** Done, and the answer is no: a failed task, sources that do not compile, code that does not match, a run that differs, a machine with a problem. */
  no: 6,
  /** Done, and neither yes nor no: a run that cannot be repeated here. */
  undecided: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_KIND: Readonly<Record<string, ExitCode>> = {
  malformed: EXIT.malformed,
  untrusted: EXIT.notAuthentic,
  unavailable: EXIT.unavailable,
  refused: EXIT.refused,
  misuse: EXIT.misuse,
};

/** The exit code of an error's `kind`; an unknown kind is a fault of ours and reads as misuse, never as success. */
export function exitCodeOfKind(kind: string): ExitCode {
  return BY_KIND[kind] ?? EXIT.misuse;
}

const BY_OUTCOME = {
  accepted: EXIT.accepted,
  refused: EXIT.refused,
  malformed: EXIT.malformed,
  'not-authentic': EXIT.notAuthentic,
  unavailable: EXIT.unavailable,
} as const;

export function exitCodeOfOutcome(outcome: keyof typeof BY_OUTCOME): ExitCode {
  return BY_OUTCOME[outcome];
}
