import type { SelfTestProbe } from '../../../ports/sandbox.ts';
import type { CellFactory } from '../native/cell.ts';

export async function selfTest(factory: CellFactory): Promise<readonly SelfTestProbe[]> {
  return [{ name: 'starts', contained: factory.kinds.length > 0, detail: '' }];
}
