/** Whether the addon's file is whole, before it is loaded: the system ends a process that touches what is missing of a library. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** How many bytes the file of a 64-bit Linux library must have, by the header of its sections, which linkers put last; 0 for files of another kind. */
function bytesByHeader(header: Buffer): number {
  const elf = header.length === 64 && header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2 && header[5] === 1;
  return elf ? Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60) : 0;
}

/** "has 5 of its 10 bytes" where the file was cut short, else null; null too where it cannot be read, which loading it tells better. */
export function cutShort(file: string): string | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const header = Buffer.alloc(64);
    const whole = bytesByHeader(header.subarray(0, readSync(descriptor, header)));
    const { size } = fstatSync(descriptor);
    return size < whole ? `has ${size} of its ${whole} bytes` : null;
  } finally {
    closeSync(descriptor);
  }
}
