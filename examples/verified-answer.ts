/** Three lines to a verified answer. Run it with the agent's address; a simulator's root must be named on purpose. */

import { readFileSync } from 'node:fs';
import { trustAnchor } from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import { connect } from 'assay';

const [url = 'http://127.0.0.1:8000', rootFile] = process.argv.slice(2);
const [root] = rootFile === undefined ? [] : decodePem(readFileSync(rootFile, 'utf8'));

const agent = await connect(url, root ? { simulatedRoot: trustAnchor('simulator', root.der, { simulated: true }) } : {});
console.log(await agent.chat('Calculate the factorial of 10 and print the result'));
console.log(agent.attested.verdict.outcome, agent.lastReceipt?.receipt_id);
