/** The steps of a task as lines for people. */

import { counted } from '@assay/encoding/counted';
import type { TaskStep } from '../index.ts';
import { printable, type Style } from './output.ts';

/** One line, or `null` for events that are no step. */
export function describeStep(step: TaskStep, style: Style): string | null {
  const attempt = 'attempt' in step ? step.attempt : 1;
  const again = attempt > 1 ? ` (attempt ${attempt})` : '';
  const line = (word: string, rest: string): string => `${style.strong(word.padEnd(9))}${printable(rest)}${again}\n`;
  switch (step.type) {
    case 'writing':
      return line('writing', step.recorded ? 'RECORDED: no model runs' : `${step.provider} ${step.model}`);
    case 'queued':
      return line('queued', `${step.ahead} ahead`);
    case 'code':
      return line('code', `${linesIn(step.code)} of ${step.language}`);
    case 'running':
      return line('running', `in the ${step.lane} sandbox`);
    case 'artifact':
      return line('file', `${step.path}, ${counted(step.bytes, 'byte')}`);
    case 'compiling':
      return line('compiling', `${counted(step.sources, 'source')} with solc ${step.compiler}`);
    case 'limit':
      return line('limit', step.message);
    case 'executed':
      return line('ended', step.error === null ? step.status : lastLine(step.error));
    case 'retry':
      return line('retry', lastLine(step.reason));
    case 'sealing':
      return line('sealing', 'signing the receipt');
    case 'logged':
      return line('logged', `entry ${step.log_index}`);
    default:
      return null;
  }
}

function linesIn(code: string): string {
  const count = code.trimEnd().split('\n').length;
  return `${count} line${count === 1 ? '' : 's'}`;
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
