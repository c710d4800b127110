/** One question to a verified agent. */

import { connect } from 'assay';
import { pem, url } from './inputs.ts';

const agent = await connect(url, { trust: { simulatedRoot: pem } }); // throws before a byte of the prompt leaves
const { text, receipt, proof } = await agent.chat('What is 6 times 7?');

console.log(text, receipt.receipt_id, proof.encode().length);
