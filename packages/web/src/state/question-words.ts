/** The heading of what a visitor asks in addition to authenticity. Hints name it, so it has one wording. */
export const QUESTIONS = 'Time, policy, nonce, simulator’s root';
