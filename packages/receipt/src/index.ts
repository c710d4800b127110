export type * from './execution-claim.ts';
