/**
 * MRTD: the digest of how a TDX guest was built (Intel TDX Module Base Architecture 348549 §12.2.1). Each page added counts 128 bytes,
 * each 256 bytes of measured content 128 bytes and themselves. Hypervisors add and measure page by page, or all pages of a section
 * first; the order changes the digest.
 */

import { begun } from '../digests.ts';
import type { FirmwareSection } from './firmware-sections.ts';

const PAGE = 4096;
const CHUNK = 256;

/** `page`: added and measured one after the other (QEMU from 9.0 on). `section`: all pages added, then measured (QEMU 8). */
export type PageOrder = 'page' | 'section';

/** 48 bytes. */
export function mrtdOf(sections: readonly FirmwareSection[], order: PageOrder): Uint8Array {
  const hash = begun('sha384');
  const operation = (name: string, address: number): void => {
    const block = new Uint8Array(128);
    new TextEncoder().encodeInto(name, block);
    new DataView(block.buffer).setBigUint64(16, BigInt(address), true);
    hash.update(block);
  };
  for (const { address, bytes, content, measured, augmented } of sections) {
    const add = (page: number): void => {
      if (!augmented) operation('MEM.PAGE.ADD', address + page);
    };
    const measure = (page: number): void => {
      if (!measured) return;
      for (let at = page; at < page + PAGE; at += CHUNK) {
        operation('MR.EXTEND', address + at);
        hash.update(padded(content, at));
      }
    };
    if (order === 'section') {
      for (let page = 0; page < bytes; page += PAGE) add(page);
      for (let page = 0; page < bytes; page += PAGE) measure(page);
    } else {
      for (let page = 0; page < bytes; page += PAGE) {
        add(page);
        measure(page);
      }
    }
  }
  return new Uint8Array(hash.digest());
}

/** 256 bytes of the content, zeros behind its end. */
function padded(content: Uint8Array, at: number): Uint8Array {
  const chunk = content.subarray(at, at + CHUNK);
  if (chunk.length === CHUNK) return chunk;
  const whole = new Uint8Array(CHUNK);
  whole.set(chunk);
  return whole;
}
