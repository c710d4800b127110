/** Bare evidence, against a preset, with the vendor's collateral fetched. */

import { verify } from 'assay';
import { quote } from './inputs.ts';

const r = await verify(quote, { policy: 'strict', collateral: 'fetch' });
if (r.outcome !== 'accepted') throw r.error; // typed: r.error.code narrows
if (r.claims.type === 'tdx') console.log(r.claims.measurements.mrtd); // claims are typed per TEE; verifyTdx needs no test
