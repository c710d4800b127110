/** One thing that the doctor looked at. */

/** `problem`: the agent does not start, or not safely. */
export type Standing = 'ok' | 'warning' | 'problem';

export interface Finding {
  readonly what: string;
  readonly standing: Standing;
  /** What was found, and what to do about it. */
  readonly detail: string;
}
