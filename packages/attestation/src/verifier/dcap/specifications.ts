/** The documents that checks of DCAP quotes name. */

export const QUOTE_SPEC = 'Intel DCAP quote format, appendix A.4';
export const QVL_SPEC = 'Intel DCAP quote verification library';
