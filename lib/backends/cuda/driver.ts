/** The NVIDIA driver's own version, which CUDA itself does not tell. */
import { readFileSync } from 'node:fs';

/** The text of a file; empty where it cannot be read. */
export const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** The version in the kernel module's greeting. */
export const greetedVersion = (text: string): string | undefined => /NVRM version:.*?\b(\d+\.\d+(?:\.\d+)?)\b/.exec(text)?.[1];

/** The version in the name of the driver's library, with links followed; `text` may have more lines, as a list of what a process has loaded. */
export const namedVersion = (text: string): string | undefined => /\blibcuda\.so\.(\d+\.\d+(?:\.\d+)?)$/m.exec(text)?.[1];

/**
 * As "580.65.06": of the kernel module, or, where the system shows none (as in WSL and some containers), of the library that is loaded. Null where
 * neither tells.
 */
export const driverVersion = (read = readText): string | null =>
  greetedVersion(read('/proc/driver/nvidia/version')) ?? namedVersion(read('/proc/self/maps')) ?? null;
