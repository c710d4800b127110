/** Opens what analyses contracts. Where it is absent and the compiler too, one error names both, so that an operator installs them at once. */

import { ContractsError } from '@assay/contracts';
import { ServerError } from '../../errors.ts';
import type { OpenAnalyzer } from '../../ports/analyzer.ts';
import { compilerFor } from '../compile-project.ts';
import type { ContractProject } from '../contract-project.ts';
import type { TaskContext } from '../task.ts';

/**
 * The open analyser.
 * @throws {ServerError} `audit/analyzer-absent`; its words name the missing compiler too.
 * @example const analyzer = await openAnalyzer(project, context.ports)
 */
export async function openAnalyzer(project: ContractProject, ports: TaskContext['ports']): Promise<OpenAnalyzer> {
  try {
    return await ports.analyzer.open();
  } catch (error) {
    if (!ServerError.is(error) || error.code !== 'audit/analyzer-absent') throw error;
    const missing = missingCompiler(project, ports);
    if (missing === null) throw error;
    const [analyzer, compiler] = [partsOf(error.message), partsOf(missing)];
    const advice = `${analyzer.advice}, and ${compiler.advice.replace(/^add one/, 'adds the compiler')}`;
    throw new ServerError(error.code, `${analyzer.what}, and ${compiler.what}; ${advice}`, { cause: error });
  }
}

/** What the error about the compiler says; `null` where one is there, or the sources themselves are at fault. */
function missingCompiler(project: ContractProject, { compilers }: TaskContext['ports']): string | null {
  try {
    compilerFor(project, compilers);
    return null;
  } catch (error) {
    return ContractsError.is(error) && error.code === 'project/pragma-unmet' ? error.message : null;
  }
}

/** Messages end with `; ` and what to do. */
function partsOf(message: string): { readonly what: string; readonly advice: string } {
  const cut = message.lastIndexOf('; ');
  return { what: message.slice(0, cut), advice: message.slice(cut + 2) };
}
