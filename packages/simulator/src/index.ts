/** Makers of simulated evidence: quotes, reports, certificates and collateral under roots that no vendor pinned. */
export * from './dcap.ts';
export * from './pki.ts';
export * from './snp.ts';
