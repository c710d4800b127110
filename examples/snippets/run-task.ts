/** A task with a file: steps as they happen, then the checked result. */

import { connect } from 'assay';
import { sales as bytes, pem, url } from './inputs.ts';

const agent = await connect(url, { trust: { simulatedRoot: pem } });

const run = agent.run('Plot sales by region', { files: { 'sales.csv': bytes } });
for await (const step of run) console.log(step.type);
const { stdout, files, bundle, verdict } = await run;

console.log(stdout, Object.keys(files), bundle.length, verdict.outcome);
